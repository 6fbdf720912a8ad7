"""Frames: group elements that move with an input, or that are drawn from the group."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from symbench import InputError
from symbench.groups import SO, Group, O, Representation, elements_of
from symbench_symmetrisers.axes import completed, gram_schmidt, padded, principal_axes, pseudo_axes

_MOST = 64  # elements of a finite group


class Frames(NamedTuple):
    """Elements for each of n inputs, or the same for all of them (n = 1).

    Attributes:
        forth: F [n, m, d, d], which carry outputs back to the pose of the input.
        back: F⁻¹ [n, m, d, d], which carry inputs to their standard poses.
        weight: [n, m], of sum 1.
    """

    forth: Tensor
    back: Tensor
    weight: Tensor


def vectors(rep: Representation, x: Tensor, factor: int | None = None) -> Tensor:
    """Return the vectors [..., k, d] in x [..., size]; their part in a ``factor`` of a product."""
    parts = x.split([summand.size for summand in rep.summands], -1)
    chosen = [
        part
        for part, summand in zip(parts, rep.summands, strict=True)
        if summand.rank == 1 and not any(leaf.dual for leaf in summand.leaves)
    ]
    if not chosen:
        raise InputError(f"a frame needs vectors, and the input {rep} has none")
    if factor is None:
        return torch.stack(chosen, -2)
    dims = [one.dim for one in rep.group.factors]
    start = sum(dims[:factor])
    return torch.stack([part[..., start : start + dims[factor]] for part in chosen], -2)


def orthogonal(group: Group, count: int) -> O | SO:
    """Return the group if ``count`` vectors have a frame in it.

    Raises:
        InputError: it is not O(d), SO(d), O(p, q) or SO(p, q), or the vectors are too few.
    """
    if not isinstance(group, (O, SO)):
        raise InputError(f"{group} has no frame: use O(d), SO(d), O(p, q) or a finite group")
    if group.q and count < group.dim:
        raise InputError(
            f"{count} vectors have no frame of {group}: it needs at least {group.dim} vectors"
        )
    return group


class AxisFrames(nn.Module):
    """Principal axes with all their signs, of several weighted sets of the input's vectors.

    The first set has equal weights, as in Puny et al. (2022). Where two of its moments are equal
    its axes jump. Each further set weighs the vectors differently. A frame counts by the gap of its
    moments, so that the weighted mean is continuous except where no set has unique axes (Dym et
    al. 2024). Axes are computed in float64.

    Args:
        rep: the representation of the inputs.
        group: O(d), SO(d), O(p, q) or SO(p, q).
        sets: the number of sets.
        factor: the place of ``group`` in a direct product.
    """

    signs: Tensor
    weights: Tensor

    def __init__(self, rep: Representation, group: Group, sets: int, factor: int | None) -> None:
        super().__init__()
        probe = vectors(rep, torch.zeros(rep.size), factor)
        k, d = probe.shape
        self._rep, self._factor = rep, factor
        self._group = orthogonal(group, k)
        self._special = isinstance(group, SO) and k >= d - 1
        self.register_buffer("signs", _signs(min(k, d), d, special=self._special))
        at = torch.arange(k, dtype=torch.float64) / max(1, k - 1)
        self.register_buffer("weights", torch.stack([2.0 ** (s * at) for s in range(sets)]))

    def forward(self, x: Tensor) -> Frames:
        """Return the frames of x [n, size]."""
        X = vectors(self._rep, x, self._factor).double()
        X = X.unsqueeze(1) * self.weights.double().unsqueeze(-1)
        axes, gap = self._axes(X)
        weight = gap + torch.finfo(gap.dtype).tiny
        weight = weight / weight.sum(1, keepdim=True)
        F = (axes.unsqueeze(2) * self.signs.double().unsqueeze(-2)).flatten(1, 2)
        each = weight.repeat_interleave(len(self.signs), 1) / len(self.signs)
        return Frames(F, _inverse(F, self._group), each)

    def _axes(self, X: Tensor) -> tuple[Tensor, Tensor]:
        d = X.shape[-1]
        if self._group.q:
            axes, gap = pseudo_axes(X, _form(self._group, X))
        else:
            axes, gap = principal_axes(X)
        if not self._special:
            return padded(axes), gap
        if axes.shape[-1] < d:
            return completed(axes), gap
        last = axes[..., -1:] * torch.linalg.det(axes).sign()[..., None, None]
        return torch.cat([axes[..., :-1], last], -1), gap


class LearnedFrame(nn.Module):
    """One frame of each input, from vectors that a network predicts (Kaba et al. 2023).

    The axes are those of Gram-Schmidt, in float64, on the input's first vectors plus the predicted
    ones. For an indefinite form they are the principal axes of these vectors, with the signs in
    which their products with the first vector are positive.

    Args:
        rep: the representation of the inputs.
        group: O(d), SO(d), O(p, q) or SO(p, q).
        net: [n, size] -> [n, r d], equivariant; ``frame_vectors`` says how many vectors are needed.
    """

    def __init__(self, rep: Representation, group: Group, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self._rep = rep
        self._count = frame_vectors(rep, group)
        self._group = orthogonal(group, len(vectors(rep, torch.zeros(rep.size))))

    def calibrate(self, x: Tensor, y: Tensor) -> None:  # noqa: ARG002 - the inputs decide
        """Show the network the inputs x [n, size]; its outputs remain in units of 1."""
        if callable(calibrate := getattr(self.net, "calibrate", None)):
            calibrate(x, torch.ones_like(x[:, :1]).expand(-1, self._count * self._group.dim))

    def forward(self, x: Tensor) -> Frames:
        """Return the frames of x [n, size], m = 1."""
        own = vectors(self._rep, x)
        h = (own[:, : self._count] + self.net(x).view(-1, self._count, self._group.dim)).double()
        F = self._pseudo(h) if self._group.q else gram_schmidt(h)
        if isinstance(self._group, SO) and F.shape[-1] == self._group.dim - 1:
            F = completed(F)
        elif isinstance(self._group, SO) and self._group.q:
            F = torch.cat([F[..., :-1], F[..., -1:] * torch.linalg.det(F).sign()[:, None, None]], 2)
        F = padded(F).unsqueeze(1)
        return Frames(F, _inverse(F, self._group), torch.ones_like(F[..., 0, 0]))

    def _pseudo(self, h: Tensor) -> Tensor:
        axes, _ = pseudo_axes(h, form := _form(self._group, h))
        along = torch.einsum("nd,nda->na", h[:, 0] * form, axes)
        return axes * torch.where(along < 0, -1.0, 1.0).unsqueeze(1)


def frame_vectors(rep: Representation, group: Group) -> int:
    """Return how many vectors a ``LearnedFrame`` of the group needs from its network."""
    k, d = vectors(rep, torch.zeros(rep.size)).shape
    if isinstance(group, SO) and not group.q:
        return max(1, min(k, d - 1))
    return min(k, d)


class AllElements(nn.Module):
    """All elements of a finite group, in the precision of the module; the same for every input."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        elements = elements_of(group)
        if elements is None or len(elements) > _MOST:
            raise InputError(f"{group} has no frame: it has more than {_MOST} elements")
        self._exact = elements
        self._elements = elements.to(torch.get_default_dtype())

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        """Convert the elements; a change of the precision starts from float64 again."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        used = fn(self._elements)
        self._elements = used if used.dtype == self._elements.dtype else self._exact.to(used)
        return self

    def forward(self, x: Tensor) -> Frames:  # noqa: ARG002 - they do not depend on the input
        """Return all elements, m of them, with n = 1."""
        g = self._elements.unsqueeze(0)
        return Frames(g, torch.linalg.inv(g), torch.full_like(g[..., 0, 0], 1 / g.shape[1]))


class ProductFrames(nn.Module):
    """The frames of a direct product: every combination of those of its factors."""

    def __init__(self, factors: list[nn.Module]) -> None:
        super().__init__()
        self.factors = nn.ModuleList(factors)

    def forward(self, x: Tensor) -> Frames:
        """Return the frames of x [n, size]."""
        each: list[Frames] = [factor(x) for factor in self.factors]
        first, *others = each
        for other in others:
            weight = (first.weight.unsqueeze(2) * other.weight.unsqueeze(1)).flatten(1)
            first = Frames(
                _blocks(first.forth, other.forth), _blocks(first.back, other.back), weight
            )
        return first


class Drawn(nn.Module):
    """Elements drawn from the group when the module is built.

    In training mode, example b of a batch gets ``count`` elements of the pool that depend on b;
    batches are random. In evaluation all examples get the first ``test_count``.
    """

    forth: Tensor
    back: Tensor

    def __init__(self, g: Tensor, back: Tensor, count: int, test_count: int) -> None:
        super().__init__()
        self._count, self._test = count, test_count
        self.register_buffer("forth", g.to(torch.get_default_dtype()))
        self.register_buffer("back", back.to(torch.get_default_dtype()))

    def forward(self, x: Tensor) -> Frames:
        """Return the elements for x [n, size]."""
        if self.training:
            place = torch.arange(len(x) * self._count, device=x.device) % len(self.forth)
            forth, back = (t[place].unflatten(0, (len(x), -1)) for t in (self.forth, self.back))
        else:
            forth, back = (t[: self._test].unsqueeze(0) for t in (self.forth, self.back))
        return Frames(forth, back, torch.full_like(forth[..., 0, 0], 1 / forth.shape[1]))


def frames_of(rep: Representation, sets: int) -> nn.Module:
    """Return the module that maps inputs [n, size] of a representation to their frames.

    Raises:
        InputError: the group has no frame on these inputs.
    """
    factors = rep.group.factors
    if len(factors) == 1:
        return _of_group(rep, rep.group, sets, None)
    return ProductFrames([_of_group(rep, one, sets, i) for i, one in enumerate(factors)])


def _of_group(rep: Representation, group: Group, sets: int, factor: int | None) -> nn.Module:
    if not len(group.algebra):
        return AllElements(group)
    return AxisFrames(rep, group, sets, factor)


def _signs(r: int, d: int, *, special: bool) -> Tensor:
    """Return all signs [m, d] of r axes in d dimensions; of determinant 1 if ``special``."""
    free = d - 1 if special else r
    rows = [list(row) for row in product([1.0, -1.0], repeat=free)]
    signs = torch.tensor(rows, dtype=torch.float64).view(len(rows), free)
    rest = signs.prod(1, keepdim=True) if special else torch.ones(len(rows), d - r)
    return torch.cat([signs, rest], 1)


def _form(group: O | SO, like: Tensor) -> Tensor:
    return torch.cat([like.new_ones(group.p), -like.new_ones(group.q)])


def _inverse(F: Tensor, group: O | SO) -> Tensor:
    """Return F⁻¹ = η Fᵀ η of F [..., d, d]; for padded axes, the transpose."""
    if not group.q:
        return F.mT
    form = _form(group, F)
    return form[:, None] * F.mT * form


def _blocks(A: Tensor, B: Tensor) -> Tensor:
    """Return [n, a b, p + q, p + q], the block diagonals of all pairs of A and B [n, a or b, …]."""
    n = max(len(A), len(B))
    p, q = A.shape[-1], B.shape[-1]
    A = A.unsqueeze(2).expand(n, -1, B.shape[1], -1, -1)
    B = B.unsqueeze(1).expand(n, A.shape[1], -1, -1, -1).to(A)
    above = torch.nn.functional.pad(A, (0, q))
    below = torch.nn.functional.pad(B, (p, 0))
    return torch.cat([above, below], -2).flatten(1, 2)
