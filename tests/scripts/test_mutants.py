"""Mutants: equal seeds make equal documents, faults are counted, and the readers have none."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
PROGRAM = SCRIPTS / "mutants.py"
pytestmark = pytest.mark.skipif(not PROGRAM.is_file(), reason="needs the source tree")

DOCUMENT = {"schema": 1, "task": "t", "seeds": [0, 1], "trials": [{"scores": {"error": 0.5}}]}


def seeded(seed):
    return Random(seed)  # noqa: S311 - mutants are no secrets


@pytest.fixture
def scripts(monkeypatch):
    """The modules of the program, which are in its own folder."""
    monkeypatch.syspath_prepend(SCRIPTS)
    import mutants
    import mutations

    return mutants, mutations


def test_equal_seeds_make_equal_mutants_and_others_differ(scripts):
    _, mutations = scripts
    content = json.dumps(DOCUMENT).encode()
    for spoil, original in ((mutations.spoil_json, DOCUMENT), (mutations.spoil_bytes, content)):
        made = [spoil(original, seeded(seed)) for seed in range(100)]
        assert made == [spoil(original, seeded(seed)) for seed in range(100)]
        assert len(set(made)) > 90
    assert json.dumps(DOCUMENT).encode() == content


@pytest.mark.slow
def test_mutants_are_of_many_kinds(scripts):
    _, mutations = scripts
    made = [mutations.spoil_json(DOCUMENT, seeded(seed)) for seed in range(2000)]
    for part in (b"NaN", b"Infinity", b"[" * 500, b'{"a":' * 500, b"1" + b"0" * 4000, b"\\u202e",
                 b"../../etc/passwd", b'"schema": 0, "schema":', b"-1", b'\\"' * 1000,
                 b"9999-12-31", b"\\u001b"):  # fmt: skip
        assert any(part in one for one in made), part
    assert any(len(one) > 1_000_000 for one in made)


def compute(seconds):
    """Use so much processor time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: {}["key"], "KeyError"),
        (lambda: (_ for _ in ()).throw(RecursionError()), "RecursionError"),
        (lambda: compute(0.1), "slow"),
        (lambda: compute(60), "hang"),
    ],
)
def test_whatever_is_no_error_of_symbench_is_a_fault(scripts, call, what):
    mutants, _ = scripts
    taster = mutants.Taster(mutants.Limits(0.05, 100))
    taster.step("reader", call)
    assert taster.outcomes == [("reader", what)]
    assert [fault["what"] for fault in taster.faults] == [what]


def test_own_errors_and_nothing_are_refusals(scripts):
    from symbench.errors import InputError

    def refuse():
        raise InputError("no")

    taster = scripts[0].Taster(scripts[0].Limits(10.0, 100))
    assert taster.step("a", refuse) is None
    assert taster.step("b", lambda: None) is None
    assert taster.step("c", lambda: "text") == "text"
    assert taster.outcomes == [("a", "refused"), ("b", "refused"), ("c", "read")]
    assert not taster.faults


@pytest.mark.slow
def test_a_few_hundred_mutants_cause_no_fault():
    pytest.importorskip("optuna")
    command = [sys.executable, str(PROGRAM), "--count", "200", "--seed", "11", "--seconds", "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    summary = json.loads(done.stdout)
    assert summary["each_fault"] == []
    assert done.returncode == 0
    assert summary["documents"] == 200
    assert {kind for kind, counts in summary["kinds"].items() if counts["documents"]} == {
        "record", "submission", "publication", "tuning", "card", "cache", "tensors", "suite",
    }  # fmt: skip
    for kind, first in (("record", "store"), ("submission", "parse"), ("tuning", "read")):
        assert summary["kinds"][kind]["outcomes"][first]["read"] > 0
