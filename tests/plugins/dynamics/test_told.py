"""Heads accept the symmetries that their part, a field or a Hamiltonian, can have."""

from __future__ import annotations

from dataclasses import replace

import pytest
import symbench_emlp
import symbench_scalars
from symbench_dynamics.models import HNNEMLP, HNNScalars, NodeEMLP, NodeScalars

from symbench import Problem, Symmetry
from symbench.groups import SO, C, O, Scalar, V
from symbench.registry import Registry


def builder():
    registry = Registry()
    for plugin in (symbench_emlp, symbench_scalars):
        registry.add(plugin, plugin.__name__, "1", "tests")
    return lambda name, problem: registry.model(name)().build(problem)


def told(group, copies, ambient=None):
    size = copies * group.dim
    rep = (copies * V)(group)
    law = Symmetry(group, rep, rep)
    shape = (size,)
    return Problem("trajectory", "mse", shape, shape, law, ambient, builder=builder())


@pytest.mark.parametrize(
    ("model", "group", "copies", "ambient", "why"),
    [
        (NodeScalars, SO(2), 1, None, "do not distinguish SO"),
        (HNNScalars, SO(2), 2, None, "do not distinguish SO"),
        (HNNScalars, C(2), 2, None, "needs O(d)"),
        (NodeScalars, C(2), 2, O(2), "fixes no vector"),
        (HNNEMLP, O(2), 1, None, "dq ∧ dp"),
    ],
)
def test_a_symmetry_that_the_head_cannot_have_is_declined(model, group, copies, ambient, why):
    assert why in (model().accepts(told(group, copies, ambient)) or "accepted")


@pytest.mark.parametrize(
    ("model", "group", "copies"),
    [(HNNScalars, SO(2), 1), (NodeEMLP, SO(2), 1), (HNNEMLP, C(2), 1), (NodeScalars, O(2), 4)],
)
def test_a_symmetry_that_the_head_can_have_is_accepted(model, group, copies):
    assert model().accepts(told(group, copies)) is None


def test_a_told_model_without_a_symmetry_is_declined():
    assert "no symmetry" in HNNScalars().accepts(replace(told(O(3), 2), symmetry=None))


def test_a_symmetry_of_other_targets_is_declined():
    law = Symmetry(O(3), (2 * V)(O(3)), Scalar(O(3)))
    reason = NodeEMLP().accepts(replace(told(O(3), 2), symmetry=law))
    assert "does not act on states" in reason
