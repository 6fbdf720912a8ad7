"""Hidden representations: the number of tensors of each rank in the channels of a layer."""

from __future__ import annotations

import math
from collections import Counter
from itertools import groupby
from typing import NamedTuple

from symbench import InputError
from symbench.groups import Group, Representation, Scalar, T, V

MAX_RANK = 5  # only limits d = 1: at d = 2, rank 6 would need 448 channels


class Run(NamedTuple):
    """Consecutive copies of one summand."""

    type: Representation
    copies: int

    @property
    def size(self) -> int:
        """Number of coordinates of all copies together."""
        return self.copies * self.type.size


def runs(rep: Representation) -> list[Run]:
    """Split a representation into runs of equal summands, in layout order."""
    return [Run(summand, len(list(same))) for summand, same in groupby(rep.summands)]


def tensor_ranks(dim: int, channels: int) -> dict[int, int]:
    """Return the number of tensors of each rank that fill ``channels`` coordinates exactly.

    Each step takes the largest rank R for which (R + 1) d^R coordinates remain, and adds d^(R-r)
    copies of every rank r <= R. All ranks so get equally many coordinates (Finzi, Welling, Wilson
    2021, section 6). What is left at R = 0 becomes scalars.
    """
    counts: Counter[int] = Counter()
    while channels:
        top = 0
        while top < MAX_RANK and (top + 2) * dim ** (top + 1) <= channels:
            top += 1
        counts += Counter({rank: dim ** (top - rank) for rank in range(top + 1)})
        channels -= (top + 1) * dim**top
    return dict(sorted(counts.items()))


def uniform_channels(group: Group, channels: int) -> Representation:
    """Return the hidden representation of ``channels`` coordinates, scalars first.

    If the group preserves a non-degenerate form (orthogonal, Lorentz, symplectic), V* is isomorphic
    to V and all tensors are T(r, 0): fewer types with the same expressive power. Otherwise the
    copies of rank r are distributed over T(p, r-p) in proportion to the binomial coefficients, and
    the remainder of the rounding goes to the most even split. Nothing is drawn at random: the
    architecture depends only on the group and on ``channels``. A group that fixes every vector
    gets only scalars.

    Raises:
        InputError: there are fewer channels than one vector and as many scalars need.
    """
    if channels < 2 * group.dim:
        raise InputError(
            f"{channels} channels are too few for {group}: choose at least {2 * group.dim}"
        )
    if V(group).is_trivial:
        return (channels * Scalar)(group)
    rep = None
    for rank, copies in tensor_ranks(group.dim, channels).items():
        for (p, q), count in _dealt(rank, copies, mixed=group.form is None).items():
            term = count * T(p, q)(group)
            rep = term if rep is None else rep + term
    return rep if rep is not None else Scalar(group)


def _dealt(rank: int, copies: int, *, mixed: bool) -> dict[tuple[int, int], int]:
    """Return the number of copies that become T(p, q), for each p + q = rank."""
    if not mixed or rank == 0:
        return {(rank, 0): copies}
    counts = {(p, rank - p): copies * math.comb(rank, p) // 2**rank for p in range(rank, -1, -1)}
    counts[(rank - rank // 2, rank // 2)] += copies - sum(counts.values())
    return {split: count for split, count in counts.items() if count}
