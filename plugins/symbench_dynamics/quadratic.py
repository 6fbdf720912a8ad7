"""Generators from the quadratic quantities that a learned Hamiltonian conserves."""

from __future__ import annotations

from copy import deepcopy
from typing import final

import torch
from torch import Tensor, nn

from symbench import InputError, Problem, Symmetry
from symbench_dynamics.heads import Clock, Hamiltonian, rotated
from symbench_dynamics.models import Dynamics

_STATES = 256  # of the training data, at which rates of change are computed
_ZERO = 1e-9  # singular values below this part of the largest are rounding


class Conserving(Hamiltonian):
    """J ∇H with H a network, and training states at which to ask what it conserves.

    Args:
        net: H, [n, d] -> [n, 1].
        clock: how the field is integrated.
        law: how GL(V) acts on states.
    """

    states: Tensor

    def __init__(self, net: nn.Module, clock: Clock, law: Symmetry) -> None:
        super().__init__(net, clock)
        self.law = law
        self.register_buffer("states", torch.zeros(_STATES, law.input.size))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate H, and keep training states."""
        super().calibrate(x, y)
        states, _ = self.observed(x, y)
        spread = torch.arange(_STATES, device=states.device) * len(states) // _STATES
        self.states.copy_(states[spread])


def linear_hamiltonian(law: Symmetry) -> Tensor:
    """Return the matrices A [k, d, d] of gl(V) for which x ↦ ρ(A) x is a Hamiltonian field.

    It is J ∇Q with Q(x) = xᵀ S x / 2 and S = J⁻¹ ρ(A), if S is symmetric. For positions and
    momenta that are turned alike these are the antisymmetric matrices.

    Args:
        law: how GL(V) acts on states (q, p).
    """
    d = law.group.dim
    A = torch.eye(d * d, dtype=torch.float64).view(d * d, d, d)
    S = -rotated(law.input.drho(A).mT).mT
    _, sizes, vectors = torch.linalg.svd((S - S.mT).flatten(1).mT)
    rank = int((sizes > _ZERO * sizes.max()).sum())
    return torch.einsum("km,mij->kij", vectors[rank:], A)


def conserved_by(module: Conserving, tolerance: float) -> Tensor:
    """Return the matrices A [k, d, d] whose quadratic quantity a Hamiltonian conserves.

    dQ/dt = ∇Q · J ∇H = {Q, H}. Its relative size δ² = E{Q, H}² / E‖∇Q‖²‖∇H‖² is minimised over
    the Q of ``linear_hamiltonian``, and over what is orthogonal to those found. Announced are those
    with δ below the tolerance.
    """
    exact = deepcopy(module).cpu().double().eval()
    x, A = exact.states, linear_hamiltonian(exact.law)
    velocity = exact.field(x, torch.zeros((), dtype=x.dtype)).detach()
    slopes = -rotated(torch.einsum("mij,nj->mni", exact.law.input.drho(A), x))
    rates = torch.einsum("mni,ni->nm", slopes, velocity)
    weighted = (slopes * velocity.norm(dim=1, keepdim=True)).flatten(1)
    _, sizes, vectors = torch.linalg.svd(weighted.mT, full_matrices=False)
    moving = sizes > _ZERO * sizes.max()
    unit = vectors[moving] / sizes[moving, None]  # combinations with E‖∇Q‖²‖∇H‖² = 1 / n
    _, defects, directions = torch.linalg.svd(rates @ unit.mT, full_matrices=False)
    kept = directions[defects < tolerance] @ unit
    return torch.einsum("km,mij->kij", kept, A)


@final
class QuadraticConserved(Dynamics):
    """``hnn-mlp``, and the generators of the quadratic quantities that its H conserves.

    A linear field x ↦ ρ(A) x that is Hamiltonian is that of a quadratic quantity Q. The flow of H
    commutes with exp(tA) and H is invariant under it if and only if {Q, H} = 0 (Noether). So the
    generators are a null space at training states, without any further training. Angular momentum
    is such a quantity. The method is shown where the copies of V in a state are.
    """

    name, prior = "quadratic-conserved", "discovers"
    summary = "generators of the quadratic quantities that a Hamiltonian network conserves"
    reference = "Greydanus, Dzamba, Yosinski 2019 (HNN); Noether 1918"
    tolerance = 0.05  # gravity breaks rotations of spring-pendulum by 0.08

    def head(self, problem: Problem, clock: Clock) -> Conserving:
        """Return the Hamiltonian network.

        Raises:
            InputError: the problem states no layout of its states.
        """
        if problem.candidate is None:
            raise InputError("needs states that are copies of V, with a declared layout")
        return Conserving(self.network(problem, problem.input_size, 1), clock, problem.candidate)

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return the announced generators [k, d, d]; k may be 0."""
        if not isinstance(module, Conserving):
            return None
        return conserved_by(module, self.tolerance).float()
