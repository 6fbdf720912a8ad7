"""Pairs of graphs, and the tasks that count which of them a network can distinguish."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from symbench import Data, InputError, Symmetry, Task
from symbench.graphs import adjacency, graph_symmetry, pack, padded
from symbench_graphs.pair_contrast import EMBEDDING, shuffled

if TYPE_CHECKING:
    import networkx as nx

    from symbench.contract import Split


@dataclass(frozen=True, eq=False)
class Pair:
    """Two graphs of one size that are not isomorphic.

    Disconnected graphs are allowed; ten pairs of BREC contain one.

    Attributes:
        id: the pair's number within its task, from 0.
        category: the group of pairs in which it is counted.
        a: the first graph [c, n, n], in the layout of ``symbench.graphs``; c = 2 without features.
        b: the second graph [c, n, n].
        name: a description for messages.

    Raises:
        InputError: the sizes differ, a graph is empty, has a self-loop or is not symmetric.
    """

    id: int
    category: str
    a: Tensor
    b: Tensor
    name: str = ""

    def __post_init__(self) -> None:
        where = f"pair {self.id} ({self.name or self.category})"
        if self.a.shape != self.b.shape:
            sizes = f"{self.a.shape[-1]} and {self.b.shape[-1]}"
            raise InputError(f"{where} has graphs of {sizes} nodes; both must have the same number")
        for graph in (self.a, self.b):
            if reason := flaw(adjacency(graph)):
                raise InputError(f"{where} has a graph that {reason}")

    @property
    def nodes(self) -> int:
        """Number of nodes n of each graph."""
        return int(self.a.shape[-1])


def flaw(links: Tensor) -> str | None:
    """Return why an adjacency [n, n] is not that of a simple undirected graph; None if it is."""
    if links.shape[-1] == 0:
        return "is empty: it has no nodes"
    if bool(links.diagonal().any()):
        return "has self-loops; remove them"
    if not torch.equal(links, links.mT):
        return "is directed: its adjacency is not symmetric"
    return None


def graph_tensor(graph: nx.Graph) -> Tensor:
    """Return a networkx graph in the layout of ``symbench.graphs``, [2, n, n] in float32."""
    import networkx as nx

    if len(graph) == 0:
        raise InputError("an empty graph (without nodes) cannot be compared; remove it")
    links = torch.from_numpy(nx.to_numpy_array(graph, dtype="float32", weight=None))
    return pack(links[None])[0]


def by_size(pairs: Iterable[Pair]) -> dict[int, list[Pair]]:
    """Return the pairs by their number of nodes, smallest first."""
    groups: dict[int, list[Pair]] = {}
    for pair in sorted(pairs, key=lambda pair: (pair.nodes, pair.id)):
        groups.setdefault(pair.nodes, []).append(pair)
    return groups


class PairTask(Task):
    """Which of a list of pairs of graphs can a network distinguish?

    There is nothing to learn: a network maps each graph to an embedding of 16 numbers. Two metrics
    count the pairs whose embeddings differ by more than relabelling changes them:
    ``pairs_structural`` with random weights, and ``pairs_trained`` with weights trained on each
    pair separately. n_train is the number of relabelings for the latter; 0 omits it.

    The examples from ``sample`` are used only for ``equivariance_error``. They are randomly
    relabelled graphs of the pairs with at most ``input_shape[-1]`` nodes, padded to that number.
    """

    kind = "graph"
    loss = "none"
    threshold = 0.0
    headline = "pairs_structural"
    output_shape = (EMBEDDING,)
    test_size = 16
    valid_size = 8
    ordered: ClassVar[bool] = False

    @abstractmethod
    def pairs(self) -> Sequence[Pair]:
        """Return the pairs; pair i has id i. If ``ordered``, each is harder than the last."""

    def pair(self, i: int) -> Pair:
        """Return one pair by its number.

        Raises:
            InputError: there is no pair with this number.
        """
        pairs = self.pairs()
        if not 0 <= i < len(pairs):
            raise InputError(f"{self.name} has no pair {i}; choose one from 0 to {len(pairs) - 1}")
        return pairs[i]

    @property
    def symmetry(self) -> Symmetry:
        """S(N): the embedding is invariant under a relabelling of the nodes."""
        return graph_symmetry(2, self.input_shape[-1], output=0, copies=EMBEDDING)

    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Draw n of the small graphs, randomly relabelled; the targets are zeros."""
        generator = self.generator(seed, split)
        chosen = torch.randint(len(self._small), (n,), generator=generator)
        x = self.moved(self._small[chosen], generator)
        return Data(x.float(), torch.zeros(n, EMBEDDING))

    def moved(self, graphs: Tensor, generator: torch.Generator) -> Tensor:
        """Return other descriptions of the graphs [m, c, n, n]: randomly relabelled ones."""
        return shuffled(graphs, generator)

    @cached_property
    def _small(self) -> Tensor:
        size = self.input_shape[-1]
        fitting = [pair for pair in self.pairs() if pair.nodes <= size]
        return torch.stack([padded(graph, size) for pair in fitting for graph in (pair.a, pair.b)])
