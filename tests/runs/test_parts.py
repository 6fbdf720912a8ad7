"""A cell whose sizes are computed apart has the record of the whole cell."""

from __future__ import annotations

import pytest
import torch
import toys
from safetensors.torch import load

from symbench import registry
from symbench.runs import networks
from symbench.runs.cell import run_cell
from symbench.runs.parts import in_parts, merged
from symbench.runs.plan import Selection, make_plan

TOYS = toys.toy_registry()
BUILT_IN = registry.load()
TIMES = ("train_seconds", "samples_per_second", "peak_bytes")


def planned(known, task, model, sizes=(16, 48, 96), updates=40):
    chosen = Selection((task,), (model,), "quick", sizes, seeds=2, updates=updates)
    (cell,) = make_plan(known, chosen)
    return cell


def whole_and_parts(known, cell, **how):
    whole = run_cell(known, cell, **how)
    parts = [run_cell(known, part, **how) for part in in_parts(cell)[::-1]]
    return whole, parts


def trials_of(record):
    return [
        (t.n_train, t.seed, t.status, t.scores,
         {name: value for name, value in t.cost.items() if name not in TIMES})
        for t in record.trials
    ]  # fmt: skip


CASES = [
    (BUILT_IN, "o5-invariant", "mlp"),
    (BUILT_IN, "o5-invariant", "mlp-augmented"),
    (BUILT_IN, "broken-o5-0.3", "kernel-null"),
    (BUILT_IN, "rotation-fixed", "lconv"),
    (TOYS, "norms", "dropping"),
    (TOYS, "norms", "exploding"),
]


@pytest.mark.parametrize(("known", "task", "model"), CASES, ids=[case[2] for case in CASES])
def test_the_merged_parts_are_the_whole_cell(known, task, model):
    cell = planned(known, task, model)
    whole, parts = whole_and_parts(known, cell, keep_networks="all")
    record = merged(parts[::-1])  # in whatever order they arrive
    assert record.status == whole.status
    assert record.key == whole.key
    assert trials_of(record) == trials_of(whole)
    assert record.networks == whole.networks
    assert record.tensors.keys() == whole.tensors.keys()
    assert all(torch.equal(tensor, whole.tensors[name]) for name, tensor in record.tensors.items())
    unequal = {"started", "seconds"}
    assert record.provenance.known().keys() == whole.provenance.known().keys()
    for name, value in whole.provenance.known().items():
        if name not in unequal:
            assert record.provenance.known()[name] == value, name
    assert record.provenance.seconds == pytest.approx(sum(p.provenance.seconds for p in parts))


def test_networks_at_the_largest_size_come_first_in_a_full_file(monkeypatch):
    cell = planned(TOYS, "norms", "small")
    kept = load(run_cell(TOYS, in_parts(cell)[-1], keep_networks="all").networks)
    monkeypatch.setattr(networks, "LARGEST", sum(t.nbytes for t in kept.values()) * 3 // 2)
    whole, parts = whole_and_parts(TOYS, cell, keep_networks="all")
    record = merged(parts)
    about = record.provenance.networks
    assert record.networks == whole.networks
    assert about.trials == whole.provenance.networks.trials
    assert about.declined.keys() == whole.provenance.networks.declined.keys() != set()
    assert about.trials[0].startswith("96.")


def test_networks_of_the_largest_size_only():
    cell = planned(TOYS, "norms", "small")
    whole, parts = whole_and_parts(TOYS, cell, keep_networks="largest")
    assert [bool(part.networks) for part in parts] == [False, False, True]
    assert merged(parts).networks == whole.networks


def test_a_part_that_fails_is_the_record_of_the_cell():
    cell = planned(TOYS, "norms", "small")
    good = run_cell(TOYS, in_parts(cell)[-1])
    bad = good.model_copy(update={"status": "crashed", "trials": []})
    assert merged([good, bad]) is bad


def test_every_metric_of_a_part_is_known_of_the_cell():
    parts = [run_cell(TOYS, part) for part in in_parts(planned(TOYS, "norms", "small"))]
    applied = parts[0].provenance.metrics
    added = parts[-1].provenance.also(metrics={**applied, "added": "1 abc"})
    record = merged([*parts[:-1], parts[-1].model_copy(update={"provenance": added})])
    assert record.provenance.metrics == {**applied, "added": "1 abc"}
