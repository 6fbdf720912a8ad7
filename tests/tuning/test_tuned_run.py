"""The result of a search is run by ``run --tuned``, stated in the tables, and can be verified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import toys
from typer.testing import CliRunner

from symbench.cli import app
from symbench.errors import InputError
from symbench.publish.submission.rerun import Rerunner
from symbench.records.store import Store
from symbench.registry import load
from symbench.runs.plan import Selection, Tuned, make_plan
from symbench.tuning.study import path_of, read
from symbench.tuning.tuned import tuned_cells

pytest.importorskip("optuna")
PLUGIN = Path(toys.__file__)
SEARCH = ("tune", "small", "-t", "norms", "--attempts", "3", "--seeds", "1")
RUN = ("run", "-t", "norms", "-m", "small", "-m", "told", "--executor", "inline", "--sizes", "16")


@pytest.fixture(autouse=True)
def no_entry_points(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")


def call(store, *arguments):
    fixed = ["--store", str(store), "--plugin", str(PLUGIN), "--tier", "smoke"]
    return CliRunner().invoke(app, [*arguments, *fixed], standalone_mode=False)


def study_of(store):
    found = read(path_of(store, "norms", "small", "smoke"))
    assert found is not None
    return found


def test_a_tuned_run_trains_what_the_search_found_and_states_its_budget(tmp_path):
    call(tmp_path, *SEARCH)
    best = study_of(tmp_path).best
    assert best is not None
    assert best.config != study_of(tmp_path).spec.base
    result = call(tmp_path, *RUN, "--tuned")
    assert isinstance(result.exception, SystemExit) or result.exception is None
    records = {record.identity.model: record for record in Store(tmp_path).records()}
    small = records["small"].identity
    assert small.config == best.config
    assert small.protocol["recipe"]["learning_rate"] == best.config["learning_rate"]
    assert small.protocol["tuning"] == {
        "trials": 3, "seeds": 1, "n_train": 64, "sampler_seed": 0,
    }  # fmt: skip
    assert "tuning" not in records["told"].identity.protocol
    assert [trial.seed for trial in records["small"].trials] == [0, 1]
    rows = json.loads(call(tmp_path, "leaderboard", "--json").stdout)["rows"]
    assert {row["model"]: row.get("tuning") for row in rows} == {"small": 3, "told": None}
    assert "tuning" in call(tmp_path, "leaderboard").stdout
    text = call(tmp_path, "leaderboard", "--summary", "--format", "md").stdout
    assert "tuned on the valid split, attempts per task: small 3; the others untuned" in text
    rerunner = Rerunner(load([PLUGIN], discover=False), "inline")
    assert rerunner.obstacles([small]) == {small.key: None}
    assert rerunner.run(records["small"]).trials[0].scores["error"] == pytest.approx(
        records["small"].trials[0].scores["error"], rel=1e-5
    )


def test_tuned_and_untuned_cells_are_distinguished():
    registry = toys.toy_registry()
    chosen = Selection(("norms",), ("small",), "smoke")
    found = {("norms", "small"): Tuned({"width": 16}, {"trials": 5})}
    (plain,), (tuned,) = (
        make_plan(registry, one)
        for one in (chosen, Selection(("norms",), ("small",), "smoke", tuned=found))
    )
    assert plain.identity.config == tuned.identity.config
    assert plain.key != tuned.key


def test_a_tuned_run_without_a_search_is_refused(tmp_path):
    result = call(tmp_path, *RUN, "--tuned")
    assert isinstance(result.exception, InputError)
    assert "`symbench tune` first" in str(result.exception)


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("budget", 9, "has made 3 of 9 attempts"),
        ("model_version", "0", "is out of date"),
        ("task_fingerprint", "0", "is out of date"),
        ("status", "failed", "succeeded"),
    ],
)
def test_a_search_that_is_not_finished_and_current_is_refused(tmp_path, part, value, message):
    call(tmp_path, *SEARCH)
    study = study_of(tmp_path)
    if part == "status":
        for attempt in study.attempts:
            attempt.status = value
    else:
        setattr(study if part == "budget" else study.spec, part, value)
    study.write(tmp_path)
    registry = load([PLUGIN], discover=False)
    with pytest.raises(InputError, match=message):
        tuned_cells(registry, [("norms", "small")], "smoke", tmp_path)
