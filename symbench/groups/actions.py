"""How a representation acts on batches: one contraction per tensor mode, never the full matrix."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor

from symbench.groups.expression import Leaf, Modes

if TYPE_CHECKING:
    from symbench.groups.base import Group

Matrices = dict[Leaf, Tensor]


class Piece(NamedTuple):
    """All copies of one pure tensor type: its modes, and their positions [copies, size of one]."""

    modes: Modes
    at: Tensor


class Acting(Protocol):
    """What an action needs of a ``Representation``."""

    @property
    def group(self) -> Group:
        """The group that acts."""

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The summands, with the positions of their coordinates."""

    @property
    def leaves(self) -> frozenset[Leaf]:
        """The defining representations that occur in it."""

    def __hash__(self) -> int: ...


def acted(rep: Acting, g: Tensor, x: Tensor) -> Tensor:
    """Return rho(g) x; see ``Representation.act``."""
    g = g.to(x)
    if rep.group.permutes:
        return _piecewise(rep, g, x, lambda modes, t: _reindexed(g, modes, t))
    matrices = {leaf: _block(rep, leaf, g) for leaf in rep.leaves}
    for leaf, block in matrices.items():
        if leaf.dual:
            matrices[leaf] = torch.linalg.inv_ex(block).inverse.mT  # without asking a GPU
    return _piecewise(rep, g, x, lambda modes, t: _product(matrices, modes, t))


def differentiated(rep: Acting, A: Tensor, x: Tensor) -> Tensor:
    """Return drho(A) x; see ``Representation.drho_act``."""
    A = A.to(x)
    matrices = {leaf: _block(rep, leaf, A) for leaf in rep.leaves}
    for leaf, block in matrices.items():
        if leaf.dual:
            matrices[leaf] = -block.mT
    return _piecewise(rep, A, x, lambda modes, t: _leibniz(matrices, modes, t))


def _block(rep: Acting, leaf: Leaf, g: Tensor) -> Tensor:
    """Return the part of g [..., d, d] that acts on a leaf's factor of a direct product."""
    if leaf.factor is None:
        return g
    dims = [factor.dim for factor in rep.group.factors]
    start = sum(dims[: leaf.factor])
    stop = start + dims[leaf.factor]
    return g[..., start:stop, start:stop]


def _along(t: Tensor, matrix: Tensor, after: int) -> Tensor:
    """Apply ``matrix`` [*, d, d] to the mode of t [*, copies, N] that ``after`` numbers follow."""
    d = matrix.shape[-1]
    before = t.shape[-1] // (d * after)
    if after == 1:
        rows = t.reshape(*t.shape[:-1], before, d)
        return _rows_times(rows, matrix.mT).flatten(-2)
    cube = t.reshape(*t.shape[:-1], before, d, after)
    if matrix.ndim == 2:  # one large product instead of many small ones
        return torch.matmul(cube.mT, matrix.mT).mT.flatten(-3)
    return torch.matmul(matrix[..., None, None, :, :], cube).flatten(-3)


def _rows_times(rows: Tensor, right: Tensor) -> Tensor:
    """Return rows [*, copies, r, d] @ right [d, d] or [*, d, d], where * broadcasts."""
    if right.ndim == 2:
        return torch.matmul(rows, right)
    leading = list(right.shape[:-2])
    while leading and leading[-1] == 1:
        leading.pop()
    shared = right.ndim - 2 - len(leading)  # axes of rows that share one matrix
    together = rows.flatten(-3 - shared, -2)  # one large product instead of many small ones
    product = torch.matmul(together, right.reshape(*leading, *right.shape[-2:]))
    return product.view(*product.shape[:-2], *rows.shape[-3 - shared : -1], product.shape[-1])


def _product(matrices: Matrices, modes: Modes, t: Tensor) -> Tensor:
    after = 1
    for leaf in reversed(modes):
        t = _along(t, matrices[leaf], after)
        after *= matrices[leaf].shape[-1]
    return t


def _reindexed(matrix: Tensor, modes: Modes, t: Tensor) -> Tensor:
    """Permute every mode of t [*, copies, N] by a permutation matrix [*, d, d]: no arithmetic."""
    d = matrix.shape[-1]
    source = matrix.argmax(-1)  # (gx)_i = x_j where g_ij = 1
    flat = torch.zeros_like(source[..., :1])
    for _ in modes:
        flat = (flat[..., :, None] * d + source[..., None, :]).flatten(-2)
    if flat.numel() == flat.shape[-1]:
        return t.index_select(-1, flat.flatten())
    one_for_a_batch = flat.ndim == t.ndim - 1 and flat.shape[1:].numel() == flat.shape[-1]
    # a GPU would launch a kernel for each
    if one_for_a_batch and len(flat) and t.device.type == "cpu":
        rows = zip(t, flat.flatten(1), strict=True)
        return torch.stack([part.index_select(-1, row) for part, row in rows])
    return torch.take_along_dim(t, flat[..., None, :], -1)


def _leibniz(matrices: Matrices, modes: Modes, t: Tensor) -> Tensor:
    result = torch.zeros_like(t)
    after = 1
    for leaf in reversed(modes):
        result = result + _along(t, matrices[leaf], after)
        after *= matrices[leaf].shape[-1]
    return result


def _piecewise(
    rep: Acting, g: Tensor, x: Tensor, apply: Callable[[Modes, Tensor], Tensor]
) -> Tensor:
    """Apply a map to all copies of every pure tensor type of x at once."""
    x = x + torch.zeros_like(g[..., :1, 0])  # broadcast the leading axes, also for scalars
    places, order = _places(rep, x.device)
    parts = []
    for piece, place in zip(rep.pieces, places, strict=True):
        t = x[..., place].reshape(*x.shape[:-1], *piece.at.shape)
        parts.append(apply(piece.modes, t).flatten(-2))
    y = torch.cat(parts, -1)
    return y if order is None else y[..., order]


@lru_cache(maxsize=1024)
def _places(rep: Acting, device: torch.device) -> tuple[list[slice | Tensor], Tensor | None]:
    """Return the positions of each piece in x, and the order that undoes their concatenation."""
    flat = [piece.at.flatten() for piece in rep.pieces]
    places: list[slice | Tensor] = []
    for at in flat:
        start = int(at[0])
        straight = bool((at == torch.arange(start, start + len(at))).all())
        places.append(slice(start, start + len(at)) if straight else at.to(device))
    together = torch.cat(flat)
    sorted_already = bool((together == torch.arange(len(together))).all())
    return places, None if sorted_already else together.argsort().to(device)
