"""Convolutions of 3 × 3 pixels with a quarter of the multiplications: products at points.

A row of 4 outputs is a correlation of 6 inputs with 3 weights. Transposing the evaluation of the
product of two polynomials at 6 points makes it 6 multiplications in place of 12, and 36 in place
of 144 for 4 × 4 outputs (Lavin and Gray 2016, Fast algorithms for convolutional neural networks).
Positions come first, [positions, n, channels], so that every step is a product of matrices.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

TAPS = 3  # weights along each axis
_TILE = 4  # outputs along each axis
_POINTS = _TILE + TAPS - 1
_ROOT = math.sqrt(0.5)
_FINITE = (0.0, _ROOT, -_ROOT, 1 / _ROOT, -1 / _ROOT)  # and infinity: rounding stays small


class Transforms(NamedTuple):
    """What stands before and after the products, for inputs of ``before``² and t² tiles of outputs.

    Rows first; then the columns of a point's rows, all tiles in one product, so that the points
    stand first in memory.

    Attributes:
        rows: [6 t, before].
        columns: [6 t², t before].
        columns_back: [t after, 6 t²].
        rows_back: [after, 6 t].
    """

    rows: Tensor
    columns: Tensor
    columns_back: Tensor
    rows_back: Tensor


def _evaluated(terms: int) -> Tensor:
    """Return the values [6, terms] of monomials at the points; at infinity, the highest one's."""
    x = torch.tensor(_FINITE, dtype=torch.float64)
    highest = torch.zeros(1, terms, dtype=torch.float64)
    highest[0, -1] = 1
    return torch.cat([x[:, None] ** torch.arange(terms), highest])


def filter_points(like: Tensor) -> Tensor:
    """Return the matrix [36, 9] from filters of 3 × 3 pixels to their values at the points."""
    return _filter_points(like.dtype, like.device)


@lru_cache(maxsize=16)
def _filter_points(dtype: torch.dtype, device: torch.device) -> Tensor:
    row = _evaluated(TAPS)
    return torch.kron(row, row).to(device, dtype)


@lru_cache(maxsize=64)
def transforms(before: int, halved: bool, dtype: torch.dtype, device: torch.device) -> Transforms:
    """Return the transforms for ``before``² pixels, exact to the rounding of ``dtype``."""
    side = before // 2 if halved else before
    tiles = -(-side // _TILE)
    first = torch.linalg.inv(_evaluated(_POINTS)).mT
    last = _evaluated(_TILE).mT
    inputs = torch.zeros(_POINTS, tiles, _TILE * tiles + TAPS - 1, dtype=torch.float64)
    outputs = torch.zeros(_TILE * tiles, _POINTS, tiles, dtype=torch.float64)
    for tile in range(tiles):
        start = _TILE * tile
        inputs[:, tile, start : start + _POINTS] = first
        outputs[start : start + _TILE, :, tile] = last
    inside = slice(TAPS // 2, TAPS // 2 + side)  # what lies beyond is zero
    rows, back = inputs[..., inside], outputs[:side]
    if halved:
        pairs = torch.eye(side, before // 2, dtype=torch.float64).repeat_interleave(2, 1) / 2
        rows = rows @ functional.pad(pairs, (0, before % 2))
    every = torch.eye(tiles, dtype=torch.float64)
    columns = torch.einsum("btw,rs->brtsw", rows, every)
    columns_back = torch.einsum("wbt,rs->swbrt", back, every)
    found = (
        rows.flatten(0, 1), columns.flatten(0, 2).flatten(1),
        columns_back.flatten(2).flatten(0, 1), back.flatten(1),
    )  # fmt: skip
    return Transforms(*(matrix.to(device, dtype) for matrix in found))


def correlate(x: Tensor, points: Tensor, *, halved: bool = False) -> Tensor:
    """Return the correlations [h, h, n, outputs] of x [h, h, n, inputs], zeros about it.

    ``points`` [36, inputs, outputs] are the values of the filters. ``halved``, they are those of
    the averages of 2 × 2 pixels, an odd last one left out, at half the side. Meant for small
    images: the columns' product grows with the fourth power of the side.
    """
    n = x.shape[2]
    known = transforms(x.shape[0], halved, x.dtype, x.device)
    rows = known.rows @ x.flatten(1)
    seen = known.columns @ rows.view(_POINTS, known.columns.shape[1], -1)
    product = seen.view(_POINTS**2, -1, x.shape[-1]) @ points
    columns = known.columns_back @ product.view(_POINTS, known.columns.shape[0], -1)
    found = known.rows_back @ columns.view(len(known.rows), -1)
    return found.view(len(found), len(found), n, -1)
