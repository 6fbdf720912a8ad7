"""Quadratic conserved quantities of known Hamiltonians give their generators."""

from __future__ import annotations

import pytest
import torch
from symbench_dynamics.bodies import TwoBody
from symbench_dynamics.heads import Clock
from symbench_dynamics.pendula import DoublePendulum, Pendulum, SpringPendulum
from symbench_dynamics.quadratic import (
    Conserving,
    QuadraticConserved,
    conserved_by,
    linear_hamiltonian,
)
from symbench_dynamics.springs import DampedForced, MassSpring

import symbench
from symbench.contract import Symmetry
from symbench.groups import GL, SO, V
from symbench.metrics.algebra import orthonormal, principal_cosines


class Energy(torch.nn.Module):
    """A given H, [n, d] -> [n, 1]."""

    def __init__(self, energy):
        super().__init__()
        self.energy = energy

    def forward(self, x):
        return self.energy(x)[..., None]


def found(task, energy=None):
    law = task.layout()
    module = Conserving(Energy(energy or task.energy), Clock(task.times, 1.0), law)
    data = task.sample(200, 0, "train")
    module.states.copy_(module.observed(data.x, data.y)[0][torch.arange(256) % 200])
    return conserved_by(module, QuadraticConserved.tolerance)


@pytest.mark.parametrize("cls", [TwoBody, SpringPendulum, MassSpring], ids=lambda cls: cls.name)
def test_the_exact_energy_gives_the_true_generators(cls):
    task = cls()
    L, true = found(task), task.symmetry.group.algebra
    assert len(L) == len(true) == 1
    rows = [orthonormal(each.flatten(1)) for each in (L, true)]
    assert float(principal_cosines(*rows).min()) > 1 - 1e-9


def test_a_potential_without_symmetry_gives_none():
    task = TwoBody()

    def energy(x):
        return task.energy(x) + (x[..., 0] + 2 * x[..., 3]).square()

    assert len(found(task, energy)) == 0


def test_a_spring_that_hangs_nowhere_gives_all_rotations():
    """Without gravity, that is in the centre of a spherical potential."""

    def energy(x):
        return x.square().sum(-1) / 2 + x[..., :3].square().sum(-1).square()

    L = found(SpringPendulum(), energy)
    rows = [orthonormal(each.flatten(1)) for each in (L, SO(3).algebra)]
    assert len(L) == 3
    assert float(principal_cosines(*rows).min()) > 1 - 1e-9


@pytest.mark.parametrize(("d", "copies", "count"), [(2, 4, 1), (3, 4, 3), (2, 1, 3), (4, 1, 10)])
def test_linear_hamiltonian_fields_are_those_of_symmetric_matrices(d, copies, count):
    """so(d) where positions and momenta are copies of V, and sp(d) where V is the phase space."""
    group = GL(d)
    law = Symmetry(group, (copies * V)(group), (copies * V)(group))
    A = linear_hamiltonian(law)
    assert A.shape == (count, d, d)
    size = d * copies
    one = torch.eye(size // 2, dtype=torch.float64)
    J = torch.kron(torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64), one)
    S = torch.linalg.inv(J) @ law.input.drho(A)
    assert torch.allclose(S, S.mT, atol=1e-12)


def test_states_that_are_no_copies_of_a_space_are_declined():
    model = QuadraticConserved()
    for task in (DoublePendulum(), Pendulum(), DampedForced()):
        assert "layout" in model.accepts(symbench.problem(task, model))
    assert model.accepts(symbench.problem(TwoBody(), model)) is None
