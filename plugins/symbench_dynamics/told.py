"""Backbones for a field or a Hamiltonian, and what they are told of the task's symmetry."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Literal

import torch
from torch import Tensor, nn

from symbench import InputError, Problem, Symmetry
from symbench.groups import SO, Group, O, Representation, Scalar, V, invariant_basis
from symbench_dynamics.heads import Extended, rotated

Part = Literal["field", "hamiltonian"]
_TOLERANCE = 1e-8


def plain(problem: Problem, inputs: int, outputs: int, law: Symmetry | None = None) -> Problem:
    """Return a problem of vectors, [n, inputs] -> [n, outputs], with the symmetry ``law``."""
    return replace(
        problem, kind="vectors", loss="mse", input_shape=(inputs,), output_shape=(outputs,),
        symmetry=law, ambient=None, candidate=None, times=(),
    )  # fmt: skip


def own_group(problem: Problem, name: str, part: Part) -> nn.Module:
    """Return a backbone that is told the task's own group.

    Raises:
        InputError: the part cannot have the symmetry, or the backbone declines.
    """
    state = state_law(problem, part)
    target = state if part == "field" else Scalar(state.group)
    law = Symmetry(state.group, state, target)
    return plain(problem, state.size, target.size, law).backbone(name)


def orthogonal_group(problem: Problem, name: str, part: Part) -> nn.Module:
    """Return a backbone for O(d), with fixed vectors as inputs that reduce its symmetry.

    The vectors that the group fixes, such as the direction of gravity, are inputs beside the state,
    and the ambient O(d) acts on both. Every function with the smaller symmetry is one with the
    larger symmetry on more inputs (Villar et al. 2021). Differences of positions are inputs as
    well, because they give the distances between bodies.

    Raises:
        InputError: the part cannot have the symmetry, or it cannot be expressed in this way.
    """
    state = state_law(problem, part)
    constants = invariant_basis(V(state.group))
    group = _orthogonal(problem, state, part, len(constants))
    whole = state.rebind(group)
    differences = _differences(whole)
    matrix = torch.cat([torch.zeros(constants.numel(), whole.size), differences])
    offset = torch.cat([constants.flatten().float(), torch.zeros(len(differences))])
    extra = len(offset) // group.dim
    inputs = whole + (extra * V)(group) if extra else whole
    target = whole if part == "field" else Scalar(group)
    view = plain(problem, inputs.size, target.size, Symmetry(group, inputs, target))
    net = view.backbone(name)
    return Extended(net, matrix, offset) if extra else net


def state_law(problem: Problem, part: Part) -> Representation:
    """Return how the symmetry acts on a state.

    Raises:
        InputError: no symmetry is told, it does not act on both inputs and targets as on states,
            or the part is a Hamiltonian and it changes dq ∧ dp: then the flow of an invariant H
            does not have it.
    """
    told = problem.symmetry
    if told is None:
        raise InputError("the task declares no symmetry")
    if told.input.size != problem.input_size or told.output != told.input:
        raise InputError(
            "the symmetry does not act on states, or not equally on inputs and targets"
        )
    if part == "hamiltonian" and not _is_symplectic(told.input):
        raise InputError(f"{told.input!r} changes dq ∧ dp, so the flow of an invariant H breaks it")
    return told.input


def _is_symplectic(state: Representation) -> bool:
    J = rotated(torch.eye(state.size, dtype=torch.float64)).mT
    D, R = state.drho(state.group.algebra), state.rho(state.group.discrete)
    breaches = (D.mT @ J + J @ D, R.mT @ J @ R - J)
    return all(bool((breach.abs() < _TOLERANCE).all()) for breach in breaches)


def _orthogonal(problem: Problem, state: Representation, part: Part, constants: int) -> O:
    """Return O(d), if its equivariant functions are those of the symmetry."""
    declared, ambient = state.group, problem.ambient
    if _definite(declared):
        return O(declared.dim)
    if isinstance(declared, SO) and declared.q == 0:
        free = state.size // declared.dim + (part == "field")
        if free < declared.dim:  # too few vectors for a determinant
            return O(declared.dim)
        raise InputError(f"inner products do not distinguish {declared} from O({declared.dim})")
    if ambient is None or not _definite(ambient):
        raise InputError(f"needs O(d) or a subgroup of an ambient O(d), not {declared}")
    if constants == 0:
        raise InputError(f"{declared} fixes no vector that distinguishes it from {ambient}")
    return O(ambient.dim)


def _definite(group: Group) -> bool:
    return isinstance(group, O) and group.q == 0


def _differences(state: Representation) -> Tensor:
    """Return the matrix [m d, size] of the differences of positions; m may be 0."""
    summands = state.summands
    if len(summands) % 2 or any(summand.rank != 1 for summand in summands):
        return torch.zeros(0, state.size)
    one = torch.eye(state.group.dim)
    rows = []
    for first, second in combinations(range(len(summands) // 2), 2):
        signs = torch.zeros(1, len(summands))
        signs[0, first], signs[0, second] = 1, -1
        rows.append(torch.kron(signs, one))
    return torch.cat(rows) if rows else torch.zeros(0, state.size)
