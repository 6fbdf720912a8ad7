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
