"""The distribution of Σ ± rank with independent random signs: that of a signed-rank test.

Ranks are doubled, so that they are whole numbers even where ties share them. The characteristic
function of the sum is Π cos(rank θ), and its values at 2πk / (2S + 1), k = 0, …, S, determine the
probabilities of all sums from -S to S.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from symbench.results.statistics.modes import Array

_LARGEST = 2000  # sum of doubled ranks; beyond, the normal distribution replaces the exact one
_AT_ONCE = 2**20  # numbers held at a time

Ranks = tuple[int, ...]


class SignSums:
    """The sums Σ sign · rank of many pairs over several tasks, and their p values."""

    def __init__(self) -> None:
        self._totals: Array | float = 0.0
        self._turned: list[NDArray[np.int64]] = []  # of each task, [pairs]: places in ``_ranks``
        self._ranks: dict[Ranks, int] = {}  # ranks that have a sign
        self._largest = 0  # the largest possible sum

    def add(self, signs: Array, ranks: Array) -> None:
        """Add a task: the signs (-1, 0 or 1) and the doubled ranks, [pairs, seeds]."""
        self._totals = self._totals + (signs * ranks).sum(axis=1)
        self._largest += ranks.shape[1] * (ranks.shape[1] + 1)
        turned = np.sort(ranks * (signs != 0), axis=1).astype(np.int64)
        usual = np.arange(2, 2 * ranks.shape[1] + 1, 2)  # without ties and zeros
        places = np.full(len(turned), self._place(usual))
        for row in np.flatnonzero((turned != usual).any(axis=1)):
            places[row] = self._place(turned[row])
        self._turned.append(places)

    def _place(self, ranks: NDArray[np.int64]) -> int:
        own = tuple(rank for rank in ranks.tolist() if rank)
        return self._ranks.setdefault(own, len(self._ranks))

    def p_values(self) -> list[float]:
        """Return P(|sum| ≥ the observed one) of each pair, if every sign were random."""
        totals = np.abs(np.rint(self._totals))
        turned = np.stack(self._turned, axis=1)
        signs = np.array([len(ranks) for ranks in self._ranks])[turned].sum(axis=1)
        if self._largest > _LARGEST:
            found = self._normal(totals, turned)
        else:
            found = self._exact(totals, turned)
        # Rounding leaves 1e-15; no p value is below that of one sum in either direction.
        return [float(p) for p in np.clip(found, 2.0 ** (1.0 - signs), 1.0)]

    def _normal(self, totals: Array, turned: NDArray[np.int64]) -> Array:
        from scipy.special import erfc

        squares = np.array([float(sum(rank**2 for rank in ranks)) for ranks in self._ranks])
        deviations = np.sqrt(np.maximum(squares[turned].sum(axis=1), 1.0))
        return np.asarray(np.where(totals > 0, erfc((totals - 1) / deviations / 2**0.5), 1.0))

    def _exact(self, totals: Array, turned: NDArray[np.int64]) -> Array:
        ranks = list(self._ranks)
        cosines = _cosines(max(rank for own in ranks for rank in (*own, 0)), self._largest)
        distinct, rows = np.unique(np.sort(turned, axis=1), axis=0, return_inverse=True)
        rows = rows.ravel()
        order = np.argsort(rows, kind="stable")  # pairs of one distribution together
        below = np.empty(len(totals))
        for chunk in _chunks(order, max(1, _AT_ONCE // cosines.shape[1])):
            first, last = rows[chunk[[0, -1]]]
            needed, places = np.unique(distinct[first : last + 1], return_inverse=True)
            spectra = np.stack([cosines[list(ranks[i])].prod(axis=0) for i in needed])
            whole = np.ones((last - first + 1, cosines.shape[1]))
            for task in places.reshape(len(whole), -1).T:
                whole *= spectra[task]
            kernels = _kernels(totals[chunk], self._largest)
            below[chunk] = np.einsum("pk,pk->p", whole[rows[chunk] - first], kernels)
        return 1.0 - below


def critical_sum(sizes: Sequence[int], level: float) -> int | None:
    """Return the smallest |sum| of doubled ranks whose p value is at most the level.

    None if there is none. No differences are tied.

    Args:
        sizes: the number of seeds of each task.
        level: of a two-sided test.
    """
    largest = sum(n * (n + 1) for n in sizes)
    if 2.0 ** (1.0 - sum(sizes)) > level:
        return None
    if largest > _LARGEST:
        from scipy.special import ndtri

        squares = sum(4.0 * n * (n + 1) * (2 * n + 1) / 6 for n in sizes)
        least: int = math.ceil(1 - ndtri(level / 2) * math.sqrt(squares))
        return least
    cosines = _cosines(2 * max(sizes), largest)
    spectrum = np.prod([cosines[2 : 2 * n + 1 : 2].prod(axis=0) for n in sizes], axis=0)
    chances = np.fft.irfft(spectrum, 2 * largest + 1)[1 : largest + 1]  # of sums 1, 2, …
    p_values = 2 * np.cumsum(chances[::-1])[::-1]
    return int(np.argmax(p_values <= level)) + 1


def _cosines(highest: int, largest: int) -> Array:
    """Return cos(rank θ) [highest + 1, S + 1] at θ = 2πk / (2S + 1), k = 0, …, S."""
    places = np.outer(np.arange(highest + 1), np.arange(largest + 1)) % (2 * largest + 1)
    return np.cos(2 * np.pi * places / (2 * largest + 1))


def _kernels(totals: Array, largest: int) -> Array:
    """Return the weights [sums, S + 1] of a spectrum that give P(|sum| < total)."""
    size = 2 * largest + 1
    angles = np.pi * np.arange(1, largest + 1) / size
    odd = 2 * totals[:, None] - 1
    ends = np.where(totals > 0, odd[:, 0], 0.0)[:, None]
    inner = np.where(totals[:, None] > 0, np.sin(odd * angles) / np.sin(angles), 0.0)
    return np.asarray(np.concatenate([ends, 2 * inner], axis=1) / size)


def _chunks(order: NDArray[np.intp], size: int) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]
