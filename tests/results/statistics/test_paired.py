"""The paired test over tasks and seeds, Holm's correction, the letters, what could have shown."""

import random
import re
import time
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from symbench.results.statistics import (
    Panel,
    compact_letters,
    compare,
    detectable_ratio,
    holm,
    signed_rank,
    smallest_p,
)

whole_steps = st.lists(st.integers(-4, 4), min_size=1, max_size=5)
p_values = st.lists(st.floats(1e-6, 1), min_size=1, max_size=8)


def panel(ratios, tasks=4, seeds=5, spread=0.2, seed=0):
    """Models whose errors differ by constant ratios on every task, in front of log-normal noise."""
    generator = np.random.default_rng(seed)
    return Panel.of({
        name: [0.01 * ratio * np.exp(generator.normal(0, spread, seeds)) for _ in range(tasks)]
        for name, ratio in ratios.items()
    })  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_on_one_task_it_is_wilcoxons_exact_test(seed):
    d = np.random.default_rng(seed).normal(0.4, 1, 9)
    assert signed_rank([d]) == pytest.approx(stats.wilcoxon(d, method="exact").pvalue)


@settings(max_examples=40, deadline=None)
@given(st.lists(whole_steps, min_size=1, max_size=2))
def test_the_p_value_counts_the_sign_flips_that_are_as_extreme(tasks):
    """Ties, zeros (ranked and left out) and strata, by listing every flip."""
    ranks = [stats.rankdata(np.abs(task)) for task in tasks]
    weights = np.concatenate([r * np.sign(t) for r, t in zip(ranks, tasks, strict=True)])
    sums = [abs(np.dot(flip, weights)) for flip in product((-1, 1), repeat=len(weights))]
    expected = np.mean([total >= abs(weights.sum()) - 1e-9 for total in sums])
    assert signed_rank([np.array(t, float) for t in tasks]) == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(st.lists(whole_steps, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_order_scale_and_direction_leave_the_p_value(tasks, random):
    expected = signed_rank([np.array(t, float) for t in tasks])
    mixed = [random.sample(task, len(task)) for task in random.sample(tasks, len(tasks))]
    scaled = [10.0 ** random.randint(-3, 3) * np.array(task) for task in mixed]
    assert signed_rank(scaled) == pytest.approx(expected)
    assert signed_rank([-task for task in scaled]) == pytest.approx(expected)


def test_one_loud_task_does_not_decide():
    """Eight decades on one task, against a small difference the other way on three."""
    loud = [np.full(5, -8.0), *[np.linspace(0.01, 0.02, 5)] * 3]
    assert signed_rank(loud) < 0.05
    assert signed_rank([-loud[0], *loud[1:]]) < signed_rank(loud)


def test_without_a_difference_every_model_ties():
    assert signed_rank([np.zeros(5), np.zeros(5)]) == 1
    errors = [[0.1, 0.2, 0.3, 0.4, 0.5]] * 2
    found = compare(Panel.of({"a": errors, "b": errors, "c": errors}))
    assert set(found.p_values.values()) == {1.0}
    assert found.groups == {"a": "a", "b": "a", "c": "a"}


def test_the_smallest_p_value_is_reached_where_every_seed_agrees():
    for sizes in ([5], [5, 5], [3, 5, 4]):
        agree = [np.arange(1.0, n + 1) for n in sizes]
        assert signed_rank(agree) == pytest.approx(smallest_p(sizes))
    assert smallest_p([5]) == 0.0625


def test_under_no_difference_p_is_below_five_percent_in_at_most_five_percent():
    generator = np.random.default_rng(0)
    draws = generator.standard_t(2, (600, 3, 5)) * np.array([1, 10, 0.1])[:, None]
    found = np.mean([signed_rank(list(d)) <= 0.05 for d in draws])
    assert found == pytest.approx(0.05, abs=3 * (0.05 * 0.95 / 600) ** 0.5)


def test_holm_keeps_wrong_separations_rare():
    wrong = [
        len(set(compare(panel(dict.fromkeys("abcde", 1.0), tasks=3, seed=s)).groups.values())) > 1
        for s in range(150)
    ]
    assert np.mean(wrong) <= 0.05 + 3 * (0.05 * 0.95 / 150) ** 0.5


def test_models_far_apart_have_letters_in_their_order():
    found = compare(panel({"worst": 16.0, "best": 1.0, "middle": 4.0}))
    assert found.groups == {"best": "a", "middle": "b", "worst": "c"}
    assert set(found.p_values) == {("best", "middle"), ("best", "worst"), ("middle", "worst")}


def test_groups_do_not_depend_on_the_order_of_models():
    one = panel({"a": 1.0, "b": 1.2, "c": 1.5, "d": 4.0})
    turned = Panel(one.models[::-1], tuple(task[::-1] for task in one.errors))
    assert compare(turned) == compare(one)


@settings(max_examples=50, deadline=None)
@given(p_values)
def test_holm_is_monotone_and_between_the_p_value_and_bonferronis(values):
    pairs = {("m", str(i)): p for i, p in enumerate(values)}
    found = holm(pairs)
    order = sorted(pairs, key=pairs.__getitem__)
    assert [found[pair] for pair in order] == sorted(found.values())
    for pair, p in pairs.items():
        assert p <= found[pair] <= min(1.0, len(values) * p) + 1e-12


def test_holms_known_answer():
    """The step-down products 3 × 0.01, 2 × 0.04 and 1 × 0.03 → never below the one before."""
    found = holm({("a", "b"): 0.01, ("a", "c"): 0.04, ("b", "c"): 0.03})
    assert list(found) == [("a", "b"), ("b", "c"), ("a", "c")]
    assert list(found.values()) == pytest.approx([0.03, 0.06, 0.06])


@settings(max_examples=50, deadline=None)
@given(st.sets(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde"))))
def test_two_models_share_a_letter_unless_they_are_apart(pairs):
    apart = {(a, b) for a, b in pairs if a != b}
    letters = compact_letters("abcde", apart)
    for a, b in product("abcde", repeat=2):
        different = (a, b) in apart or (b, a) in apart
        assert bool(set(letters[a]) & set(letters[b])) == (not different or a == b)


def test_the_detectable_ratio_is_found_in_four_of_five_repetitions():
    """Two models with that very ratio and spread are told apart with a power of 80 %."""
    two = {"a": 1.0, "b": 1.0}
    ratios = [detectable_ratio(panel(two, seed=seed)) for seed in range(40)]
    typical = float(np.median(ratios))
    apart = [
        compare(panel({"a": 1.0, "b": typical}, seed=s)).groups["b"] == "b" for s in range(400)
    ]
    assert np.mean(apart) == pytest.approx(0.8, abs=0.08)  # 400 repetitions: 0.02


def test_more_seeds_and_more_tasks_show_smaller_differences():
    two = {"a": 1.0, "b": 1.0}
    few, seeds, tasks = (
        np.median([detectable_ratio(panel(two, *size, seed=s)) for s in range(9)])
        for size in ((3, 5), (3, 20), (12, 5))
    )
    assert few > seeds > 1
    assert few > tasks > 1


def test_one_task_of_five_seeds_can_show_nothing():
    assert detectable_ratio(panel({"a": 1.0, "b": 9.0}, tasks=1)) is None
    assert detectable_ratio(panel({"a": 1.0})) is None
    assert set(compare(panel({"a": 1.0, "b": 9.0}, tasks=1)).groups.values()) == {"a"}


def test_letters_of_many_models_take_little_time_and_few_letters():
    started = time.process_time()
    order = [f"m{i:03}" for i in range(200)]
    couples = {(order[2 * i], order[2 * i + 1]) for i in range(100)}  # 2^100 largest groups
    coin = random.Random(0)  # noqa: S311 - no secret
    mixed = {pair for pair in combinations(order, 2) if coin.random() < 0.5}
    near = {(a, b) for i, a in enumerate(order) for b in order[i + 4 :]}
    for apart in (couples, mixed, near):
        letters = compact_letters(order, apart)
        for a, b in apart:
            assert not _shared(letters[a], letters[b])
        assert len(set().union(*(_letters(text) for text in letters.values()))) <= 200
    assert time.process_time() - started < 2
    letters = compact_letters(order, near)  # runs of neighbours: these letters are complete
    assert all(
        bool(_shared(letters[a], letters[b])) == ((a, b) not in near)
        for a, b in combinations(order, 2)
    )


@pytest.mark.parametrize("seed", range(20))
def test_models_share_a_letter_exactly_if_they_are_not_apart(seed):
    coin = random.Random(seed)  # noqa: S311 - no secret
    order = [f"m{i}" for i in range(coin.randint(0, 9))]
    apart = {pair for pair in combinations(order, 2) if coin.random() < 0.4}
    letters = compact_letters(order, apart)
    for a, b in combinations(order, 2):
        assert bool(_shared(letters[a], letters[b])) == ((a, b) not in apart)


def _letters(text):
    return set(re.findall(r"[a-zA-Z]'*", text))


def _shared(one, other):
    return _letters(one) & _letters(other)
