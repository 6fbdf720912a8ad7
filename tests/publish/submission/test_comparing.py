"""Two runs of one cell are compared exactly on one machine, by spread and bias on another."""

from __future__ import annotations

import torch

from symbench.publish.submission import comparing
from symbench.records.record import Identity, Record, TrialRecord


def lognormal(seed, cells=1, seeds=5, scale=1.0):
    """Records of one size whose errors are log-normal with a spread of 10 %."""
    generator = torch.Generator().manual_seed(seed)
    errors = (0.1 * torch.randn(cells, seeds, generator=generator)).exp() * scale
    return [_record(row) for row in errors.tolist()]


def _record(errors, machine="here"):
    identity = Identity(
        task="t", task_version="1", task_fingerprint="", model="m", model_version="1",
        model_source_sha256="", config={}, tier="quick", sizes=[100],
        seeds=list(range(len(errors))), protocol={"chance_error": 1.0},
    )  # fmt: skip
    trials = [
        TrialRecord(n_train=100, seed=seed, status="ok", scores={"error": error, "flops": 1.0})
        for seed, error in enumerate(errors)
    ]
    return Record(identity=identity, status="ok", trials=trials, provenance={"machine": machine})


def alarms(submitted, here):
    """Whether either test objects to these cells."""
    tests = sum(map(comparing.count_tests, submitted, here))
    spread = [
        text
        for pair in zip(submitted, here, strict=True)
        for text in comparing.spread_differences(*pair, tests)
    ]
    compared = {place: comparing.pairs(*pair) for place, pair in enumerate(zip(submitted, here))}  # noqa: B905
    return bool(spread), bool(list(comparing.bias(compared)))


def test_honest_figures_of_another_machine_seldom_fail():
    # each of the two tests is wrong in at most 1 % of the cases: 400 give at most 4 on average
    rounds = [alarms(lognormal(2 * i, 3), lognormal(2 * i + 1, 3)) for i in range(400)]
    assert sum(spread for spread, _ in rounds) <= 10
    assert sum(bias for _, bias in rounds) <= 10


def test_a_bias_of_a_fifth_over_three_cells_is_found():
    rounds = [alarms(lognormal(2 * i, 3, scale=0.8), lognormal(2 * i + 1, 3)) for i in range(100)]
    assert sum(any(one) for one in rounds) >= 85


def test_a_median_far_outside_the_spread_is_found():
    spread, _ = alarms(lognormal(0, scale=0.3), lognormal(1))
    assert spread


def test_equal_machines_are_compared_exactly_and_others_within_the_spread():
    record = _record([1.0, 1.1])
    assert comparing.same_class(record, _record([1.0, 1.1]))
    assert not comparing.same_class(record, _record([1.0, 1.1], machine="there"))
    assert list(comparing.exact_differences(record, _record([1.0, 1.1 * (1 + 1e-7)]))) == []
    assert len(list(comparing.exact_differences(record, _record([1.0, 1.1 * (1 + 1e-5)])))) == 1
    assert len(list(comparing.exact_differences(record, _record([1.0])))) == 2
