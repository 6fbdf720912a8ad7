"""Gated activations, and the block of an EMLP (Finzi, Welling, Wilson 2021, section 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from symbench.groups import Representation, Scalar
from symbench_emlp.bilinear import Bilinear, Products, Saved, split
from symbench_emlp.channels import runs
from symbench_emlp.linear import Affine, EquivariantLinear

Linear = Callable[[Representation, Representation], EquivariantLinear]
BILINEAR_GAIN = 0.3  # 0.1 in the paper, whose layer is scaled differently
# For z ~ N(0, 1) these factors make the activations preserve the variance.
SILU_NORM = 1.676532  # 1 / sqrt(E silu(z)²)
GATE_NORM = 1.846229  # 1 / sqrt(E sigmoid(z)²)


class Gated(nn.Module):
    """SiLU on scalars, and sigmoid(gate) · feature with one scalar gate for every other summand.

    It maps ``gated(rep)`` = gates + rep to rep, whose scalars come first. Both activations are
    scaled to have unit second moment on standard normal scalars.
    """

    def __init__(self, rep: Representation) -> None:
        super().__init__()
        self._runs = runs(rep)
        self._wide = runs(gated(rep))
        copies = [run.copies for run in self._runs if run.type.rank]
        self._gates = sum(copies)
        self._rows = [*copies, rep.size - sum(run.size for run in self._runs if run.type.rank)]

    def columns(self, parts: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the features [size, n], and the scaled gates that ``pullback`` needs.

        ``parts`` are the runs [copies, size of one, n] of gates and features. The first run holds
        the gates and the scalars, which gate themselves.
        """
        scalars = parts[0].squeeze(1)
        scaled = GATE_NORM * scalars.sigmoid()
        *gates, free = scaled.split(self._rows)
        features = [(SILU_NORM / GATE_NORM) * (scalars[self._gates :] * free)]
        for gate, part in zip(gates, parts[1:], strict=True):
            features.append((gate.unsqueeze(1) * part).flatten(0, 1))
        return torch.cat(features), scaled

    def pullback(self, g: Tensor, parts: list[Tensor], scaled: Tensor) -> list[Tensor]:
        """Return the gradients at ``parts``, given g [size, n] at the features."""
        scalars = parts[0].squeeze(1)
        *gates, free = scaled.split(self._rows)
        *inner, last = (scaled * (1 - scaled / GATE_NORM)).split(self._rows)
        first, *rest = split(g, self._runs)
        at_gates, at_parts = [], []
        for gate, slope, part, piece in zip(gates, inner, parts[1:], rest, strict=True):
            at_parts.append(gate.unsqueeze(1) * piece)
            at_gates.append(slope * (part * piece).sum(1))
        slope = (SILU_NORM / GATE_NORM) * (free + scalars[self._gates :] * last)
        whole = torch.cat([*at_gates, slope * first.squeeze(1)])
        return [whole.unsqueeze(1), *at_parts]

    def forward(self, x: Tensor) -> Tensor:
        """Return the features [n, size] of gates and features [n, gates + size]."""
        return self.columns(split(x.mT, self._wide))[0].mT


def gated(rep: Representation) -> Representation:
    """Return the representation that ``Gated`` reads: a scalar for every non-scalar, then rep."""
    gates = sum(run.copies for run in runs(rep) if run.type.rank)
    return gates * Scalar(rep.group) + rep if gates else rep


class Seen(NamedTuple):
    """Intermediate results of a block that its gradient needs."""

    factors: Saved
    whole: list[Tensor]
    gates: Tensor


class Block(NamedTuple):
    """An ``EquivariantBlock`` on columns with its dense weights, and its gradient."""

    linear: Affine
    products: Products
    activation: Gated

    def __call__(self, x: Tensor) -> tuple[Tensor, Seen]:
        """Return the features [hidden size, n] of x [size_in, n], and what ``pullback`` needs."""
        parts = split(self.linear(x), self.products.plan.runs)
        more, factors = self.products(parts)
        whole = _added(parts, more)
        features, gates = self.activation.columns(whole)
        return features, Seen(factors, whole, gates)

    def pullback(self, g: Tensor, seen: Seen) -> Tensor:
        """Return the gradient [size_in, n] at x, given g [hidden size, n] at the features."""
        at_whole = self.activation.pullback(g, seen.whole, seen.gates)
        more = self.products.pullback(at_whole, seen.factors)
        rows = [part.flatten(0, 1) for part in _added(at_whole, more)]
        return self.linear.pullback(torch.cat(rows))


def _added(parts: list[Tensor], more: list[Tensor]) -> list[Tensor]:
    pairs = zip(parts, more, strict=True)
    return [torch.add(part, term, alpha=BILINEAR_GAIN) for part, term in pairs]


class EquivariantBlock(nn.Module):
    """Linear map to the gated representation, plus a small bilinear term, then gated activation."""

    def __init__(
        self,
        rep_in: Representation,
        hidden: Representation,
        copies: int,
        linear: Linear = EquivariantLinear,
    ) -> None:
        super().__init__()
        wide = gated(hidden)
        self.linear = linear(rep_in, wide)
        self.bilinear = Bilinear(wide, copies)
        self.activation = Gated(hidden)

    def prepared(self) -> Block:
        """Return the block on columns, with its dense weights computed once."""
        products = self.bilinear.prepared()
        return Block(self.linear.prepared(), products, self.activation)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's features: [n, size_in] -> [n, hidden size]."""
        return self.prepared()(x.mT)[0].mT
