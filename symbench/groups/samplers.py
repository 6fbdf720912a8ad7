"""Named laws of group elements, for experiments on where a symmetry holds."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symbench.errors import InputError
from symbench.groups.base import Group

SAMPLERS = {
    "group": "the group's own law, which every published score uses",
    "component": "products of two exponentials, in the component of the identity",
    "reflected": "a discrete generator times an element of the component of the identity",
    "near": "exponentials of up to 30 degrees, or of rapidity up to 0.52",
    "far": "products of two elements, further out than the group's own law (non-compact groups)",
}
_NEAR = math.pi / 6


def elements(
    group: Group, count: int, generator: torch.Generator, sampler: str = "group"
) -> Tensor:
    """Draw elements [count, d, d] of the group by a law of ``SAMPLERS``, in float64.

    Raises:
        InputError: the law is not known, or the group has no such elements.
    """
    if sampler not in SAMPLERS:
        raise InputError(f"unknown sampler {sampler!r}: choose one of {', '.join(SAMPLERS)}")
    if reason := _missing(group, sampler):
        raise InputError(f"sampler {sampler}: {group.name} {reason}")
    if sampler == "group":
        return group.sample(count, generator)
    if sampler == "far":
        return group.sample(count, generator) @ group.sample(count, generator)
    if sampler == "near":
        return _exponentials(group, count, generator, _NEAR)
    limit = math.pi if group.is_compact else 1.0
    first, second = (_exponentials(group, count, generator, limit) for _ in range(2))
    g = first @ second
    return g if sampler == "component" else group.discrete[0] @ g


def _missing(group: Group, sampler: str) -> str | None:
    """Return why the group has no elements of the law, or None."""
    if sampler == "far":
        return "is compact: its own law reaches all of it" if group.is_compact else None
    if sampler != "group" and not len(group.algebra):
        return "has no one-parameter subgroup"
    if sampler == "reflected" and not len(group.discrete):
        return "has no other component"
    return None


def _exponentials(group: Group, count: int, generator: torch.Generator, limit: float) -> Tensor:
    """Return exp(t A) for random directions A, of a rotation's norm √2, and t in [0, limit]."""
    basis = group.algebra / group.algebra.flatten(1).norm(dim=1)[:, None, None] * math.sqrt(2)
    direction = torch.randn(count, len(basis), generator=generator, dtype=torch.float64)
    direction = direction / direction.norm(dim=1, keepdim=True)
    t = limit * torch.rand(count, 1, generator=generator, dtype=torch.float64)
    g: Tensor = torch.linalg.matrix_exp(torch.einsum("nk,kij->nij", t * direction, basis))
    return g
