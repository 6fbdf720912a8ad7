"""Group elements that move the examples of a batch, for augmentation and for the penalty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from symbench.contract import Problem
from symbench.groups import Representation

_LARGEST = 4096  # elements sampled once per trial; sampling takes longer than a step
_NUMBERS = 2**22  # upper bound of their matrix entries (16 MiB in float32)


def pool_size(problem: Problem) -> int:
    """Return how many elements of the problem's group are sampled for a trial."""
    if problem.symmetry is None:
        return 1
    return max(64, min(_LARGEST, _NUMBERS // problem.symmetry.group.dim**2))


def room(batch: int, elements: int) -> int:
    """Return how often an element can occur in a batch of consecutive epochs of all elements."""
    return -(-batch // elements) + 1


def occurrences(drawn: Tensor) -> Tensor:
    """Return how many equal entries stand before each entry of its row, for integers [n, k]."""
    ordered, order = drawn.sort(dim=1, stable=True)
    rank = torch.arange(drawn.shape[1]) - torch.searchsorted(ordered, ordered)
    return torch.empty_like(rank).scatter_(1, order, rank)


@dataclass(frozen=True, eq=False)
class Pool:
    """Elements [T, P, d, d] of T trials, each with room for ``room`` examples of a batch.

    Place p belongs to element p // room. An example gets a matrix of its own where batches are
    smaller than the pool. Otherwise an element moves all its examples by one product, because
    copying a matrix for each would take longer than the product.
    """

    elements: Tensor
    room: int

    def moved(self, rho: Representation, values: Tensor, places: Tensor) -> Tensor:
        """Return rho(g) of values [T, n, ...], where ``places`` [T, n] chooses the elements g."""
        flat = values.flatten(2)
        pool = self.elements.shape[1]
        if places.shape[1] < pool:
            g = self.elements[self._rows, places // self.room]
            return rho.act(g.flatten(0, 1), flat.flatten(0, 1)).view(values.shape)
        source = self._nowhere.scatter(1, places, self._positions(places))
        together = flat[self._rows, source].unflatten(1, (pool, self.room))
        acted = rho.act(self.elements[:, :, None], together).flatten(1, 2)
        return acted[self._rows, places].view(values.shape)

    @cached_property
    def _rows(self) -> Tensor:
        return torch.arange(len(self.elements), device=self.elements.device)[:, None]

    @cached_property
    def _nowhere(self) -> Tensor:
        """The position 0 for every place, [T, P * room]."""
        shape = (len(self.elements), self.elements.shape[1] * self.room)
        return torch.zeros(shape, dtype=torch.long, device=self.elements.device)

    def _positions(self, places: Tensor) -> Tensor:
        return torch.arange(places.shape[1], device=places.device).expand_as(places)
