"""The name of found generators of one space, or of several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from symbench.discovery.frame import Spaces
from symbench.groups import Identity, identify
from symbench.groups.structure import orthonormal_rows

_WITHIN = 0.9  # share of the length of a generator in one space from which it acts there alone


def identified(L: Tensor, spaces: Spaces) -> Identity:
    """Return what generators L [k, R, R] are, with the basis of (z_1, z_2, 1) where it is known.

    If the algebra is a sum of algebras that each act on one space, it has the sum of their names.
    Otherwise it acts on several spaces together, and has the name of the whole.
    """
    whole = identify(spaces.together(L), affine=True)
    parts = _parts(L, spaces)
    if parts is None or len(spaces.frames) == 1 or whole.kind == "not closed":
        return whole
    names = [identify(part, affine=True) for part in parts]
    acting = [one for one in names if one.dimension]
    if not acting:
        return whole
    k = whole.dimension
    cosines = [one.cosine for one in acting]
    signatures = [one.killing_signature for one in acting]
    named = all(one.name for one in acting)
    return replace(
        whole,
        name=" + ".join(one.name for one in acting) if named else "",
        action=_action(names, list(spaces.frames)),
        killing_signature=(
            sum(one[0] for one in signatures),
            sum(one[1] for one in signatures),
            sum(one[2] for one in signatures),
        ),
        cosine=_together([one.dimension for one in acting], cosines, k),
        basis=_basis(names, spaces),
        group="",
    )


def _parts(L: Tensor, spaces: Spaces) -> list[Tensor] | None:
    """Return the generators of each space [k_i, r_i + 1, r_i + 1]; None if some move several."""
    if len(L) == 0:
        return None
    basis = orthonormal_rows(L.flatten(1)).view(-1, *L.shape[1:])
    found = []
    for place in spaces.places.values():
        inside = basis[:, place, place].flatten(1)
        _, values, right = torch.linalg.svd(inside, full_matrices=False)
        alone = values > _WITHIN
        if bool((~alone & (values > math.sqrt(1 - _WITHIN**2))).any()):
            return None
        size = place.stop - place.start
        found.append(right[alone].view(-1, size, size))
    return found if sum(map(len, found)) == len(basis) else None


def _action(names: Sequence[Identity], dimensions: Sequence[int]) -> str:
    return "; ".join(
        f"{one.name or one.kind} {one.action} of the vectors of dimension {d}"
        if one.dimension
        else f"nothing on the vectors of dimension {d}"
        for one, d in zip(names, dimensions, strict=True)
    )


def _together(sizes: Sequence[int], cosines: Sequence[float | None], k: int) -> float | None:
    """Return the root mean square cosine of the parts; None if one is unknown."""
    squares = [n * c**2 for n, c in zip(sizes, cosines, strict=True) if c is not None]
    return math.sqrt(sum(squares) / k) if len(squares) == len(sizes) else None


def _basis(names: Sequence[Identity], spaces: Spaces) -> Tensor | None:
    """Return the bases of the parts side by side; None if one is unknown."""
    parts = []
    for one, frame in zip(names, spaces.frames.values(), strict=True):
        if one.dimension and one.basis is None:
            return None
        still = torch.eye(frame.size + 1, dtype=torch.float64)
        parts.append(still if one.basis is None else one.basis)
    return spaces.together(torch.block_diag(*parts))
