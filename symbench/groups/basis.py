"""Bases of the equivariant linear maps between two representations."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from symbench.errors import InputError
from symbench.groups import cache
from symbench.groups.base import Group
from symbench.groups.expression import Expression, Leaf, Modes, mapped, total
from symbench.groups.invariants import VERSION, tensor_invariants
from symbench.groups.matrices import ENTRIES
from symbench.groups.representation import Representation, Scalar, matched


class Block(NamedTuple):
    """All maps between the copies of one pure tensor type and those of another.

    Every pair of an output copy ``rows[i]`` and an input copy ``columns[j]`` carries the same
    orthonormal ``basis`` of maps.

    Attributes:
        basis: [r, size of one output copy, size of one input copy], float64.
        rows: positions [output copies, size of one] in the output.
        columns: positions [input copies, size of one] in the input.
    """

    basis: Tensor
    rows: Tensor
    columns: Tensor

    @property
    def dimension(self) -> int:
        """Number of independent maps of the block."""
        return len(self.basis) * len(self.rows) * len(self.columns)


def equivariant_blocks(rep_in: Representation, rep_out: Representation) -> list[Block]:
    """Return the equivariant maps in blocks by tensor types, without forming the whole basis.

    Use it where ``equivariant_basis`` would be too large. Blocks without maps are left out.

    Raises:
        InputError: the groups differ, or a block is too large to solve.
    """
    rep_in, rep_out = (_split(rep) for rep in matched(rep_in, rep_out))
    blocks = []
    for target in rep_out.pieces:
        for source in rep_in.pieces:
            modes = target.modes + tuple(Leaf(m.factor, not m.dual) for m in source.modes)
            basis = _invariants(rep_in.group, modes)
            shape = (target.at.shape[1], source.at.shape[1])
            if len(basis):
                blocks.append(Block(basis.reshape(-1, *shape), target.at, source.at))
    return blocks


def equivariant_basis(rep_in: Representation, rep_out: Representation) -> Tensor:
    """Return an orthonormal basis [r, size_out, size_in] of the equivariant maps, float64.

    rho_out(g) W = W rho_in(g) for every g: W is an invariant of rep_out ⊗ rep_in*.
    Orthonormal with respect to <W, W'> = tr(Wᵀ W').

    Raises:
        InputError: the groups differ, or the basis is too large (see ``equivariant_blocks``).
    """
    blocks = equivariant_blocks(rep_in, rep_out)
    rep_in, rep_out = matched(rep_in, rep_out)
    count = sum(block.dimension for block in blocks)
    if count * rep_in.size * rep_out.size > ENTRIES:
        raise InputError(
            f"the basis of {count} maps [{rep_out.size}, {rep_in.size}] does not fit in memory; "
            "use equivariant_blocks"
        )
    basis = torch.zeros(count, rep_out.size, rep_in.size, dtype=torch.float64)
    start = 0
    for block in blocks:
        pairs, maps = (len(block.rows), len(block.columns)), len(block.basis)
        at = start + torch.arange(block.dimension).view(*pairs, maps, 1, 1)
        rows, columns = block.rows[:, None, None, :, None], block.columns[:, None, None, :]
        basis[at, rows, columns] = block.basis
        start += block.dimension
    return basis


def invariant_basis(rep: Representation) -> Tensor:
    """Return an orthonormal basis [r, size] of the vectors that every element fixes, float64."""
    return equivariant_basis(Scalar(rep.group), rep).squeeze(-1)


def _split(rep: Representation) -> Representation:
    """Write the defining representation of a direct product as the sum of its factors'."""

    def parts(leaf: Leaf) -> Expression:
        if leaf.factor is not None:
            return leaf
        return total([(1, Leaf(i, leaf.dual)) for i in range(len(rep.group.factors))])

    return Representation(mapped(rep.expression, parts), rep.group)


def _invariants(group: Group, modes: Modes) -> Tensor:
    """Return the invariants [r, size] of a pure tensor: Kronecker products over the factors.

    Every factor of a direct product acts only on its own modes, so the invariants are the tensor
    products of the factors' invariants, with the modes put in order.
    """
    places: dict[int, list[int]] = defaultdict(list)
    for place, leaf in enumerate(modes):
        places[leaf.factor or 0].append(place)
    result = torch.ones(1, dtype=torch.float64)
    order: list[int] = []
    for factor, at in places.items():
        part = _factor_invariants(group.factors[factor], tuple(modes[i].dual for i in at))
        part = part.reshape(len(part), *(1,) * (result.ndim - 1), *part.shape[1:])
        earlier = result.reshape(1, *result.shape, *(1,) * len(at))
        result = (earlier * part.unsqueeze(1)).flatten(0, 1)
        order += at
    back = [0, *(1 + order.index(place) for place in range(len(modes)))]
    return result.permute(back).flatten(1) if modes else result[:, None]


def _factor_invariants(group: Group, duals: tuple[bool, ...]) -> Tensor:
    """Return the invariants [r, d, …, d] of V and V* in the given order, for one group.

    If the group preserves an orthogonal form F, g⁻ᵀ = F g F⁻¹, so that V* is V with F applied.
    """
    upper = len(duals) if group.is_musical else duals.count(False)
    flat = _stored(group.fingerprint, group, upper, len(duals) - upper)
    tensor = flat.reshape(len(flat), *(group.dim,) * len(duals))
    if (form := group.form) is None or not group.is_musical:
        rank = sorted(range(len(duals)), key=lambda i: duals[i])
        return tensor.permute(0, *(1 + rank.index(i) for i in range(len(duals))))
    if not group.is_orthogonal:
        for i, dual in enumerate(duals):
            tensor = torch.movedim(tensor, i + 1, -1) @ form.mT if dual else tensor
            tensor = torch.movedim(tensor, -1, i + 1) if dual else tensor
    return tensor


@lru_cache(maxsize=512)
def _stored(fingerprint: str, group: Group, p: int, q: int) -> Tensor:
    """Return the group's invariants in V^p ⊗ (V*)^q from memory, disk or the solver."""
    path = cache.path_of(VERSION, fingerprint, f"T({p},{q})")
    basis = cache.load(path, group.dim ** (p + q))
    if basis is None:
        basis = tensor_invariants(group, p, q)
        cache.save(path, basis)
    return basis
