"""Equivariant bilinear layers for any matrix group (Finzi, Welling, Wilson 2021, section 6)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symbench.groups import Representation
from symbench_emlp.channels import runs
from symbench_emlp.linear import WithBases, maps_between

PAIR_SIZE = 1300  # largest product of the three sizes of a ⊗ c -> b,
PAIR_RANK = 6  # and largest sum of their tensor ranks


class Pair(WithBases):
    """Equivariant products of k features of type a with k of type c, copy by copy.

    Copy i of the result is Σ_m coupling[i, m] Q_m (left_i ⊗ right_i), with Q running over the
    bases ``maps`` [m, b, a · c] of Hom_G(a ⊗ c, b) for every target type b; the targets' own
    coordinates stand one after the other. Samples are the last axis, so that all arithmetic is
    on long contiguous rows.
    """

    def __init__(self, maps: list[Tensor], copies: int, sizes: tuple[int, int]) -> None:
        super().__init__()
        self._sizes, self._counts = sizes, [len(basis) for basis in maps]
        for i, basis in enumerate(maps):
            self.add_basis(f"basis_{i}", basis.flatten(1))
        scale = torch.cat([torch.full((len(basis),), len(basis) ** -0.5) for basis in maps])
        self.coupling = nn.Parameter(torch.randn(copies, len(scale)) * scale)
        # the cheaper order: the whole outer product first, or the larger factor first
        self._outer = sizes[1] <= sum(basis.shape[1] for basis in maps)

    def _kernel(self) -> Tensor:
        """Return the maps [k, b + b' + …, a · c] of the copies."""
        parts = self.coupling.split(self._counts, -1)
        width = self._sizes[0] * self._sizes[1]
        mixed = [c @ self.get_buffer(f"basis_{i}") for i, c in enumerate(parts)]
        return torch.cat([kernel.unflatten(-1, (-1, width)) for kernel in mixed], 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the products [k, b + b' + …, n] of left [k, a, n] and right [k, c, n]."""
        kernel = self._kernel()
        if self._outer:
            product = (left.unsqueeze(2) * right.unsqueeze(1)).flatten(1, 2)
            return kernel.bmm(product)
        a, c = self._sizes
        partial = kernel.unflatten(-1, (a, c)).flatten(1, 2).bmm(right)
        terms: Tensor = partial.unflatten(1, (-1, a)) * left.unsqueeze(1)
        return terms.sum(2)


class Bilinear(nn.Module):
    """A bilinear equivariant map of x with itself, on one representation: [n, size] -> [n, size].

    In the published layer x chooses a matrix in Hom(rep, rep) for every sample. Here at most
    ``copies`` learned mixtures of the copies of each type multiply each other in all equivariant
    ways a ⊗ c -> b of bounded size, and are mixed back: the same contractions, and the outer
    products besides (V ⊗ V -> T2), with time and memory linear in the size of x. Scalars, the
    first run of the representation, multiply every type.
    """

    def __init__(self, rep: Representation, copies: int) -> None:
        super().__init__()
        self._runs = runs(rep)
        self._few = [min(run.copies, copies) for run in self._runs]
        self.mixtures = nn.ParameterList(
            torch.randn(2 * k, run.copies) / run.copies**0.5
            for run, k in zip(self._runs, self._few, strict=True)
        )
        self.pairs = nn.ModuleList()
        self._plan: list[tuple[int, int, list[int]]] = []
        count = [min(self._few[0], k) for k in self._few]
        for c in range(len(self._runs)):
            for a in range(1, c + 1):
                self._add_pair(a, c, count)
        self.back = nn.ParameterList(
            torch.randn(run.copies, k) / k**0.5 for run, k in zip(self._runs, count, strict=True)
        )

    def _add_pair(self, a: int, c: int, count: list[int]) -> None:
        """Add the products a ⊗ c, a no larger than c, and count the copies of their targets."""
        first, second = self._runs[a].type, self._runs[c].type
        maps, targets, k = [], [], min(self._few[a], self._few[c])
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
            self._plan.append((a, c, targets))

    def _mixed(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return the left and the right factors of every type, [k, size of one, n]."""
        left, right = [], []
        parts = x.mT.split([run.size for run in self._runs])
        for run, k, weight, part in zip(self._runs, self._few, self.mixtures, parts, strict=True):
            mixed = weight @ part.reshape(run.copies, -1)
            both = mixed.view(2 * k, run.type.size, -1)
            left.append(both[:k])
            right.append(both[k:])
        return left, right

    def forward(self, x: Tensor) -> Tensor:
        """Return the bilinear map at x."""
        left, right = self._mixed(x)
        scalars = left[0]
        found = []
        for factor in right:
            k = min(len(scalars), len(factor))
            found.append([scalars[:k] * factor[:k]])
        for (a, c, targets), pair in zip(self._plan, self.pairs, strict=True):
            k = min(self._few[a], self._few[c])
            product = pair(left[a][:k], right[c][:k])
            sizes = [self._runs[b].type.size for b in targets]
            for b, part in zip(targets, product.split(sizes, 1), strict=True):
                found[b].append(part)
        rows = []
        for run, weight, parts in zip(self._runs, self.back, found, strict=True):
            y = weight @ torch.cat(parts).flatten(1)
            rows.append(y.view(run.size, -1))
        return torch.cat(rows).mT
