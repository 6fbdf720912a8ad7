"""Many pairs at once: Holm's correction, and the letters that show what is significant."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from string import ascii_letters

Pair = tuple[str, str]


def holm(p_values: Mapping[Pair, float]) -> dict[Pair, float]:
    """Return the p values adjusted by Holm's (1979) step-down procedure, each at most 1.

    The i-th smallest of m is multiplied by m + 1 - i and is no smaller than the one before; those
    at most α are significant at α over all pairs together.
    """
    adjusted: dict[Pair, float] = {}
    largest = 0.0
    for step, (pair, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, p * (len(p_values) - step)))
        adjusted[pair] = largest
    return adjusted


def compact_letters(order: Sequence[str], apart: Collection[Pair]) -> dict[str, str]:
    """Return the letters of Piepho's (2004) display: models that share one are not distinguished.

    A group that contains a pair of ``apart`` is split; a group inside another is dropped. "a"
    includes the first of ``order``.
    """
    groups = [frozenset(order)]
    for a, b in sorted(apart):
        split = [part for g in groups for part in ((g - {a}, g - {b}) if {a, b} <= g else (g,))]
        groups = [g for i, g in enumerate(split) if not _absorbed(i, split)]
    groups.sort(key=lambda group: sorted(order.index(name) for name in group))
    return {
        name: "".join(_letter(i) for i, group in enumerate(groups) if name in group)
        for name in order
    }


def _absorbed(i: int, groups: Sequence[frozenset[str]]) -> bool:
    """Whether the group is inside another, or repeats an earlier one."""
    return any(groups[i] < g or (groups[i] == g and j < i) for j, g in enumerate(groups) if j != i)


def _letter(i: int) -> str:
    return ascii_letters[i % len(ascii_letters)] + "'" * (i // len(ascii_letters))
