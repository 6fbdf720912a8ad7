"""Many pairs at once: Holm's correction, and the letters that show what is significant."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from string import ascii_letters

import numpy as np

from symbench.results.statistics.modes import Array

Pair = tuple[str, str]

_MOST_LETTERS = 2 * len(ascii_letters)
_MOST_STEPS = 5000  # of the search for groups; a table of 30 models takes about 100


def holm(p_values: Mapping[Pair, float]) -> dict[Pair, float]:
    """Return the p values adjusted by Holm's (1979) step-down procedure, each at most 1.

    The i-th smallest of m is multiplied by m + 1 - i and is no smaller than the one before; those
    at most α are significant at α over all pairs together.
    """
    raw = np.fromiter(p_values.values(), dtype=np.float64, count=len(p_values))
    pairs, values = list(p_values), adjusted(raw).tolist()
    return {pairs[place]: values[place] for place in np.argsort(raw, kind="stable")}


def adjusted(p_values: Array) -> Array:
    """Return Holm's adjusted p values of an array of them."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    result = np.empty_like(p_values)
    result[order] = np.maximum.accumulate(np.minimum(1.0, p_values[order] * factors))
    return result


def compact_letters(order: Sequence[str], apart: Collection[Pair]) -> dict[str, str]:
    """Return the letters of Piepho's (2004) display: models that share one are not distinguished.

    A letter is a largest group without a pair of ``apart``; "a" includes the first of ``order``.
    There can be 3^(k/3) such groups of k models. Beyond 104 a letter is a run of neighbours in
    ``order``, of which there are at most k. Then two models may be not distinguished and share no
    letter.
    """
    place = {name: i for i, name in enumerate(order)}
    together = [(1 << len(order)) - 1 - (1 << i) for i in range(len(order))]
    for a, b in apart:
        together[place[a]] &= ~(1 << place[b])
        together[place[b]] &= ~(1 << place[a])
    try:
        groups = list(_largest_groups(together))
    except _TooManyError:
        groups = _runs(together)
    members = sorted([i for i in range(len(order)) if group >> i & 1] for group in groups)
    letters = [""] * len(order)
    for number, group in enumerate(members):
        for i in group:
            letters[i] += _letter(number)
    return dict(zip(order, letters, strict=True))


class _TooManyError(Exception):
    """The groups are too many, or take too long to find."""


def _largest_groups(together: Sequence[int]) -> list[int]:
    """Return all maximal cliques (Bron and Kerbosch 1973, with pivots), as bit sets.

    Raises:
        _TooManyError: there are more than ``_MOST_LETTERS``.
    """
    groups: list[int] = []
    open_ = [(0, (1 << len(together)) - 1, 0)]
    for _ in range(_MOST_STEPS):
        if not open_:
            return groups
        group, candidates, done = open_.pop()
        if not candidates:
            if not done:
                groups.append(group)
            if len(groups) > _MOST_LETTERS:
                break
            continue
        pivot = max(_bits(candidates | done), key=lambda i: (candidates & together[i]).bit_count())
        for i in _bits(candidates & ~together[pivot]):
            open_.append((group | 1 << i, candidates & together[i], done & together[i]))
            candidates &= ~(1 << i)
            done |= 1 << i
    raise _TooManyError


def _runs(together: Sequence[int]) -> list[int]:
    """Return the longest runs of neighbours of which no pair is apart, as bit sets."""
    runs: list[int] = []
    start = 0
    for end in range(len(together)):
        first = start
        while ((1 << end) - (1 << first)) & ~together[end]:
            first += 1
        if first > start:
            runs.append((1 << end) - (1 << start))
            start = first
    return [*runs, (1 << len(together)) - (1 << start)] if together else []


def _bits(number: int) -> Iterator[int]:
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _letter(i: int) -> str:
    return ascii_letters[i % len(ascii_letters)] + "'" * (i // len(ascii_letters))
