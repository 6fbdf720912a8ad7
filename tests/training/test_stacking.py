"""Together or apart: a rule on shapes, held against the table that it was derived from."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path

import pytest
import torch
import toys

from symbench.contract import Recipe
from symbench.draws import Draws
from symbench.registry.problem import make_problem
from symbench.runs.cell import run_cell
from symbench.runs.plan import Selection, make_plan
from symbench.training import stacking
from symbench.training import train as training
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.stacking import Work, decide, is_small
from symbench.training.train import train

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")
KEYS = [TrialKey(16, seed) for seed in range(4)]
LONG = 100
TABLE = Path(__file__).parents[2] / "scripts" / "stacking.csv"


def setup_of(model, fleet="auto", updates=LONG, device="cpu"):
    problem_of = partial(make_problem, REGISTRY, TASK, model)
    return TrainingSetup(
        Draws.of(TASK), model, problem_of, updates, torch.device(device), fleet=fleet
    )


def decided(model=None, fleet="auto", updates=LONG, keys=KEYS):
    trials = train(setup_of(model or toys.Small(), fleet, updates), keys)
    assert len({trial.stacking for trial in trials}) == 1
    decision = trials[0].stacking
    assert {trial.stacked for trial in trials} == {
        len(keys) if decision.stacked else 1
    }  # the trials train as decided
    return decision.stacked, decision.reason


@pytest.fixture
def measured():
    """The rows of the table whose trials can be stacked."""
    with TABLE.open(newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["together_seconds"]]


def test_over_the_quick_tier_the_rule_loses_at_most_3_percent_to_timing_each_cell(measured):
    best = total = 0.0
    for row in measured:
        together, apart = float(row["together_seconds"]), float(row["apart_seconds"])
        small = is_small(int(row["operations"]), int(row["numbers"]))
        best += int(row["updates"]) * min(together, apart)
        total += int(row["updates"]) * (together if small else apart)
    assert total <= 1.03 * best


def test_the_rule_separates_the_cells_of_the_table(measured):
    small = {is_small(int(row["operations"]), int(row["numbers"])) for row in measured}
    assert small == {True, False}


@pytest.mark.parametrize(
    ("model", "fleet", "updates", "decision"),
    [
        (toys.Small, "on", LONG, (True, "asked")),
        (toys.Small, "off", LONG, (False, "asked")),
        (toys.Small, "auto", 10, (True, "short")),
        (toys.Small, "auto", LONG, (True, "small")),
        (toys.Dropping, "auto", LONG, (False, "impossible")),
        (toys.Branching, "auto", LONG, (False, "impossible")),
        (toys.Dropping, "on", LONG, (False, "impossible")),
    ],
)
def test_a_decision_names_its_reason(model, fleet, updates, decision):
    assert decided(model(), fleet, updates) == decision


def test_a_network_that_writes_many_numbers_per_operation_trains_one_by_one(monkeypatch):
    monkeypatch.setattr(stacking, "NUMBERS", 10)
    assert decided() == (False, "large")


def test_networks_that_would_fill_the_memory_train_one_by_one(monkeypatch):
    monkeypatch.setattr(stacking, "_PARAMETERS", 100)
    assert decided() == (False, "large")
    assert decided(updates=10) == (False, "large")


def test_one_trial_needs_no_decision():
    assert decided(keys=KEYS[:1]) == (True, "single")


def test_asking_for_the_impossible_raises():
    with pytest.raises(RuntimeError):
        decided(toys.Branching(), "on")


def test_on_a_gpu_trials_always_train_together(monkeypatch):
    monkeypatch.setattr(stacking, "NUMBERS", 0)
    model = toys.Small()
    trials = [training._prepare(setup_of(model), key) for key in KEYS]
    decision = decide(trials, Recipe(), setup_of(model, device="cuda"))
    assert (decision.stacked, decision.reason) == (True, "gpu")


def test_work_counts_operations_and_their_results_but_no_views():
    x = torch.ones(3, 4)
    with Work() as work:
        (x.T @ x).view(16).add(1)  # [4, 4] and [16]
    assert (work.operations, work.numbers) == (2, 32)


def test_a_decision_depends_on_shapes_only():
    recipe = Recipe(batch_size=8)
    works = []
    for keys in (KEYS[:1], [TrialKey(16, 7)], [TrialKey(64, 3)]):
        setup = setup_of(toys.Small())
        work = stacking.update_work(training._prepare(setup, keys[0]), recipe, setup)
        works.append((work.operations, work.numbers))
    assert len(set(works)) == 1


def test_the_decision_leaves_the_result_unchanged():
    model = toys.Augmented()
    x = TASK.sample(32, 0, "test").x
    outputs, decisions = [], []
    for fleet in ("auto", "on", "off"):
        trials = train(setup_of(model, fleet), KEYS)
        decisions.append(trials[0].stacking)
        with torch.no_grad():
            outputs.append(torch.stack([trial.module(x) for trial in trials]))
    assert decisions[0].reason == "small"
    assert torch.equal(outputs[0], outputs[1])


def test_a_record_says_what_was_decided_and_why():
    (cell,) = make_plan(REGISTRY, Selection(("norms",), ("small",), "smoke"))
    record = run_cell(REGISTRY, cell)
    assert record.provenance["fleet"] == 2  # one fleet of two seeds for each size
    assert record.provenance["fleet_choice"] == {
        "stacked": True, "reason": "small", "together_seconds": None, "apart_seconds": None,
    }  # fmt: skip
    assert record.key == cell.key
