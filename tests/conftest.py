"""Settings and fixtures that all tests share."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest
from hypothesis import settings

settings.register_profile("symbench", deadline=None)  # a busy machine is not a counterexample
settings.load_profile("symbench")


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What symbench and its plugins log: a library may log from its own thread at any moment."""

    def own(record: logging.LogRecord) -> bool:
        return record.name.startswith("symbench")

    caplog.handler.addFilter(own)
    yield caplog
    caplog.handler.removeFilter(own)


@pytest.fixture
def data_directory(tmp_path, monkeypatch) -> Path:
    """An empty SYMBENCH_DATA, an empty cache beside it, and no network."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("SYMBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SYMBENCH_OFFLINE", "1")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "data"


@pytest.fixture(scope="session")
def honest(tmp_path_factory):
    """The submission of a run of four toys: two work, one fails, one declines."""
    import toys

    import symbench
    from symbench.publish.submission import make

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBENCH_PLUGINS", "none")
        records = symbench.run(
            ["norms"], ["small", "told", "raising", "declining"], "smoke",
            tmp_path_factory.mktemp("store"), executor="inline", plugin_files=(toys.__file__,),
            device="cpu",
        ).records  # fmt: skip
    return make(records, "smoke")


@pytest.fixture
def document(honest):
    """The document of that submission, to be changed."""
    return copy.deepcopy(honest.raw)
