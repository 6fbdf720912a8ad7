"""The pytest plugin: a test marked ``symbench("my-model")`` runs once per check of the model.

The test gets the check as the fixture ``promise``. Tests without the marker are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker."""
    config.addinivalue_line(
        "markers", "symbench(name, ...): run the checks of these registered names"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test per check of the marked names."""
    marked = list(metafunc.definition.iter_markers("symbench"))
    if not marked or "promise" not in metafunc.fixturenames:
        return
    from symbench import testing

    checks = [check for marker in marked for name in marker.args for check in testing.checks(name)]
    metafunc.parametrize("promise", checks, ids=str)
