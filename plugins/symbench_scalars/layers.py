"""Invariant features, networks on these, and equivariant outputs from invariant coefficients."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from symbench import InputError
from symbench.groups import Representation
from symbench_scalars.signature import Signature

_TINY = 1e-12


class Layout:
    """Positions and ranks of the summands of a representation."""

    def __init__(self, rep: Representation) -> None:
        self._sizes = [summand.size for summand in rep.summands]
        self._ranks = [summand.rank for summand in rep.summands]

    def split(self, x: Tensor) -> list[tuple[Tensor, int]]:
        """Return the coordinates [n, summand size] and the rank of each summand of x [n, ...].

        Raises:
            InputError: x does not have the representation's size.
        """
        flat = x.flatten(1)
        if flat.shape[1] != sum(self._sizes):
            raise InputError(f"expected [n, {sum(self._sizes)}] coordinates, got {list(x.shape)}")
        return list(zip(torch.split(flat, self._sizes, dim=1), self._ranks, strict=True))


class Parts(nn.Module):
    """Split x [n, size] into scalars [n, a], vectors v [n, k, d] and covectors F v [n, k, d].

    F is the group's form, so that v_i · (F v_j) is the invariant product ⟨v_i, v_j⟩.
    """

    signs: Tensor

    def __init__(self, law: Signature) -> None:
        super().__init__()
        self._layout = Layout(law.inputs)
        self.register_buffer("signs", law.signs)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the scalars, the vectors and the covectors."""
        pairs = self._layout.split(x)
        scalars = torch.cat([x.flatten(1)[:, :0], *[part for part, rank in pairs if rank == 0]], 1)
        vectors = torch.stack([part for part, rank in pairs if rank == 1], 1)
        return scalars, vectors, vectors * self.signs


class Relative(nn.Module):
    """Subtracts the mean of all vectors from each, which makes ``net`` translation-invariant."""

    def __init__(self, net: nn.Module, law: Signature) -> None:
        super().__init__()
        self.net = net
        self._layout = Layout(law.inputs)

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate ``net`` on the translated training data."""
        if callable(calibrate := getattr(self.net, "calibrate", None)):
            calibrate(self._relative(x), y)

    def forward(self, x: Tensor) -> Tensor:
        """Return net(x - mean): [n, size] -> [n, ...]."""
        return cast(Tensor, self.net(self._relative(x)))

    def _relative(self, x: Tensor) -> Tensor:
        pairs = self._layout.split(x)
        mean = torch.stack([part for part, rank in pairs if rank == 1]).mean(0)
        return torch.cat([part - mean if rank == 1 else part for part, rank in pairs], 1)


class ZScore(nn.Module):
    """(f - mean) / deviation per feature (the last axis); the identity until calibrated.

    The features are those of standardised inputs, so that their natural size is 1: a variance below
    1e-12 is rounding.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def calibrate(self, f: Tensor) -> None:
        """Store the statistics of training features f [..., features]."""
        flat = f.flatten(0, -2).double()
        variance = flat.var(0, correction=0)
        scale = torch.where(variance > _TINY, variance, torch.ones_like(variance)).sqrt()
        self.centre, self.scale = flat.mean(0).to(f), scale.to(f)

    def forward(self, f: Tensor) -> Tensor:
        """Return the standardised features."""
        return (f - self.centre) / self.scale


def products(vectors: Tensor, covectors: Tensor) -> Tensor:
    """Return the invariant products ⟨v_i, v_j⟩, i ≤ j, [..., k (k + 1) / 2]."""
    gram = vectors @ covectors.mT
    return torch.cat([gram[..., i, i:] for i in range(gram.shape[-1])], -1)


def lengths(vectors: Tensor) -> Tensor:
    """Return the Euclidean lengths [..., k], smoothed so that they are differentiable at zero."""
    return (vectors.square().sum(-1) + _TINY).sqrt()


