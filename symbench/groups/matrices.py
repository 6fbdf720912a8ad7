"""Building blocks of matrix groups: elementary matrices, Haar factors, bounded stretches."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symbench.errors import InputError

ENTRIES = 2**28  # 2 GiB of float64


def natural(n: int, what: str, least: int = 1) -> int:
    """Return ``n`` if it is an integer of at least ``least``.

    Raises:
        InputError: it is not such an integer.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < least:
        raise InputError(f"{what} is {n!r}; give an integer of at least {least}")
    return n


def unit(n: int, *entries: tuple[int, int, float]) -> Tensor:
    """Return the [n, n] matrix that is zero except for the entries (row, column, value)."""
    matrix = torch.zeros(n, n, dtype=torch.float64)
    for row, column, value in entries:
        matrix[row, column] = value
    return matrix


def stack(n: int, matrices: list[Tensor]) -> Tensor:
    """Stack matrices as [count, n, n]; count may be 0."""
    return torch.stack(matrices) if matrices else torch.zeros(0, n, n, dtype=torch.float64)


def reflection(n: int, *axes: int) -> Tensor:
    """Return the diagonal matrix [n, n] that flips the given axes."""
    signs = torch.ones(n, dtype=torch.float64)
    signs[list(axes)] = -1.0
    return torch.diag(signs)


def traceless_diagonals(n: int) -> list[Tensor]:
    """Return n - 1 orthogonal traceless diagonal [n, n] matrices of squared norm 2."""
    diagonals = []
    for k in range(1, n):
        entries = torch.cat([torch.ones(k), torch.tensor([-float(k)]), torch.zeros(n - k - 1)])
        diagonals.append(torch.diag(entries.double() * math.sqrt(2 / (k * (k + 1)))))
    return diagonals


def realified(m: Tensor) -> Tensor:
    """Return the real [..., 2n, 2n] matrix [[Re, -Im], [Im, Re]] of a complex [..., n, n] one."""
    top = torch.cat([m.real, -m.imag], -1)
    return torch.cat([top, torch.cat([m.imag, m.real], -1)], -2)


def haar(count: int, n: int, generator: torch.Generator, *, field: str = "real") -> Tensor:
    """Draw Haar elements [count, n, n] of O(n) (``field`` "real") or U(n) ("complex").

    QR of a Gaussian matrix is Haar once R's diagonal is made positive (Mezzadri 2007, section 5).
    """
    dtype = torch.float64 if field == "real" else torch.complex128
    q, r = torch.linalg.qr(torch.randn(count, n, n, generator=generator, dtype=dtype))
    diagonal = r.diagonal(dim1=-2, dim2=-1)
    g: Tensor = q * (diagonal / diagonal.abs()).unsqueeze(-2)
    return g


def special(g: Tensor) -> Tensor:
    """Divide the first column of orthogonal or unitary matrices by the determinant.

    The result has determinant 1, and is Haar on SO(n) or SU(n) where g was on O(n) or U(n):
    the map commutes with left multiplication by the subgroup.
    """
    first = g[..., :1] * torch.linalg.det(g).conj()[..., None, None]
    return torch.cat([first, g[..., 1:]], -1)


def uniform(shape: tuple[int, ...], bound: float, generator: torch.Generator) -> Tensor:
    """Draw float64 numbers uniform in [-bound, bound]."""
    return bound * (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1)


def bounded(count: int, size: int) -> int:
    """Return ``count`` if that many vectors of ``size`` float64 entries fit in memory.

    Raises:
        InputError: they do not.
    """
    if count * size > ENTRIES:
        raise InputError(
            f"{count} vectors of {size} entries do not fit in memory; use tensors of lower rank"
        )
    return count


def scaled(matrices: Tensor) -> Tensor:
    """Return the matrices [k, n, n] divided by their Frobenius norms."""
    norm = matrices.flatten(1).norm(dim=1).clamp_min(1e-300)
    return matrices.div(norm[:, None, None])
