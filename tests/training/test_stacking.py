"""Together or apart: asked for, timed once, remembered, and recorded."""

from __future__ import annotations

import json
from functools import partial

import pytest
import torch
import toys

from symbench.registry.view import make_problem
from symbench.runs.cell import run_cell
from symbench.runs.plan import Selection, make_plan
from symbench.training import stacking as choice
from symbench.training.setup import Schooling, TrialKey
from symbench.training.train import train

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")
KEYS = [TrialKey(16, seed) for seed in range(4)]
LONG = 100


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path))
    return tmp_path / "fleets"


@pytest.fixture
def clock(monkeypatch):
    """Steps that take what the test says: {"together": seconds, "apart": seconds of one trial}."""
    told = {"together": 1.0, "apart": 1.0, "steps": 0}

    def seconds(update, step, device):
        told["steps"] += 1
        return told["together" if len(update._trials) > 1 else "apart"]

    monkeypatch.setattr(choice, "_seconds", seconds)
    return told


def chosen(model=None, fleet="auto", updates=LONG, keys=KEYS):
    model = model or toys.Small()
    view = partial(make_problem, REGISTRY, TASK, model)
    school = Schooling(TASK, model, view, updates, torch.device("cpu"), fleet=fleet)
    trials = train(school, keys)
    assert len({trial.choice for trial in trials}) == 1
    assert {trial.stacked for trial in trials} == {
        len(keys) if trials[0].choice.stacked else 1
    }  # the decision is what is done
    return trials[0].choice


@pytest.mark.parametrize(("apart", "stacked"), [(0.5, True), (0.1, False)])
def test_the_faster_way_is_chosen(clock, apart, stacked):
    clock["apart"] = apart
    found = chosen()
    assert (found.stacked, found.reason) == (stacked, "timed")
    assert (found.together_seconds, found.apart_seconds) == (1.0, 4 * apart)


def test_a_clear_difference_is_timed_once_and_a_small_one_three_times(clock):
    chosen()
    assert clock["steps"] == 6  # each way twice to warm up, and once
    clock["apart"] = 0.26
    chosen(toys.Small(toys.Small.Config(width=5)))
    assert clock["steps"] == 6 + 10


def test_a_decision_is_remembered_on_this_machine(clock, own_cache):
    first = chosen()
    clock["together"] = 100.0  # the machine is busy now: the decision stays
    again = chosen()
    assert (again.reason, again.stacked) == ("remembered", True)
    assert again.apart_seconds == first.apart_seconds
    (file,) = own_cache.iterdir()
    assert json.loads(file.read_text())["stacked"] is True


def test_other_shapes_are_another_decision(clock):
    chosen()
    clock["together"] = 100.0
    assert chosen(toys.Small(toys.Small.Config(width=5))).reason == "timed"
    assert chosen(keys=KEYS[:3]).reason == "timed"
    assert not chosen(keys=[TrialKey(20, seed) for seed in range(4)]).stacked


def test_of_two_runs_that_decide_at_once_the_first_is_believed(own_cache):
    path = own_cache / "x.json"
    first = choice._remember(path, choice.Choice(True, "timed", 1.0, 2.0))
    second = choice._remember(path, choice.Choice(False, "timed", 2.0, 1.0))
    assert first.stacked
    assert (second.stacked, second.reason) == (True, "remembered")


@pytest.mark.parametrize("damage", ["", "[]", '{"stacked": true}', '{"stacked": 1, "together'])
def test_a_damaged_decision_is_taken_again(clock, own_cache, damage):
    chosen()
    (file,) = own_cache.iterdir()
    file.write_text(damage)
    assert chosen().reason == "timed"
    assert chosen().reason == "remembered"


def test_a_cache_that_cannot_be_written_is_left_alone(clock, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYMBENCH_CACHE", str(tmp_path / "file"))
    assert chosen().reason == "timed"


@pytest.mark.parametrize(
    ("model", "fleet", "updates", "reason"),
    [
        (toys.Small, "on", LONG, "asked"),
        (toys.Small, "off", LONG, "asked"),
        (toys.Small, "auto", 10, "short"),
        (toys.Dropping, "auto", LONG, "impossible"),
    ],
)
def test_what_needs_no_timing_is_not_timed(clock, model, fleet, updates, reason):
    assert chosen(model(), fleet, updates).reason == reason
    assert clock["steps"] == 0


def test_networks_that_fill_the_memory_train_one_by_one(clock, monkeypatch):
    monkeypatch.setattr(choice, "_LARGE", 100)
    assert chosen().reason == "large"


def test_one_trial_needs_no_decision(clock):
    assert chosen(keys=KEYS[:1]).reason == "single"


def test_timing_leaves_the_result_as_it_is():
    model = toys.Augmented()
    view = partial(make_problem, REGISTRY, TASK, model)
    x = TASK.sample(32, 0, "test").x
    outputs, reasons = [], []
    for fleet in ("auto", "on", "off"):
        trials = train(Schooling(TASK, model, view, LONG, torch.device("cpu"), fleet=fleet), KEYS)
        reasons.append(trials[0].choice)
        with torch.no_grad():
            outputs.append(torch.stack([trial.module(x) for trial in trials]))
    assert reasons[0].reason == "timed"
    assert torch.equal(outputs[0], outputs[1 if reasons[0].stacked else 2])


def test_a_record_says_what_was_decided_and_why(clock, monkeypatch):
    monkeypatch.setattr(choice, "_SHORT", 10)
    (cell,) = make_plan(REGISTRY, Selection(("norms",), ("small",), "smoke"))
    record = run_cell(REGISTRY, cell)
    assert record.provenance["fleet"] == 2  # one fleet of two seeds for each size
    assert record.provenance["fleet_choice"] == {
        "stacked": True, "reason": "timed", "together_seconds": 1.0, "apart_seconds": 2.0,
    }  # fmt: skip
    assert record.key == cell.key
