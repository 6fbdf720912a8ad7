"""Regression of an exact target of two vectors."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from symbench import Data, Split, Task


def gaussian(n: int, size: int, generator: torch.Generator) -> Tensor:
    """Draw standard normal numbers [n, size] in float64."""
    return torch.randn(n, size, generator=generator, dtype=torch.float64)


def invariant(x: Tensor) -> Tensor:
    """Return f = sin‖x₁‖ - ½‖x₂‖³ + cos∠(x₁, x₂) [..., 1] of two vectors x [..., 2 d].

    It is O(d)-invariant, and differentiable where neither vector is zero. With d = 5 it is the
    target of Finzi, Welling, Wilson 2021, section 7 (arXiv:2104.09459).
    """
    first, second = x.unflatten(-1, (2, -1)).unbind(-2)
    norm, other = (v.norm(dim=-1, keepdim=True) for v in (first, second))
    cosine = (first * second).sum(-1, keepdim=True) / (norm * other)
    y: Tensor = norm.sin() - other**3 / 2 + cosine
    return y


class PairTask(Task):
    """Two vectors from a given law, one after the other, and an exact target."""

    version = "1"
    kind = "vectors"
    output_shape = (1,)

    @abstractmethod
    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw inputs [n, input_size] in float64."""

    @abstractmethod
    def target(self, x: Tensor) -> Tensor:
        """Return the exact target [..., 1] at x [..., input_size], in its dtype."""

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n examples; both dtypes have the same points, with targets computed in float64."""
        x = self.inputs(n, self.generator(seed, split)).float().double()
        return Data(x.to(dtype), self.target(x).to(dtype))
