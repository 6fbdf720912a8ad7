"""Pairs of graphs in space: chains, twisted stars and neighbourhoods with equal distances."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from symbench import Symmetry
from symbench.graphs import graph_symmetry, pack
from symbench.groups import DirectProduct, O, S, Scalar, V
from symbench_graphs.pair_contrast import EMBEDDING, shuffled
from symbench_graphs.pairs import Pair, PairTask

_STEP, _END = 5.0, (4.0, 3.0)  # all edges of a chain have the length 5
_DOJO = "Joshi et al. 2023, On the Expressive Power of Geometric Graph Neural Networks"


def in_space(positions: Tensor, edges: Sequence[tuple[int, int]]) -> Tensor:
    """Return the graph [5, n, n] with nodes at ``positions`` [n, 3], in float64.

    Its channels are the adjacency, the mask, and the three coordinates relative to the centre of
    the nodes; all but the first are diagonal. In float32 equal distances would be unequal.
    """
    adjacency = torch.zeros(len(positions), len(positions), dtype=torch.float64)
    for i, j in edges:
        adjacency[i, j] = adjacency[j, i] = 1
    centred = positions - positions.mean(0)
    return pack(adjacency[None], centred[None])[0]


def chain(k: int, *, same_side: bool) -> Tensor:
    """Return k nodes in a line with one node beyond each end, both on one side or on two."""
    x, y = _END
    line = [[0.0, _STEP * i, 0.0] for i in range(k)]
    first = [x if same_side else -x, -y, 0.0]
    last = [x, _STEP * (k - 1) + y, 0.0]
    positions = torch.tensor([first, *line, last], dtype=torch.float64)
    return in_space(positions, [(i, i + 1) for i in range(k + 1)])


def twisted_stars(spokes: int, angle: float) -> Tensor:
    """Return two joined centres with ``spokes`` each, across their axis; one star is twisted."""
    turns = 2 * math.pi / spokes * torch.arange(spokes, dtype=torch.float64)
    stars = []
    for height, start in ((1.0, 0.0), (-1.0, angle)):
        level = torch.full_like(turns, height)
        ring = torch.stack([(turns + start).cos(), (turns + start).sin(), level], -1)
        stars.append(torch.cat([ring.new_tensor([[0.0, 0.0, height]]), ring]))
    second = spokes + 1
    edges = [(c, c + 1 + i) for c in (0, second) for i in range(spokes)]
    return in_space(torch.cat(stars), [(0, second), *edges])


def neighbourhood(neighbours: Sequence[Sequence[float]]) -> Tensor:
    """Return a node at the origin with edges to ``neighbours``, which have no other edges."""
    positions = torch.tensor([[0.0, 0.0, 0.0], *neighbours], dtype=torch.float64)
    return in_space(positions, [(0, i) for i in range(1, len(positions))])


class GeometricPairs(PairTask):
    """Pairs of graphs in space that are told apart by an E(3)-invariant network, or are not.

    Positions are three of the node features. The two scores of a pair are those of BREC, with
    nodes in random order and the graph turned or reflected at random. A network that is not
    invariant under O(3) separates nothing, because motions change its embeddings.
    """

    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (0,),
        "quick": (),
        "standard": (0,),
        "full": (32,),
    }
    ordered: ClassVar[bool] = True

    @property
    def symmetry(self) -> Symmetry:
        """S(N) × O(3): the embedding depends neither on the order of nodes nor on the pose."""
        group = self.ambient
        pairs = V(group.factors[0]) ** 2
        return Symmetry(
            group,
            (2 * pairs)(group) + V(group.factors[1]) * pairs,
            (EMBEDDING * Scalar)(group),
        )

    @property
    def told(self) -> Symmetry:
        """S(N) alone, as on all graphs; networks on graphs in space find O(3) in ``ambient``."""
        return graph_symmetry(5, self.input_shape[-1], output=0, copies=EMBEDDING)

    @property
    def ambient(self) -> DirectProduct:
        """S(N) × O(3), which also turns the positions."""
        return S(self.input_shape[-1]) * O(3)

    def moved(self, graphs: Tensor, generator: torch.Generator) -> Tensor:
        """Return the graphs [m, 5, n, n] with nodes in random order and in random poses."""
        x = shuffled(graphs, generator)
        g = O(3).sample(len(x), generator).to(x)
        return torch.cat([x[:, :2], torch.einsum("mab,mbij->maij", g, x[:, 2:])], 1)

    @abstractmethod
    def drawn(self) -> Sequence[tuple[str, Tensor, Tensor]]:
        """Return the category and the two graphs of each pair."""

    def pairs(self) -> Sequence[Pair]:
        """Return the pairs, each harder than the last."""
        return self._pairs

    @cached_property
    def _pairs(self) -> tuple[Pair, ...]:
        rows = enumerate(self.drawn())
        return tuple(Pair(i, category, a, b, name=category) for i, (category, a, b) in rows)


class Chains(GeometricPairs):
    """Chains of k nodes whose ends turn to one side or to two, for k = 2 … 8.

    The neighbourhoods of all nodes are congruent, so no network of invariants of neighbourhoods
    tells the two apart at any depth. An equivariant one needs ⌊k/2⌋ + 1 layers, after which a node
    has received the directions of both ends.
    """

    name, version = "geometry-chains", "1"
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {**GeometricPairs.sizes, "quick": (0,)}
    summary = "pairs of k-chains in space, which need ⌊k/2⌋ + 1 equivariant layers"
    reference = _DOJO + ", section 5"
    input_shape = (5, 10, 10)

    def drawn(self) -> Sequence[tuple[str, Tensor, Tensor]]:
        """Return the chains of k = 2 … 8."""
        return _chains()


class Stars(GeometricPairs):
    """Two joined L-fold stars across one axis, eclipsed or twisted by π/L, for L = 2 … 6.

    Features of degree l < L at a centre are sums over a rotation of order L, so they are invariant
    under all rotations about the axis: the other star cannot be seen to be twisted. Networks of
    degree L or more see it.
    """

    name, version = "geometry-stars", "1"
    summary = "pairs of joined L-fold stars in space, which need tensors of degree L"
    reference = "after " + _DOJO + ", section 5"
    input_shape = (5, 14, 14)

    def drawn(self) -> Sequence[tuple[str, Tensor, Tensor]]:
        """Return the stars of L = 2 … 6."""
        return _stars()


class Neighbourhoods(GeometricPairs):
    """Neighbourhoods with equal distances, distances and angles, or also triple products.

    - ``body-2``: two neighbours at the distance 5, in two different angles.
    - ``body-3``: equal multisets of pairs of neighbours.
    - ``body-4``: equal multisets of triples of neighbours, up to reflections.

    The two pairs of four bodies that Joshi et al. released are congruent: a rotation by π maps one
    neighbourhood to the other, because their triangles are isosceles. The triangles here are not.
    """

    name, version = "geometry-bodies", "1"
    summary = "pairs of neighbourhoods in space with equal distances, angles or triple products"
    reference = "Pozdnyakov et al. 2020, Incompleteness of Atomic Structure Representations, fig. 1"
    input_shape = (5, 8, 8)

    def drawn(self) -> Sequence[tuple[str, Tensor, Tensor]]:
        """Return the three pairs."""
        return _neighbourhoods()


@lru_cache(maxsize=1)
def _chains() -> list[tuple[str, Tensor, Tensor]]:
    ends = {k: (chain(k, same_side=False), chain(k, same_side=True)) for k in range(2, 9)}
    return [(f"k{k}", a, b) for k, (a, b) in ends.items()]


@lru_cache(maxsize=1)
def _stars() -> list[tuple[str, Tensor, Tensor]]:
    folds = range(2, 7)
    return [(f"fold-{f}", twisted_stars(f, 0), twisted_stars(f, math.pi / f)) for f in folds]


@lru_cache(maxsize=1)
def _neighbourhoods() -> list[tuple[str, Tensor, Tensor]]:
    two = [(5, 0, 0), (3, 0, 4)], [(5, 0, 0), (-5, 0, 0)]
    shared = [(5, 0, 5), (5, 5, 5), (-5, -5, 5)]
    three = [*shared, (0, 5, 5)], [*shared, (0, -5, 5)]
    triangle = [(3, 2, -4), (0, 2, 5), (-4, 2, -3)]  # scalene
    cosine, sine = math.cos(math.pi / 5), math.sin(math.pi / 5)
    below = [(cosine * x + sine * z, -y, cosine * z - sine * x) for x, y, z in triangle]
    four = [*triangle, *below, (0, 5, 0)], [*triangle, *below, (0, -5, 0)]
    named = (("body-2", two), ("body-3", three), ("body-4", four))
    return [(name, neighbourhood(a), neighbourhood(b)) for name, (a, b) in named]
