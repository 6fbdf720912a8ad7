"""Settings and fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest
from hypothesis import settings

settings.register_profile("symbench", deadline=None)  # a busy machine is not a counterexample
settings.load_profile("symbench")


@pytest.fixture
def data_directory(tmp_path, monkeypatch) -> Path:
    """An empty SYMBENCH_DATA, an empty cache beside it, and no network."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("SYMBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SYMBENCH_OFFLINE", "1")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "data"
