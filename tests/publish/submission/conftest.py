"""What runs the cells of a submission again."""

from __future__ import annotations

from pathlib import Path

import pytest
import toys

from symbench import registry
from symbench.publish.submission import Rerunner


@pytest.fixture
def rerunner(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    return Rerunner(registry.load((Path(toys.__file__),)))
