"""The part of a space on which an algebra acts, and what it leaves as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from symbench.groups.structure import TOLERANCE, orthonormal_rows

_STILL = 0.15  # singular values of all generators together below this part of the largest are noise


@dataclass(frozen=True)
class ActionSpace:
    """Coordinates x = F u in which an algebra acts on the first r of u and keeps the others.

    Attributes:
        frame: F [d, d]: a basis of what is moved, followed by one of what stays.
        size: r.
    """

    frame: Tensor
    size: int

    @classmethod
    def of(cls, A: Tensor) -> ActionSpace:
        """Return the space on which A [k, d, d] act; all of it if the rest has no fixed complement.

        The moved part is the sum of the images, and what stays is the common kernel. They are
        complements if, for example, the group is compact.
        """
        d = A.shape[-1]
        _, values, right = torch.linalg.svd(A.reshape(-1, d))
        moved_rank = int((values > _STILL * values[0]).sum())
        left, sizes, _ = torch.linalg.svd(A.transpose(0, 1).reshape(d, -1))
        rank = int((sizes > _STILL * sizes[0]).sum())
        if rank != moved_rank or rank == d:
            return cls(torch.eye(d, dtype=A.dtype), d)
        frame = torch.cat([left[:, :rank], right[rank:].mT], 1)
        if float(torch.linalg.svdvals(frame)[-1]) < _STILL:
            return cls(torch.eye(d, dtype=A.dtype), d)
        return cls(frame, rank)

    @classmethod
    def centred(cls, A: Tensor, tolerance: float = TOLERANCE) -> ActionSpace | None:
        """Return the space on which affine maps A [k, n + 1, n + 1] act about a fixed point.

        None if they have no common fixed point: they contain translations.
        """
        n = A.shape[-1] - 1
        M, b = A[:, :-1, :-1].reshape(-1, n), A[:, :-1, -1].reshape(-1)
        solution = torch.linalg.lstsq(M, -b[:, None], driver="gelsd", rcond=_STILL).solution
        missed = float((M @ solution[:, 0] + b).norm()) / float(A.norm())
        if missed > tolerance or float(solution.norm()) > 1 / _STILL:
            return None
        shift = torch.eye(n + 1, dtype=A.dtype)
        shift[:-1, -1] = solution[:, 0]
        moved = torch.linalg.inv(shift) @ A @ shift
        inner = cls.of(moved[:, :-1, :-1])
        frame = torch.eye(n + 1, dtype=A.dtype)
        frame[:-1, :-1] = inner.frame
        return cls(shift @ frame, inner.size)

    def restricted(self, A: Tensor) -> Tensor:
        """Return the matrices [k, r, r] of A [k, d, d] on the moved part."""
        r = self.size
        within: Tensor = (torch.linalg.inv(self.frame) @ A @ self.frame)[:, :r, :r]
        return within

    def extended(self, N: Tensor) -> Tensor:
        """Return the matrices [k, d, d] that act as N [k, r, r] on the moved part only."""
        d, r = len(self.frame), self.size
        padded = torch.zeros(len(N), d, d, dtype=N.dtype)
        padded[:, :r, :r] = N
        full: Tensor = self.frame @ padded @ torch.linalg.inv(self.frame)
        return full

    def frame_with(self, P: Tensor) -> Tensor:
        """Return the frame with the basis P [r, r] of the moved part."""
        inner = torch.eye(len(self.frame), dtype=P.dtype)
        inner[: self.size, : self.size] = P
        full: Tensor = self.frame @ inner
        return full


def affine_parts(A: Tensor, tolerance: float = TOLERANCE) -> tuple[Tensor, Tensor]:
    """Return the translations [t, d, d] in a span, and the linear parts M [m, n, n] of the rest.

    Args:
        A: an orthonormal basis [k, n + 1, n + 1] of affine maps on (x, 1).
        tolerance: size of a linear part below which a matrix of norm 1 is a translation.
    """
    linear = A[:, :-1, :-1].flatten(1)
    left, values, _ = torch.linalg.svd(linear)
    rank = int((values > tolerance).sum())
    mixed = torch.einsum("km,kij->mij", left, A)
    turning = mixed[:rank, :-1, :-1]
    return mixed[rank:], orthonormal_rows(turning.flatten(1)).view(turning.shape)


def matrix_of(d: int, entries: Sequence[Sequence[tuple[int, int]]]) -> Tensor:
    """Return matrices [k, d, d] with ones at the given places."""
    matrices = torch.zeros(len(entries), d, d, dtype=torch.float64)
    for matrix, places in zip(matrices, entries, strict=True):
        for place in places:
            matrix[place] = 1.0
    return matrices
