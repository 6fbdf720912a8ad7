"""The same figures by rliable and scikit-posthocs, where these are installed."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from symbench.results.statistics import (
    Panel,
    compare,
    holm,
    improvement,
    interquartile_mean,
    mean_error,
    nemenyi,
)

SEEDS = range(5)


def drawn(seed: int, models: int = 4, runs: int = 12) -> np.ndarray[Any, Any]:
    """Errors in (0, 1) [models, runs] without ties; the models differ by constant ratios."""
    generator = np.random.default_rng(seed)
    return np.exp(generator.normal(-2, 0.5, (models, runs)) - np.arange(models)[:, None] / 4)


@pytest.mark.parametrize("seed", SEEDS)
def test_rliable_has_the_same_figures(seed: int) -> None:
    """Errors with ties, tasks × seeds; rliable takes runs × tasks, larger is better."""
    metrics = pytest.importorskip("rliable.metrics")
    a, b = np.random.default_rng(seed).uniform(0, 1, (2, 7, 4)).round(1)
    assert interquartile_mean(a).value == pytest.approx(metrics.aggregate_iqm(a.T))
    assert mean_error(a).value == pytest.approx(metrics.aggregate_optimality_gap(1 - a.T))
    assert mean_error(a).value == pytest.approx(metrics.aggregate_mean(a.T))
    chance = metrics.probability_of_improvement(1 - a.T, 1 - b.T)
    assert improvement(a, b).value == pytest.approx(chance)


@pytest.mark.parametrize("seed", SEEDS)
def test_scikit_posthocs_corrects_as_we_do(seed: int) -> None:
    posthocs = pytest.importorskip("scikit_posthocs")
    errors = drawn(seed)
    plain, adjusted = (
        posthocs.posthoc_mannwhitney(errors.tolist(), p_adjust=how).to_numpy()
        for how in (None, "holm")
    )
    pairs = list(combinations(range(len(errors)), 2))
    ours = holm({(str(a), str(b)): plain[a, b] for a, b in pairs})
    assert len({round(p, 9) for p in plain[np.triu_indices(4, 1)]}) > 1
    for a, b in pairs:
        assert ours[str(a), str(b)] == pytest.approx(adjusted[a, b])


@pytest.mark.parametrize("seed", SEEDS)
def test_scikit_posthocs_compares_pairs_on_one_task_as_we_do(seed: int) -> None:
    """Wilcoxon's exact signed-rank test of paired log errors, with Holm's correction."""
    posthocs = pytest.importorskip("scikit_posthocs")
    errors = drawn(seed)
    table = posthocs.posthoc_wilcoxon(
        np.log10(errors).tolist(), method="exact", p_adjust="holm"
    ).to_numpy()
    panel = Panel.of({str(i): [list(one)] for i, one in enumerate(errors)})
    for (a, b), p in compare(panel).p_values.items():
        assert p == pytest.approx(table[int(a), int(b)])


@pytest.mark.parametrize("seed", SEEDS)
def test_scikit_posthocs_has_the_same_p_values_of_nemenyi(seed: int) -> None:
    posthocs = pytest.importorskip("scikit_posthocs")
    errors = drawn(seed).round(1)  # with ties
    table = posthocs.posthoc_nemenyi_friedman(errors.T).to_numpy()
    found = nemenyi(Panel.of({str(i): [[e] for e in one] for i, one in enumerate(errors)}))
    assert found is not None
    for (a, b), p in found.p_values.items():
        assert p == pytest.approx(table[int(a), int(b)])
