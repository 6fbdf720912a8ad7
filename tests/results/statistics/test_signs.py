"""Sums of ranks with random signs: exact, normal where they are many, and quick for many pairs."""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest
from scipy import stats

from symbench.results.statistics import Panel, compare, improvement, signed_rank
from symbench.results.statistics.chances import improvements
from symbench.results.statistics.paired import signed_ranks
from symbench.results.statistics.signs import critical_sum


def flips(sizes):
    """Return every sum of signed doubled ranks, without ties."""
    ranks = np.concatenate([2.0 * np.arange(1, n + 1) for n in sizes])
    return np.array([abs(np.dot(f, ranks)) for f in product((-1, 1), repeat=len(ranks))])


@pytest.mark.parametrize("sizes", [[5], [3, 4], [2, 1, 5], [8, 5]])
@pytest.mark.parametrize("level", [0.5, 0.1, 0.05, 0.01, 1e-3, 1e-6])
def test_the_critical_sum_is_the_smallest_that_is_rare_enough(sizes, level):
    sums = flips(sizes)
    rare = [t for t in range(1, int(sums.max()) + 1) if np.mean(sums >= t) <= level]
    assert critical_sum(sizes, level) == (rare[0] if rare else None)


def test_many_pairs_have_the_p_values_of_each_alone():
    generator = np.random.default_rng(0)
    tasks = [generator.integers(-3, 4, (200, n)) / 10 for n in (5, 3, 7)]
    together = signed_ranks(tasks)
    alone = [signed_rank([task[i] for task in tasks]) for i in range(200)]
    assert together == pytest.approx(alone, abs=1e-12)


@pytest.mark.parametrize("n", [44, 45, 200])
def test_a_large_sum_is_normal_and_errs_to_the_safe_side(n):
    """44 seeds are compared exactly, 45 by the normal distribution."""
    for seed in range(5):
        d = np.random.default_rng(seed).normal(0.2, 1, n)
        exact = stats.wilcoxon(d, method="exact").pvalue
        assert signed_rank([d]) == pytest.approx(exact, rel=1e-9 if n == 44 else 0.25)
        assert signed_rank([d]) >= exact * (1 - 1e-9 if n == 44 else 0.97)


def test_a_pair_without_differences_among_many_seeds_is_a_tie():
    assert signed_rank([np.zeros(200)]) == 1


@pytest.mark.parametrize("levels", [3, 1000])
def test_comparing_300_models_takes_seconds(levels):
    generator = np.random.default_rng(0)
    drawn = 0.1 + generator.integers(0, levels, (300, 20, 5)) / levels
    started = time.process_time()
    found = compare(Panel.of({f"m{i}": list(errors) for i, errors in enumerate(drawn)}))
    assert time.process_time() - started < 20  # 1 to 3 s on an idle machine
    assert len(found.p_values) == 300 * 299 / 2


def test_pairs_at_once_have_the_chances_of_each_alone():
    generator = np.random.default_rng(0)
    errors = {f"m{i}": [generator.random(n).round(1) + i / 9 for n in (5, 3)] for i in range(4)}
    pairs = [(0, 1), (3, 2), (1, 3)]
    for (a, b), chance in zip(pairs, improvements(Panel.of(errors), pairs), strict=True):
        alone = improvement(errors[f"m{a}"], errors[f"m{b}"])
        assert chance.value == alone.value
        assert (chance.low, chance.high) == pytest.approx((alone.low, alone.high))


def test_too_many_pairs_have_chances_without_intervals(monkeypatch):
    errors = {name: [np.arange(5.0) + start] for name, start in (("a", 1), ("b", 3))}
    bounded = improvements(Panel.of(errors), [(0, 1)])[0]
    monkeypatch.setattr("symbench.results.statistics.chances._MOST_WORK", 1)
    (free,) = improvements(Panel.of(errors), [(0, 1)])
    assert (free.value, free.low, free.high) == (bounded.value, None, None)
    assert bounded.low is not None
