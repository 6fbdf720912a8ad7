"""The pytest plugin: a test marked ``symbench("my-model")`` runs once per check of the model.

The test gets the check as the fixture ``promise``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbench import testing

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker."""
    config.addinivalue_line(
        "markers", "symbench(name, ...): run the checks of these registered names"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test per check of the marked names."""
    if "promise" not in metafunc.fixturenames:
        return
    marked = metafunc.definition.iter_markers("symbench")
    checks = [check for marker in marked for name in marker.args for check in testing.checks(name)]
    metafunc.parametrize("promise", checks, ids=str)
