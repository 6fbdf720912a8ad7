"""A classifier tells moved inputs from inputs where their law is not invariant, and only there."""

import pytest
import torch

import symbench
from symbench.contract import Symmetry, seeded
from symbench.groups import SO, O, S, Scalar, Trivial, V
from symbench.metrics.inputs import PAIRS, inputs_invariant, inputs_told_apart, told_apart


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def rotations(d=3, copies=1):
    return Symmetry(SO(d), (copies * V)(SO(d)), Scalar(SO(d)))


def test_isotropic_inputs_are_not_told_from_rotated_ones():
    found = torch.tensor([
        told_apart(normal(PAIRS, 6, seed), rotations(copies=2), seeded("test", seed))
        for seed in range(40)
    ])  # fmt: skip
    assert abs(float(found.mean())) < 0.01
    bound = 0.5 / (PAIRS / 2) ** 0.5  # of one half of the pairs
    assert float(found.std()) < bound * 1.1
    assert all(inputs_invariant(float(value)) for value in found)


@pytest.mark.parametrize("what", ["mean", "variance", "product", "chirality"])
def test_every_kind_of_deviation_is_told(what):
    x = normal(PAIRS, 6)
    if what == "mean":
        x[:, 0] += 0.5
    elif what == "variance":
        x[:, 0] *= 2
    elif what == "product":  # the coordinates are correlated, but have equal variances
        x[:, 1] = 0.6 * x[:, 0] + 0.8 * x[:, 1]
    else:  # the first two vectors turn to one side about the third axis
        x[:, 4] = x[:, 0] * 0.9 + 0.3 * x[:, 4]
        x[:, 3] = -x[:, 1] * 0.9 + 0.3 * x[:, 3]
        x[:, 5] = x[:, 2] = 0.1 * x[:, 2]
    symmetry = rotations(copies=2)
    if what == "chirality":
        symmetry = Symmetry(O(3), (2 * V)(O(3)), Scalar(O(3)))
    assert not inputs_invariant(told_apart(x, symmetry, seeded("test")))


def test_an_element_that_moves_nothing_tells_nothing():
    symmetry = Symmetry(Trivial(3), V(Trivial(3)), Scalar(Trivial(3)))
    assert told_apart(normal(PAIRS, 3), symmetry, seeded("test")) == 0


def test_constant_coordinates_are_no_features():
    x = normal(PAIRS, 3)
    x[:, 2] = 7
    group = S(2) * Trivial(1)
    symmetry = Symmetry(group, V(group), Scalar(group))
    assert inputs_invariant(told_apart(x, symmetry, seeded("test")))
    assert told_apart(torch.ones(PAIRS, 3), symmetry, seeded("test")) == 0


def test_the_generator_decides_alone():
    x, symmetry = normal(300, 6), rotations(copies=2)
    first, again, other = (told_apart(x, symmetry, seeded("test", s)) for s in (0, 0, 1))
    assert first == again != other


def test_the_rule_is_a_bound_of_the_binomial_law():
    """False alarms of a fair coin that is tossed for half of the pairs are rarer than 1 in 740."""
    for pairs in (100, 1000, 4000):
        tosses = torch.distributions.Binomial(pairs // 2, torch.tensor(0.5, dtype=torch.float64))
        count = torch.arange(pairs // 2 + 1, dtype=torch.float64)
        alarm = torch.tensor(
            [not inputs_invariant(float(k) / (pairs // 2) - 0.5, pairs) for k in count]
        )
        assert float(tosses.log_prob(count).exp()[alarm].sum()) < 0.00135


@pytest.mark.parametrize("task", ["two-body", "graph-matching", "lorentz-scattering"])
def test_inputs_of_these_tasks_are_told_from_moved_ones(task):
    assert inputs_told_apart(symbench.task(task)) > 0.1


@pytest.mark.parametrize(
    "task", ["o5-invariant", "o3-inertia", "so3-cross", "hidden-conjugate", "max-cut"]
)
def test_the_law_of_these_tasks_is_invariant(task):
    """Graphs and noise of ``max-cut`` are drawn without regard to the order of nodes."""
    above = inputs_told_apart(symbench.task(task))
    assert inputs_invariant(above)
    assert above < 0.05


def test_a_task_without_symmetry_has_nothing_to_tell():
    assert inputs_told_apart(symbench.task("no-symmetry")) is None
