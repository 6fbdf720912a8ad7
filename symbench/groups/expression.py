"""Expressions that build a representation from its leaves, and how they lay out coordinates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor


@dataclass(frozen=True)
class Leaf:
    """The defining representation of the group or of the factor with that index, or its dual."""

    factor: int | None = None
    dual: bool = False


@dataclass(frozen=True)
class Product:
    """Tensor product, coordinates in row-major (Kronecker) order; without factors a scalar.

    A factor is never a product, and the first is never a sum: (A + B) ⊗ C has the layout of
    A ⊗ C + B ⊗ C and is stored like that.
    """

    factors: tuple[Expression, ...]


@dataclass(frozen=True)
class Sum:
    """Direct sum of ``count`` copies of each part, one after the other."""

    parts: tuple[tuple[int, Expression], ...]


Expression: TypeAlias = Leaf | Product | Sum
Modes: TypeAlias = tuple[Leaf, ...]
Layout: TypeAlias = dict[Modes, Tensor]
SCALAR = Product(())


def _parts(e: Expression) -> tuple[tuple[int, Expression], ...]:
    return e.parts if isinstance(e, Sum) else ((1, e),)


def _factors(e: Expression) -> tuple[Expression, ...]:
    return e.factors if isinstance(e, Product) else (e,)


def total(parts: Sequence[tuple[int, Expression]]) -> Expression:
    """Return the sum of the parts, with equal neighbours merged."""
    merged: list[tuple[int, Expression]] = []
    for count, part in parts:
        if merged and merged[-1][1] == part:
            merged[-1] = (merged[-1][0] + count, part)
        else:
            merged.append((count, part))
    return merged[0][1] if len(merged) == 1 and merged[0][0] == 1 else Sum(tuple(merged))


def add(a: Expression, b: Expression) -> Expression:
    """Return a + b."""
    return total(_parts(a) + _parts(b))


def repeat(count: int, e: Expression) -> Expression:
    """Return ``count`` copies of e in a row."""
    parts = _parts(e)
    return total([(count * parts[0][0], parts[0][1])] if len(parts) == 1 else [(count, e)])


def multiply(a: Expression, b: Expression) -> Expression:
    """Return a ⊗ b."""
    if isinstance(a, Sum):
        return total([(count, multiply(part, b)) for count, part in a.parts])
    factors = _factors(a) + _factors(b)
    return factors[0] if len(factors) == 1 else Product(factors)


def mapped(e: Expression, leaf: Callable[[Leaf], Expression]) -> Expression:
    """Return e with every leaf replaced."""
    if isinstance(e, Leaf):
        return leaf(e)
    if isinstance(e, Sum):
        return total([(count, mapped(part, leaf)) for count, part in e.parts])
    result: Expression = SCALAR
    for factor in e.factors:
        result = multiply(result, mapped(factor, leaf))
    return result


def leaves(e: Expression) -> set[Leaf]:
    """Return the distinct leaves of e."""
    if isinstance(e, Leaf):
        return {e}
    children = [part for _, part in e.parts] if isinstance(e, Sum) else list(e.factors)
    return {leaf for child in children for leaf in leaves(child)}


def summands(e: Expression) -> list[Expression]:
    """Return the terms of e in layout order, copies expanded."""
    if not isinstance(e, Sum):
        return [e]
    return [term for count, part in e.parts for term in summands(part) * count]


def text(e: Expression, leaf: Callable[[Leaf], str]) -> str:
    """Return e in mathematical notation."""
    if isinstance(e, Leaf):
        return leaf(e)
    if isinstance(e, Product):
        return " ⊗ ".join(_bracketed(factor, leaf) for factor in e.factors) or "Scalar"
    terms = [text(p, leaf) if c == 1 else f"{c} {_bracketed(p, leaf)}" for c, p in e.parts]
    return " + ".join(terms)


def _bracketed(e: Expression, leaf: Callable[[Leaf], str]) -> str:
    written = text(e, leaf)
    return written if isinstance(e, Leaf) or e == SCALAR else f"({written})"


def size(e: Expression, dim: Callable[[Leaf], int]) -> int:
    """Return the number of coordinates of e."""
    if isinstance(e, Leaf):
        return dim(e)
    if isinstance(e, Sum):
        return sum(count * size(part, dim) for count, part in e.parts)
    result = 1
    for factor in e.factors:
        result *= size(factor, dim)
    return result


def layout(e: Expression, dim: Callable[[Leaf], int]) -> Layout:
    """Split e into pure tensors: type -> positions [copies, coordinates of one] within e."""
    if isinstance(e, Leaf):
        return {(e,): torch.arange(dim(e))[None]}
    return _sum_layout(e, dim) if isinstance(e, Sum) else _product_layout(e, dim)


def _sum_layout(e: Sum, dim: Callable[[Leaf], int]) -> Layout:
    positions: dict[Modes, list[Tensor]] = {}
    start = 0
    for count, part in e.parts:
        width = size(part, dim)
        starts = start + width * torch.arange(count)
        for modes, at in layout(part, dim).items():
            positions.setdefault(modes, []).append((starts[:, None, None] + at).flatten(0, 1))
        start += count * width
    return {modes: torch.cat(at) for modes, at in positions.items()}


def _product_layout(e: Product, dim: Callable[[Leaf], int]) -> Layout:
    if len(pure := tuple(f for f in e.factors if isinstance(f, Leaf))) == len(e.factors):
        return {pure: torch.arange(size(e, dim))[None]}
    result: Layout = {(): torch.zeros(1, 1, dtype=torch.long)}
    for factor in e.factors:
        width, inner = size(factor, dim), layout(factor, dim)
        positions: dict[Modes, list[Tensor]] = {}
        for left, at in result.items():
            for right, to in inner.items():
                grid = at[:, None, :, None] * width + to[None, :, None, :]
                positions.setdefault(left + right, []).append(grid.flatten(2).flatten(0, 1))
        result = {modes: torch.cat(at) for modes, at in positions.items()}
    return result
