"""Code is hashed without an import, and to the same digits as with one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from symbench import registry
from symbench.registry import known_code
from symbench.registry.source_hash import model_sha256, source_sha256
from symbench.runs.staleness import fingerprint_of

REGISTRY = registry.load()
MODELS = "mlp", "soft-emlp", "node-emlp", "mlp-penalty", "e3nn", "gcn", "pyg-gcn"

ASK = """
import sys
from symbench import registry
from symbench.registry import known_code

known = registry.load()
card = known.card("model", "node-emlp")
print(known_code.code_of_model(known, card, {}), known_code.code_of(known.card("task", "csl")))
print(sorted({"torch", "symbench_dynamics.models", "symbench_graphs.csl"} & set(sys.modules)))
"""


@pytest.mark.parametrize("name", MODELS)
def test_the_code_of_a_model_is_that_of_the_imported_class(name):
    card = REGISTRY.card("model", name)
    assert known_code.code_of(card) == source_sha256(card.load())
    assert known_code.code_of_model(REGISTRY, card, {}) == model_sha256(REGISTRY, card.load()())


def test_a_configuration_that_is_no_longer_possible_has_no_code():
    card = REGISTRY.card("model", "mlp")
    assert known_code.code_of_model(REGISTRY, card, {"no such option": 1}) is None


def test_a_fingerprint_is_that_of_the_task_at_the_tier():
    card = REGISTRY.card("task", "csl")
    known = known_code.fingerprint_of(card, "smoke", fingerprint_of)
    assert known == fingerprint_of(card.load().for_tier("smoke"))


def test_the_fingerprint_of_a_task_that_reads_files_is_asked_each_time():
    card, asked = REGISTRY.card("task", "scrambled-mnist-plain"), []
    for _ in range(2):
        known_code.fingerprint_of(card, "smoke", lambda task: asked.append(task.name))
    assert len(asked) == 2


def test_a_second_process_imports_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path))
    # a stranger's plugin may import torch when it is loaded; the built-in ones do not
    plugins = ("baselines", "dynamics", "emlp", "graphs")
    monkeypatch.setenv("SYMBENCH_PLUGINS", ",".join(f"symbench_{name}" for name in plugins))
    first, second = (
        subprocess.run(
            [sys.executable, "-c", ASK], capture_output=True, text=True, check=True, timeout=120
        ).stdout.splitlines()
        for _ in range(2)
    )
    assert first[0] == second[0]
    assert "torch" in first[1]
    assert second[1] == "[]"