def invariants(vectors: Tensor, covectors: Tensor, *, definite: bool) -> Tensor:
    """Return all products of vectors [..., k, d] and, for a definite form, their lengths.

    An indefinite form has no lengths: the square root of |⟨v, v⟩| is not smooth on the light cone.
    """
    values = products(vectors, covectors)
    return torch.cat([values, lengths(vectors)], -1) if definite else values


def invariant_count(vectors: int, *, definite: bool) -> int:
    """Return the number of ``invariants`` of ``vectors`` vectors."""
    return vectors * (vectors + 1) // 2 + (vectors if definite else 0)


def perceptron(inputs: int, widths: list[int], outputs: int, unit: type[nn.Module]) -> nn.Module:
    """Return a perceptron with the hidden ``widths``: [..., inputs] -> [..., outputs]."""
    sizes = [inputs, *widths]
    hidden = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), unit())]
    return nn.Sequential(*hidden, nn.Linear(sizes[-1], outputs))


class BilinearPerceptron(nn.Module):
    """f(z) = MLP(z) + W ((U z + a) ∘ (V z + b)), a perceptron plus a bilinear path.

    Polynomial laws are made of invariant polynomials. The bilinear path represents quadratic forms
    of z exactly, while a perceptron of SiLU units would have to approximate them (Jayakumar et al.
    2020, "Multiplicative interactions and where to find them").
    """

    def __init__(self, inputs: int, width: int, depth: int, outputs: int) -> None:
        super().__init__()
        self.perceptron = perceptron(inputs, [width] * depth, outputs, nn.SiLU)
        self.left = nn.Linear(inputs, width)
        self.right = nn.Linear(inputs, width)
        self.product = nn.Linear(width, outputs)
        nn.init.zeros_(self.product.weight)  # quadratic terms grow only if the data need them

    def forward(self, z: Tensor) -> Tensor:
        """Map [..., inputs] to [..., outputs]."""
        return cast(Tensor, self.perceptron(z) + self.product(self.left(z) * self.right(z)))


class Combination(nn.Module):
    """Equivariant outputs from invariant coefficients (Villar et al. 2021).

    A scalar is a coefficient, a vector Σ c_i v_i, and a tensor Σ c_ij v_i ⊗ v_j + c F⁻¹. The sums
    run over all i, j of the k vectors divided by √k. If ``ordered``, they run over i ≤ j and the
    vectors are not rescaled.
    """

    signs: Tensor

    def __init__(self, law: Signature, *, ordered: bool = False) -> None:
        super().__init__()
        self._ranks, self._k, self._ordered = law.ranks, law.vectors, ordered
        self._unit = 1.0 if ordered else 1 / math.sqrt(law.vectors)
        self.register_buffer("signs", law.signs)

    def counts(self) -> list[int]:
        """Return the number of coefficients for each output summand."""
        k = self._k
        return [(1, k, 1 + (k * (k + 1) // 2 if self._ordered else k * k))[r] for r in self._ranks]

    def forward(self, coefficients: Tensor, vectors: Tensor) -> Tensor:
        """Return y [n, size] from coefficients [n, sum of counts] and vectors [n, k, d]."""
        parts = torch.split(coefficients, self.counts(), dim=1)
        pairs = zip(parts, self._ranks, strict=True)
        return torch.cat([self._summand(part, rank, vectors) for part, rank in pairs], 1)

    def _summand(self, c: Tensor, rank: int, v: Tensor) -> Tensor:
        if rank == 0:
            return c
        if rank == 1:
            return (c[:, None] @ v)[:, 0] * self._unit
        square = self._square(c[:, 1:])
        tensor = torch.einsum("nia,nij,njb->nab", v, square, v) * self._unit**2
        return (tensor + c[:, :1, None] * self.signs.diag()).flatten(1)

    def _square(self, c: Tensor) -> Tensor:
        """Arrange pair coefficients as [n, k, k], with zeros below the diagonal if ordered."""
        if not self._ordered:
            return c.view(-1, self._k, self._k)
        rows = torch.split(c, list(range(self._k, 0, -1)), dim=1)
        padded = [nn.functional.pad(row, (i, 0)) for i, row in enumerate(rows)]
        return torch.stack(padded, 1)
