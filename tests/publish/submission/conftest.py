"""The submission of a small run, and what runs its cells again."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import toys

import symbench
from symbench import registry
from symbench.publish.submission import Rerunner, make

TOYS = Path(toys.__file__)
MODELS = ("small", "told", "raising", "declining")


@pytest.fixture(scope="session")
def honest(tmp_path_factory):
    """The submission of a run of four toys: two work, one fails, one declines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBENCH_PLUGINS", "none")
        records = symbench.run(
            ["norms"], MODELS, "smoke", tmp_path_factory.mktemp("store"), executor="inline",
            plugin_files=(TOYS,), device="cpu",
        ).records  # fmt: skip
    return make(records, "smoke")


@pytest.fixture
def rerunner(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    return Rerunner(registry.load((TOYS,)))


@pytest.fixture
def document(honest):
    return copy.deepcopy(honest.raw)
