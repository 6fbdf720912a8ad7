"""Gated activations, and the block of an EMLP (Finzi, Welling, Wilson 2021, section 6)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symbench.groups import Representation, Scalar
from symbench_emlp.bilinear import Bilinear
from symbench_emlp.channels import runs
from symbench_emlp.linear import EquivariantLinear

BILINEAR_GAIN = 0.3  # 0.1 in the paper, whose layer is scaled differently
SILU_NORM = 1.676532  # 1 / sqrt(E silu(z)²) and
GATE_NORM = 1.846229  # 1 / sqrt(E sigmoid(z)²) for z ~ N(0, 1): activations keep the variance


class Gated(nn.Module):
    """SiLU on scalars, and sigmoid(gate) · feature with one scalar gate for every other summand.

    From ``gated(rep)`` = gates + rep to rep, whose scalars come first. Both activations are scaled
    to give a unit second moment on unit normal scalars.
    """

    def __init__(self, rep: Representation) -> None:
        super().__init__()
        self._runs = runs(rep)
        self._gates = sum(run.copies for run in self._runs if run.type.rank)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features [n, size] of gates and features [n, gates + size]."""
        gates = GATE_NORM * torch.sigmoid(x[:, : self._gates])
        start, first, parts = self._gates, 0, []
        for run in self._runs:
            part = x[:, start : start + run.size]
            start += run.size
            if run.type.rank == 0:
                parts.append(SILU_NORM * nn.functional.silu(part))
                continue
            feature = part.unflatten(-1, (run.copies, run.type.size))
            gate = gates[:, first : first + run.copies].unsqueeze(-1)
            parts.append((gate * feature).flatten(1))
            first += run.copies
        return torch.cat(parts, -1)


def gated(rep: Representation) -> Representation:
    """Return the representation that ``Gated`` reads: a scalar for every non-scalar, then rep."""
    gates = sum(run.copies for run in runs(rep) if run.type.rank)
    return gates * Scalar(rep.group) + rep if gates else rep


class EquivariantBlock(nn.Module):
    """Linear map to the gated representation, a small bilinear term on top, gated activation."""

    def __init__(self, rep_in: Representation, hidden: Representation, copies: int) -> None:
        super().__init__()
        wide = gated(hidden)
        self.linear = EquivariantLinear(rep_in, wide)
        self.bilinear = Bilinear(wide, copies)
        self.activation = Gated(hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's features: [n, size_in] -> [n, hidden size]."""
        y = self.linear(x)
        features: Tensor = self.activation(y + BILINEAR_GAIN * self.bilinear(y))
        return features
