"""Whether the inputs by themselves have the symmetry that was found."""

from __future__ import annotations

import hashlib
import math
from typing import final

import torch
from torch import Tensor

from symbench.contract import Symmetry
from symbench.discovery.findings import Inputs
from symbench.discovery.question import Question
from symbench.groups import Group
from symbench.groups.structure import orthonormal_rows
from symbench.metrics.inputs import PAIRS, inputs_invariant, told_apart

_TURNS, _OPEN = 3.0, 0.7  # root mean square norms of logarithms: rotations, and all others
_IMAGINARY = 0.05  # size of the real parts of eigenvalues of generators of rotations
_STRETCHING = 0.15  # the same, in units of the largest eigenvalue, that noise does not cause


@final
class FoundGroup(Group):
    """The connected group of found generators [k, d, d], which may close only nearly."""

    sampler_law = "exponentials of normal combinations of the generators"

    def __init__(self, L: Tensor) -> None:
        basis = orthonormal_rows(L.flatten(1)).view(-1, *L.shape[1:])
        real = float(torch.linalg.eigvals(basis).real.abs().max()) if len(basis) else 0.0
        self._size = _TURNS if real < _IMAGINARY else _OPEN
        digest = hashlib.sha256(basis.numpy().tobytes()).hexdigest()[:12]
        super().__init__(f"found {digest}", basis)  # groups of one name are equal

    @property
    def stretches(self) -> bool:
        """Whether some flow stretches: no law of the inputs is then invariant (Poincaré)."""
        values = torch.linalg.eigvals(self.algebra)
        real, size = values.real.abs().amax(-1), values.abs().amax(-1)
        return bool((real > _STRETCHING * size).any())

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, d, d]."""
        k = len(self.algebra)
        z = torch.randn(count, k, generator=generator, dtype=torch.float64)
        z = z * self._size / math.sqrt(max(1, k))
        g: Tensor = torch.linalg.matrix_exp(torch.einsum("nk,kij->nij", z, self.algebra))
        return g


def compared(question: Question, L: Tensor, generator: torch.Generator) -> Inputs:
    """Return whether the inputs have the symmetry of found generators L by themselves.

    They do not if a flow stretches, or if a classifier tells inputs from moved inputs.
    """
    if len(L) == 0:
        return Inputs(None, None)
    group = FoundGroup(L)
    law = question.law
    symmetry = Symmetry(group, law.input.rebind(group), law.output.rebind(group))
    apart = told_apart(question.data.x, symmetry, generator)
    stretched = group.stretches
    invariant = not stretched and inputs_invariant(apart, min(len(question.data), PAIRS))
    return Inputs(invariant, apart, stretched)
