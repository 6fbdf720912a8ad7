"""A small soak finds nothing, and its checks find what they are to find."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from made_records import cell
from toy_runs import run

from symbench.records.store import Store

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "soak.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="needs the source tree")


@pytest.fixture
def checks(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    from soaking import checks

    return checks


@pytest.fixture
def commands(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    from soaking import commands

    return commands


@pytest.fixture
def store(tmp_path):
    """A store with one record, and its directory."""
    path = tmp_path / "store"
    Store(path).write(cell("mlp"))
    return path


def kinds(findings):
    return sorted(kind for kind, _ in findings)


def ended(commands, tmp_path, said="", code=0, out="{}"):
    """A command that has ended with an exit code, and what it has said."""
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    process.wait()
    (tmp_path / "run.out").write_text(out)
    (tmp_path / "run.err").write_text(said)
    command = commands.Command(process, "m", tmp_path / "run.out", tmp_path / "run.err", 0.0)
    command.read()
    return command


@pytest.mark.slow
@pytest.mark.skipif("SYMBENCH_SOAK" not in os.environ, reason="minutes; set SYMBENCH_SOAK=1")
def test_a_small_soak_finds_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), "--runs", "6", "--seed", "5"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads(done.stdout)
    assert results == json.loads((tmp_path / "results.json").read_text())
    assert results["findings"] == []
    assert results["counts"]["runs"] == 6
    assert results["counts"]["good cells compared"] == 6 * results["counts"]["undisturbed runs"]
    assert any(name.startswith("signal: SIGKILL") for name in results["counts"])
    assert any(name.startswith("fault: ") for name in results["counts"])


def test_a_sound_store_has_no_findings(checks, store):
    (store / "cells" / ".0123456789abcdef.json.x.tmp").write_text("half a rec")
    assert list(checks.store_findings(store)) == []
    assert checks.temporary_files(store) == 1


def test_a_torn_record_is_found(checks, store):
    (file,) = store.glob("cells/*.json")
    file.write_bytes(file.read_bytes()[:-20])
    assert "torn record" in kinds(checks.store_findings(store))


def test_torn_tensors_are_found(checks, store):
    (file,) = store.glob("cells/*.json")
    file.with_suffix(".safetensors").write_bytes(b"half")
    assert kinds(checks.store_findings(store)) == ["torn tensors"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("[1/2] o5 mlp ok (0.4 s, time left unknown)", []),
        ("[1/2] o5 linear ok (0.4 s)", ["lost record"]),
        ("[1/2] o5 linear interrupted (0.0 s)", []),
    ],
)
def test_a_cell_that_was_reported_and_is_not_stored_is_found(
    checks, commands, store, tmp_path, line, found
):
    said = ended(commands, tmp_path, f"symbench: warning: noise\n{line}\n")
    assert kinds(checks.lost_findings(checks.cells_of(store), [said])) == found


def test_a_score_that_differs_in_its_last_bit_is_found(checks, store):
    cells = checks.cells_of(store)
    ((pair, record),) = cells.items()
    same = checks.Reference({pair: checks.scores(record)})
    assert list(checks.score_findings(cells, same)) == []
    trial = record.trials[0]
    trial.scores["error"] = float(np.nextafter(trial.scores["error"], 1))
    ((kind, what),) = checks.score_findings(cells, same)
    assert (kind, what) == ("unequal cell", "o5 mlp: error")


def test_records_of_either_way_of_training_have_references(checks, tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    for fleet, apart in (("on", False), ("off", True)):
        (record,) = run(["small"], tmp_path / fleet, executor="inline", fleet=fleet).records
        assert checks.trained_apart(record) is apart


def test_an_exit_code_and_output_that_nothing_explains_are_found(checks, commands, tmp_path):
    document = json.dumps({"cells": [{}]})
    assert kinds(checks.command_findings(ended(commands, tmp_path, code=2), 1)) == ["exit code"]
    assert kinds(checks.command_findings(ended(commands, tmp_path, out="{"), 1)) == ["output"]
    plain = ended(commands, tmp_path, out=document)
    assert kinds(checks.command_findings(plain, 1)) == []
    assert kinds(checks.command_findings(plain, 2)) == ["plan"]


def test_a_cell_that_is_not_resumed_is_found(checks, commands, store, tmp_path):
    pair, outcome = ("o5", "mlp"), {"task": "o5", "model": "mlp", "status": "ok"}
    cells = checks.cells_of(store)

    def found(**outcomes):
        document = json.dumps({"cells": [outcome | outcomes]})
        last = ended(commands, tmp_path, out=document)
        return kinds(checks.resumed_findings(cells, last, [pair]))

    assert found(reused=True) == []
    assert found(reused=False) == ["not resumed"]
    assert found(reused=True, status="failed") == ["unfinished cell"]


def test_a_process_that_outlives_its_command_is_found_and_killed(commands, monkeypatch):
    monkeypatch.setattr(commands, "_END_SECONDS", 0.0)
    stray = subprocess.Popen(["sleep", "600"], env={commands.MARKER: "of-a-test"})
    left, _ = commands.strays(["of-a-test"])
    assert [process.pid for process in left] == [stray.pid]
    commands.kill(left)
    stray.wait()
    assert not psutil.pid_exists(stray.pid)


def test_every_fault_is_a_plugin_file_that_python_can_read(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    from soaking import plugins

    for kind, fault in plugins.FAULTS.items():
        for place in fault.places:
            text = plugins._text(kind, place, f"soak-{kind}", "/flag")
            compile(text, f"{kind}.py", "exec")
            assert len(re.findall(r"^ *trouble\(\)$", text, re.MULTILINE)) == 1
