"""Equivariant bilinear layers for any matrix group (Finzi, Welling, Wilson 2021, section 6)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from symbench.groups import Representation
from symbench_emlp.channels import Run, runs
from symbench_emlp.linear import WithBases, maps_between

PAIR_SIZE = 1300  # largest product of the three sizes in a ⊗ c -> b
PAIR_RANK = 6  # largest sum of the three tensor ranks


class Kernel(NamedTuple):
    """The dense maps of a ``Pair``: matrix [k, b + b' + …, a · c], or [k, (b + …) · a, c].

    The first form multiplies the whole outer product at once, the second the larger factor first.
    """

    matrix: Tensor
    sizes: tuple[int, int]
    outer: bool

    def __call__(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the products [k, b + …, n], and the partial products that ``pullback`` needs."""
        if self.outer:
            product = (left.unsqueeze(2) * right.unsqueeze(1)).flatten(1, 2)
            return self.matrix.bmm(product), None
        partial = self.matrix.bmm(right).unflatten(1, (-1, self.sizes[0]))
        return (partial * left.unsqueeze(1)).sum(2), partial

    def pullback(
        self, g: Tensor, left: Tensor, right: Tensor, partial: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the gradients at left [k, a, n] and right [k, c, n], given g at the products."""
        if partial is None:
            outer = self.matrix.mT.bmm(g).unflatten(1, self.sizes)
            return (outer * right.unsqueeze(1)).sum(2), (outer * left.unsqueeze(2)).sum(1)
        spread = (g.unsqueeze(2) * left.unsqueeze(1)).flatten(1, 2)
        return (partial * g.unsqueeze(2)).sum(1), self.matrix.mT.bmm(spread)


class Pair(WithBases):
    """Equivariant products of k features of type a with k of type c, copy by copy.

    Copy i of the result is Σ_m coupling[i, m] Q_m (left_i ⊗ right_i). Here Q runs over the bases
    ``maps`` [m, b, a · c] of Hom_G(a ⊗ c, b) for every target type b, and the coordinates of the
    targets are concatenated. Samples are the last axis, so that all arithmetic is on long
    contiguous rows.
    """

    def __init__(self, maps: list[Tensor], copies: int, sizes: tuple[int, int]) -> None:
        super().__init__()
        self._sizes = sizes
        # one block-diagonal basis [m + m' + …, (b + b' + …) · a · c]: one product instead of many
        self.add_basis("basis", torch.block_diag(*[basis.flatten(1) for basis in maps]))
        scale = torch.cat([torch.full((len(basis),), len(basis) ** -0.5) for basis in maps])
        self.coupling = nn.Parameter(torch.randn(copies, len(scale)) * scale)
        # the cheaper order: the whole outer product first, or the larger factor first
        self._outer = sizes[1] <= sum(basis.shape[1] for basis in maps)

    def prepared(self) -> Kernel:
        """Return the dense maps of all copies."""
        width = self._sizes[0] * self._sizes[1] if self._outer else self._sizes[1]
        maps = (self.coupling @ self._bases["basis"]).unflatten(-1, (-1, width))
        return Kernel(maps, self._sizes, self._outer)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the products [k, b + b' + …, n] of left [k, a, n] and right [k, c, n]."""
        return self.prepared()(left, right)[0]


class Saved(NamedTuple):
    """Intermediate results of a bilinear map that its gradient needs."""

    left: list[Tensor]
    right: list[Tensor]
    partial: list[Tensor | None]


class Plan(NamedTuple):
    """Which types a bilinear layer multiplies.

    ``few`` is the number of mixtures of the copies of each run. ``pairs`` lists runs a and c with
    their target runs. The scalars, which are the first run, multiply every run in addition.
    """

    runs: list[Run]
    few: list[int]
    pairs: list[tuple[int, int, list[int]]]

    def copies(self, a: int, c: int) -> int:
        """Return the number of products of a pair of runs."""
        return min(self.few[a], self.few[c])


class Products(NamedTuple):
    """A bilinear map of features [copies, size of one, n], one tensor per run, with gradient."""

    plan: Plan
    mixtures: list[Tensor]
    kernels: list[Kernel]
    back: list[Tensor]

    def __call__(self, parts: list[Tensor]) -> tuple[list[Tensor], Saved]:
        """Return the value, in the shapes of ``parts``, and what ``pullback`` needs."""
        left, right = self._factors(parts)
        scalars = left[0]
        products = []
        for run, factor in enumerate(right):
            k = self.plan.copies(0, run)
            products.append([_first(scalars, k) * _first(factor, k)])
        partials = []
        for (a, c, targets), kernel in zip(self.plan.pairs, self.kernels, strict=True):
            k = self.plan.copies(a, c)
            product, partial = kernel(_first(left[a], k), _first(right[c], k))
            partials.append(partial)
            for b, piece in zip(targets, self._split(product, targets), strict=True):
                products[b].append(piece)
        mixed = [
            (weight @ _joined(pieces).flatten(1)).view(part.shape)
            for weight, pieces, part in zip(self.back, products, parts, strict=True)
        ]
        return mixed, Saved(left, right, partials)

    def _factors(self, parts: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Return the left and the right factors of every type, [k, size of one, n]."""
        left, right = [], []
        for weight, part in zip(self.mixtures, parts, strict=True):
            mixed = (weight @ part.flatten(1)).unflatten(1, part.shape[1:])
            first, second = mixed.chunk(2)
            left.append(first)
            right.append(second)
        return left, right

    def _split(self, product: Tensor, targets: list[int]) -> tuple[Tensor, ...]:
        if len(targets) == 1:
            return (product,)
        sizes = [self.plan.runs[b].type.size for b in targets]
        return tuple(product.split(sizes, 1))

    def pullback(self, g: list[Tensor], saved: Saved) -> list[Tensor]:
        """Return the gradients at the features, given those at the value."""
        left, right, partials = saved
        slots = [iter(pieces) for pieces in self._slots(g)]
        gl: list[list[Tensor]] = [[] for _ in left]
        gr: list[list[Tensor]] = [[] for _ in right]
        for run, pieces in enumerate(slots):
            k, piece = self.plan.copies(0, run), next(pieces)
            gl[0].append((piece * _first(right[run], k)).sum(1, keepdim=True))
            gr[run].append(piece * _first(left[0], k))
        for (a, c, targets), kernel, partial in zip(
            self.plan.pairs, self.kernels, partials, strict=True
        ):
            k = self.plan.copies(a, c)
            piece = _joined([next(slots[b]) for b in targets], 1)
            first, second = kernel.pullback(piece, _first(left[a], k), _first(right[c], k), partial)
            gl[a].append(first)
            gr[c].append(second)
        gradients = []
        for run, weight in enumerate(self.mixtures):
            both = torch.cat([_summed(gl[run], left[run]), _summed(gr[run], right[run])])
            gradients.append((weight.mT @ both.flatten(1)).unflatten(1, both.shape[1:]))
        return gradients

    def _slots(self, g: list[Tensor]) -> list[list[Tensor]]:
        """Return the gradients at the products, per target run, in order of computation."""
        counts = [[self.plan.copies(0, run)] for run in range(len(g))]
        for a, c, targets in self.plan.pairs:
            for b in targets:
                counts[b].append(self.plan.copies(a, c))
        slots = []
        for weight, copies, piece in zip(self.back, counts, g, strict=True):
            whole = (weight.mT @ piece.flatten(1)).unflatten(1, piece.shape[1:])
            slots.append(list(whole.split(copies)))
        return slots


def _first(factor: Tensor, k: int) -> Tensor:
    return factor if len(factor) == k else factor[:k]


def _joined(pieces: list[Tensor], dim: int = 0) -> Tensor:
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim)


def _summed(pieces: list[Tensor], like: Tensor) -> Tensor:
    """Return the sum of gradients at the first copies of a factor, of the factor's shape."""
    total: Tensor | None = None
    for piece in sorted(pieces, key=len):  # short pieces are summed before they are padded
        if total is None or len(total) == len(piece):
            total = piece if total is None else total + piece
        else:
            total = _padded(total, len(piece)) + piece
    return torch.zeros_like(like) if total is None else _padded(total, len(like))


def _padded(piece: Tensor, copies: int) -> Tensor:
    missing = copies - len(piece)
    return nn.functional.pad(piece, (0, 0, 0, 0, 0, missing)) if missing else piece


class Bilinear(nn.Module):
    """A bilinear equivariant map of x with itself, on one representation: [n, size] -> [n, size].

    In the published layer x selects a matrix in Hom(rep, rep) for every sample. Here at most
    ``copies`` learned mixtures of the copies of each type multiply each other by all equivariant
    maps a ⊗ c -> b of bounded size, and the products are mixed back. This includes the published
    contractions and adds outer products (V ⊗ V -> T2), with time and memory linear in the size of
    x. Scalars, the first run of the representation, multiply every type.
    """

    def __init__(self, rep: Representation, copies: int) -> None:
        super().__init__()
        self._runs = runs(rep)
        few = [min(run.copies, copies) for run in self._runs]
        self._plan = Plan(self._runs, few, [])
        self.mixtures = nn.ParameterList(
            torch.randn(2 * k, run.copies) / run.copies**0.5
            for run, k in zip(self._runs, few, strict=True)
        )
        self.pairs = nn.ModuleList()
        count = [min(few[0], k) for k in few]
        for c in range(len(self._runs)):
            for a in range(1, c + 1):
                self._add_pair(a, c, count)
        self.back = nn.ParameterList(
            torch.randn(run.copies, k) / k**0.5 for run, k in zip(self._runs, count, strict=True)
        )

    def _add_pair(self, a: int, c: int, count: list[int]) -> None:
        """Add the products a ⊗ c, with a ≤ c, and count the copies of their targets."""
        first, second = self._runs[a].type, self._runs[c].type
        maps, targets, k = [], [], self._plan.copies(a, c)
        for b, run in enumerate(self._runs):
            rank = first.rank + second.rank + run.type.rank
            if rank > PAIR_RANK or first.size * second.size * run.type.size > PAIR_SIZE:
                continue
            if len(basis := maps_between(first * second, run.type)):
                maps.append(basis)
                targets.append(b)
                count[b] += k
        if maps:
            self.pairs.append(Pair(maps, k, (first.size, second.size)))
            self._plan.pairs.append((a, c, targets))

    def prepared(self) -> Products:
        """Return the map on features run by run, with its dense weights computed once."""
        kernels = [pair.prepared() for pair in self.pairs if isinstance(pair, Pair)]
        return Products(self._plan, list(self.mixtures), kernels, list(self.back))

    def forward(self, x: Tensor) -> Tensor:
        """Return the bilinear map at x."""
        parts, _ = self.prepared()(split(x.mT, self._runs))
        return torch.cat([part.flatten(0, 1) for part in parts]).mT


def split(x: Tensor, of: list[Run]) -> list[Tensor]:
    """Return the features [copies, size of one, n] of every run from x [size, n]."""
    parts = x.split([run.size for run in of])
    return [p.unflatten(0, (run.copies, run.type.size)) for run, p in zip(of, parts, strict=True)]
