"""A fixed linear map of a task's data, under which a symmetry that was learned moves too."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from symbench.contract import Data, Task, seeded
from symbench.draws import Draws
from symbench.groups import Representation
from symbench.metrics.candidate import Candidate
from symbench.metrics.network import in_blocks

_LENGTH = 1.5  # of the logarithm of the map, in whitened coordinates


def move_of(task: Task, candidate: Candidate) -> Tensor | None:
    """Return an invertible matrix g [d, d] on the defining space; None if none acts on the data.

    It is the exponential of a random direction of the candidate algebra, so that the data stay in
    their affine hull. For images, whose flows interpolate, it is a random permutation of the
    pixels. Coordinates that are angles cannot be moved, and neither can the labels of a task with
    a loss of its own. g is the same for every model.
    """
    if any(task.periods) or task.loss not in ("mse", "cross-entropy"):
        return None
    generator, d = seeded(task.name, "move"), candidate.basis.shape[-1]
    if task.kind == "image":
        return torch.eye(d, dtype=torch.float64)[torch.randperm(d, generator=generator)]
    weights = torch.randn(len(candidate.basis), generator=generator, dtype=torch.float64)
    A = torch.einsum("m,mij->ij", _LENGTH * weights / weights.norm(), candidate.basis)
    g: Tensor = torch.linalg.matrix_exp(A)
    return g


@dataclass(frozen=True)
class MovedDraws(Draws):
    """The draws of a task with training and validation data (rho_in(g) x, rho_out(g) y).

    Class labels stay as they are. ``g`` [d, d] acts as the algebra of ``candidate`` does.
    """

    candidate: Candidate
    g: Tensor

    def train(self, n: int, seed: int) -> Data:
        """Return the training data of a trial, moved."""
        return self._moved(super().train(n, seed))

    def valid(self, seed: int) -> Data:
        """Return the validation data of a trial, moved."""
        return self._moved(super().valid(seed))

    def _moved(self, data: Data) -> Data:
        x = _acted(self.candidate.symmetry.input, self.g, data.x)
        classifies = self.task.loss == "cross-entropy"
        return Data(
            x, data.y if classifies else _acted(self.candidate.symmetry.output, self.g, data.y)
        )


def _acted(rep: Representation, g: Tensor, values: Tensor) -> Tensor:
    return rep.act(g, in_blocks(values.double(), rep.size)).view_as(values).to(values)
