"""The verb ``run``: plans, suites, outcomes and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from symbench.records.store import Store


def test_a_dry_run_shows_the_plan_and_writes_nothing(call: Any, tmp_path: Path) -> None:
    done = call("run", "--all", "--tier", "smoke", "--dry-run", "--json", "--store", "s")
    plans = {cell["model"]: cell["plan"] for cell in json.loads(done.out)["cells"]}
    assert plans == {"wide": "run", "picky": "declined", "raising": "run"}
    assert not (tmp_path / "s").exists()


def test_debugging_takes_no_offence_at_a_cluster(call: Any) -> None:
    cluster = ("--executor", "ray", "--ray-address", "host:6379")
    assert call("run", "--all", "--pdb", *cluster, "--dry-run").code == 0
    assert call("run", "--all", "--pdb", *cluster[2:], "--dry-run").code == 2


def test_run_trains_stores_and_prints_the_leaderboard(call: Any, tmp_path: Path) -> None:
    arguments = ["run", "--suite", "tiny", "--executor", "inline", "--store", "s"]
    done = call(*arguments)
    assert done.code == 0
    assert "wide" in done.out
    assert "[1/1] length wide ok" in done.err
    again = call(*arguments, "--json")
    document = json.loads(again.out)
    assert document["exit"] == 0
    assert document["cells"][0]["reused"] is True
    assert set(document) == {"run", "store", "cells", "exit"}
    assert len(Store(tmp_path / "s").records()) == 1


def test_a_failed_cell_makes_exit_1_and_the_rest_is_stored(call: Any, tmp_path: Path) -> None:
    done = call("run", "--all", "--tier", "smoke", "--executor", "inline", "--store", "s")
    assert done.code == 1
    assert "no network today" in done.err
    statuses = {r.identity.model: r.status for r in Store(tmp_path / "s").records()}
    assert statuses == {"wide": "ok", "picky": "declined", "raising": "failed"}


def test_a_suite_is_read_from_toml(call: Any, tmp_path: Path) -> None:
    suite = tmp_path / "mine.toml"
    suite.write_text('tasks = ["length"]\nmodels = ["w*"]\ntier = "smoke"\nsizes = [8]\nseeds = 1')
    done = call("run", "--suite", str(suite), "--dry-run", "--json")
    assert [cell["model"] for cell in json.loads(done.out)["cells"]] == ["wide"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("tasks = [", "is not TOML"),
        ("tasks = " + 20_000 * "[", "is not TOML"),
        ("taks = []", "has no key 'taks'"),
        ("tasks = 'length'", "must be a list of str"),
        ("sizes = [true]", "must be a list of int"),
        ("seeds = 1.5", "a whole number"),
    ],
)
def test_a_bad_suite_is_refused_with_its_fault(
    call: Any, tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "bad.toml").write_text(content)
    done = call("run", "--suite", str(tmp_path / "bad.toml"), "--dry-run")
    assert done.code == 2
    assert message in done.err


def test_an_unwritable_store_stops_a_run_before_training(call: Any, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("in the way")
    done = call("run", "--suite", "tiny", "--executor", "inline", "--store", "s")
    assert done.code == 2
    assert "--store DIR" in done.err
    assert "length wide" not in done.err


BROKEN = "raise SystemExit('no licence')\n"
FAULTY = """
from torch import nn
from symbench import Model, hookimpl


class Faulty(Model):
    name, version, prior, summary = "faulty", "1", "none", "leaves when it is asked"

    def accepts(self, problem):
        raise SystemExit(0)

    def build(self, problem):
        return nn.Linear(problem.input_size, problem.output_size)


@hookimpl
def symbench_register(registry):
    registry.model(Faulty)
"""


def test_a_model_that_leaves_when_it_is_asked_is_a_failed_row(call: Any, tmp_path: Path) -> None:
    (tmp_path / "faulty.py").write_text(FAULTY)
    chosen = ["run", "-t", "length", "-m", "faulty", "-m", "wide", "--tier", "smoke", "--json"]
    chosen += ["--plugin", "faulty.py", "--store", "s", "--executor", "inline"]
    dry = json.loads(call(*chosen, "--dry-run").out)["cells"]
    assert {cell["model"]: cell["plan"] for cell in dry} == {"faulty": "failed", "wide": "run"}
    assert "SystemExit" in dry[0]["reason"]
    done = call(*chosen)
    assert done.code == 1
    cells = json.loads(done.out)["cells"]
    assert {cell["model"]: cell["status"] for cell in cells} == {"faulty": "failed", "wide": "ok"}


@pytest.mark.parametrize("how", [["--dry-run"], []])
def test_a_plugin_file_that_cannot_be_loaded_is_named_again_at_the_end(
    call: Any, tmp_path: Path, how: list[str]
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    chosen = ["run", "--suite", "tiny", "--executor", "inline", "--store", "s", *how]
    done = call(*chosen, "--plugin", "broken.py")
    assert done.code == 0
    last = done.err.strip().splitlines()[-1]
    assert "not used: --plugin broken.py: SystemExit: no licence" in last


def test_a_plugin_that_changes_the_directory_moves_neither_plugins_nor_store(
    call: Any, tmp_path: Path, caplog: Any
) -> None:
    (tmp_path / "a.py").write_text("import os\nos.chdir('/')\n" + FAULTY)
    (tmp_path / "b.py").write_text(FAULTY.replace("faulty", "second"))
    chosen = ["run", "-t", "length", "-m", "second", "--tier", "smoke", "--store", "s"]
    done = call(*chosen, "--plugin", "a.py", "--plugin", "b.py", "--executor", "inline")
    assert done.code == 1
    assert "plugin a changed the working directory" in caplog.text
    (record,) = Store(tmp_path / "s").records()
    assert record.identity.model == "second"


def test_a_record_of_a_newer_schema_is_shown_as_failed_and_kept(call: Any, tmp_path: Path) -> None:
    chosen = ["run", "--suite", "tiny", "--executor", "inline", "--store", "s"]
    assert call(*chosen).code == 0
    (path,) = (tmp_path / "s" / "cells").glob("*.json")
    newer = path.read_text().replace('"schema": 1', '"schema": 2')
    path.write_text(newer)
    assert "failed" in call(*chosen, "--dry-run").out
    done = call(*chosen, "--fresh")
    assert done.code == 1
    assert "update symbench" in done.err
    assert path.read_text() == newer


def test_published_rows_stand_beside_those_of_the_run(call: Any, tmp_path: Path) -> None:
    first = ["run", "-t", "length", "-m", "wide", "--tier", "smoke", "--executor", "inline"]
    assert call(*first, "--store", "a").code == 0
    assert call("publish", "--store", "a", "--to", "lab", "--no-site").code == 0
    done = call(*first, "--store", "b", "--against", "lab")
    assert done.code == 0
    assert "published" in done.out
    assert "run here, too" in " ".join(done.out.split())
    assert "lab is shown as published" in done.err
    other = call(*first, "--store", "c", "--seeds", "1", "--sizes", "4,8", "--against", "lab")
    assert "no published row stands beside these: length has sizes [4, 8] here" in other.err
    wrong = call(*first, "--store", "d", "--against", "a")
    assert wrong.code == 2
    assert "is a store, no publication" in wrong.err
    assert not (tmp_path / "d").exists()
