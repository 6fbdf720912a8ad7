"""Residual pathway priors: an EMLP whose linear maps may leave the symmetry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from symbench import Symmetry
from symbench.groups import Group, Representation
from symbench_emlp.linear import EquivariantLinear
from symbench_emlp.models import EMLPConfig, Perceptron


class SoftLinear(EquivariantLinear):
    """x -> (W + s U) x + b + s u, with W and b equivariant, and U and u free.

    U and u start at zero. Weight decay and the steps of Adam treat all parameters alike, so that s
    is the width of the prior on the free part relative to that on the equivariant part.
    """

    def __init__(self, rep_in: Representation, rep_out: Representation, free: float) -> None:
        super().__init__(rep_in, rep_out)
        self._free = free
        self.free_weight = nn.Parameter(torch.zeros(rep_out.size, rep_in.size))
        self.free_bias = nn.Parameter(torch.zeros(rep_out.size))

    def dense_weight(self) -> Tensor:
        """Return W + s U [size_out, size_in]; an entry of U has the unit 1 / √size_in."""
        scale = self._free / math.sqrt(self.free_weight.shape[1])
        return super().dense_weight() + scale * self.free_weight

    def dense_bias(self) -> Tensor:
        """Return b + s u [size_out]."""
        return super().dense_bias() + self._free * self.free_bias


@dataclass(frozen=True)
class SoftEMLPConfig(EMLPConfig):
    """``free`` is the width of the prior on the free part; 0 is ``emlp``."""

    free: float = 0.3


@final
class SoftEMLP(Perceptron):
    """EMLP with a free linear map beside every equivariant one (residual pathway prior).

    The network may leave the symmetry, and its prior says that it should hardly do so. The
    published one has Gaussian priors of two widths, as two weight decays. Here the free part is
    scaled down instead, which is the same prior under one weight decay.
    """

    name = "soft-emlp"
    summary = "EMLP that may leave the symmetry, by a residual pathway prior"
    reference = "Finzi, Benton, Wilson 2021, Residual pathway priors (arXiv:2112.01388)"
    Config = SoftEMLPConfig
    config: SoftEMLPConfig

    def group(self, told: Symmetry) -> Group:
        """Return the task's own group."""
        return told.group

    def linear(self, rep_in: Representation, rep_out: Representation) -> EquivariantLinear:
        """Return an equivariant map with a free one beside it."""
        return SoftLinear(rep_in, rep_out, self.config.free)
