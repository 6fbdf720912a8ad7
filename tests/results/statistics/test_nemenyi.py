"""Friedman's test and Nemenyi's critical difference, against scipy and scikit-posthocs."""

import numpy as np
import pytest
from scipy import stats

from symbench.results.statistics import Panel, nemenyi

# Four models on six tasks; on the first task two are equal. Origin of the p values below:
# scikit-posthocs 0.17.1, posthoc_nemenyi_friedman of the transposed table.
ERRORS = {
    "a": [0.045, 0.633, 0.022, 0.376, 0.275, 0.643],
    "b": [0.045, 0.519, 0.2, 0.014, 0.882, 0.744],
    "c": [0.472, 0.502, 0.695, 0.832, 0.515, 0.101],
    "d": [0.918, 0.255, 0.209, 0.163, 0.849, 0.546],
}
P_VALUES = {
    "ab": 0.9701777421068783, "ac": 0.9441109087022947, "ad": 0.9870044339435377,
    "bc": 0.9995003849920175, "bd": 0.9995003849920175, "cd": 0.9960587537406428,
}  # fmt: skip


def panel(errors):
    return Panel.of({model: [[error] for error in values] for model, values in errors.items()})


def drawn(seed, models=5, tasks=12):
    generator = np.random.default_rng(seed)
    shift = np.linspace(0, 3, models)
    return {f"m{i}": np.exp(generator.normal(s, 1, tasks)) for i, s in enumerate(shift)}


def test_the_known_p_values_of_scikit_posthocs():
    found = nemenyi(panel(ERRORS)).p_values
    assert {"".join(sorted(pair)): p for pair, p in found.items()} == pytest.approx(P_VALUES)


def test_scikit_posthocs_itself_agrees():
    posthocs = pytest.importorskip("scikit_posthocs")
    errors = drawn(0)
    table = posthocs.posthoc_nemenyi_friedman(np.array(list(errors.values())).T).to_numpy()
    for (a, b), p in nemenyi(panel(errors)).p_values.items():
        assert p == pytest.approx(table[int(a[1:]), int(b[1:])])


@pytest.mark.parametrize("errors", [ERRORS, drawn(1), drawn(2, models=3)])
def test_friedmans_test_is_that_of_scipy(errors):
    expected = stats.friedmanchisquare(*errors.values()).pvalue
    assert nemenyi(panel(errors)).friedman == pytest.approx(expected)


def test_the_critical_difference_of_demsars_example():
    """Demšar 2006, section 3.2.4: q = 2.569 for four classifiers, on 14 data sets, is 1.25."""
    found = nemenyi(panel(drawn(3, models=4, tasks=14)))
    assert found.difference == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), abs=1e-3)
    assert round(found.difference, 2) == 1.25


def test_a_pair_at_the_critical_difference_has_p_of_five_percent():
    found = nemenyi(panel(drawn(4)))
    for (a, b), p in found.p_values.items():
        gap = abs(found.mean_ranks[a] - found.mean_ranks[b])
        assert (p < 0.05) == (gap > found.difference)


def test_bars_join_the_models_that_are_not_apart():
    found = nemenyi(panel(drawn(5, tasks=30)))
    for (a, b), p in found.p_values.items():
        assert any({a, b} <= set(bar) for bar in found.bars) == (p > 0.05)
    assert len({frozenset(bar) for bar in found.bars}) == len(found.bars)


def test_the_order_of_models_does_not_matter():
    errors = drawn(6)
    assert nemenyi(panel(dict(reversed(errors.items())))).bars == nemenyi(panel(errors)).bars


def test_equal_models_do_not_differ():
    found = nemenyi(panel({"a": [0.1, 0.2], "b": [0.1, 0.2], "c": [0.1, 0.2]}))
    assert found.friedman == 1
    assert found.bars == [["a", "b", "c"]]
    assert set(found.mean_ranks.values()) == {2.0}


def test_one_model_or_one_task_has_no_critical_difference():
    assert nemenyi(panel({"a": [0.1, 0.2]})) is None
    assert nemenyi(panel({"a": [0.1], "b": [0.2]})) is None
