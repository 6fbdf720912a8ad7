"""Shortest Hamiltonian paths of weighted complete graphs: their length and their edges."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Metric, Model, Scores, Split, Task, Trained, graphs
from symbench_graphs.random_graphs import GraphTask, uniform_weights

NODES = 8
_CHUNK = 2**23  # entries of a table [n, 2^N, N] in memory at once


def shortest_paths(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lengths [n] and edges [n, N, N] (0/1) of shortest Hamiltonian paths.

    This is Held and Karp's dynamic programme over sets S of nodes and ends v,
    F(S, v) = min over u of F(S - v, u) + w(u, v). It takes O(2^N N²) time and O(2^N N) memory per
    graph, which is practical for N <= 12.
    """
    nodes = weights.shape[-1]
    step = max(1, _CHUNK // (nodes * 2**nodes))
    parts = [_shortest(part) for part in weights.split(step)]
    lengths, edges = zip(*parts, strict=True)
    return torch.cat(lengths), torch.cat(edges)


def _shortest(weights: Tensor) -> tuple[Tensor, Tensor]:
    n, nodes = weights.shape[:2]
    table = weights.new_full((n, 2**nodes, nodes), torch.inf)
    for v in range(nodes):
        table[:, 1 << v, v] = 0
    for visited in range(1, 2**nodes):
        ends = [v for v in range(nodes) if visited >> v & 1]
        if len(ends) > 1:
            before = table[:, [visited ^ (1 << v) for v in ends]]
            table[:, visited, ends] = (before + weights[:, ends]).amin(2)
    return table[:, -1].amin(1), _traced(table, weights)


def _traced(table: Tensor, weights: Tensor) -> Tensor:
    """Return the edges [n, N, N] of the best paths, traced backwards from their ends."""
    n, size, nodes = table.shape
    rows, edges = torch.arange(n), torch.zeros_like(weights)
    visited, end = torch.full((n,), size - 1), table[:, -1].argmin(1)
    for _ in range(nodes - 1):
        visited = visited - 2**end
        before = (table[rows, visited] + weights[rows, end]).argmin(1)
        edges[rows, end, before] = 1
        edges[rows, before, end] = 1
        end = before
    return edges


def greedy_paths(scores: Tensor) -> Tensor:
    """Return Hamiltonian paths [n, N, N] (0/1), built greedily from edge scores [n, N, N].

    Edges are visited by decreasing score; the scores of the two directions are added. An edge is
    added unless one of its ends already has two edges or it would close a cycle. The result is one
    path through all nodes.
    """
    n, nodes = scores.shape[:2]
    i, j = torch.triu_indices(nodes, nodes, 1)
    both = (scores + scores.mT)[:, i, j]
    order = both.argsort(dim=1, descending=True, stable=True)
    rows, edges = torch.arange(n), torch.zeros_like(scores)
    part = torch.arange(nodes).repeat(n, 1)
    for edge in order.T:
        a, b = i[edge], j[edge]
        degree, at_a, at_b = edges.sum(2), part[rows, a], part[rows, b]
        fits = (degree[rows, a] < 2) & (degree[rows, b] < 2) & (at_a != at_b)
        edges[rows, a, b] = fits.to(edges)
        edges[rows, b, a] = fits.to(edges)
        joined = fits[:, None] & (part == at_b[:, None])
        part = torch.where(joined, at_a[:, None], part)
    return edges


class HamiltonianTask(GraphTask):
    """Complete graphs on 8 nodes with independent weights, uniform on [0, 1).

    The shortest path through all nodes is computed exactly, by dynamic programming in float64.
    Integer weights would cause ties, so the weights are continuous. A path and its reverse are
    equally long, so the equivariant target is the set of edges instead of an order of nodes.
    """

    reference = "the example of S. Villar's talks on graph networks; Held, Karp 1962"
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (100,),
        "quick": (),
        "standard": (1000,),
        "full": (100, 1000, 10000),
    }
    updates: ClassVar[Mapping[str, int]] = {"standard": 600}
    input_shape = (2, NODES, NODES)
    test_size, valid_size = 1000, 200
    # smaller test sets are enough here: the error bars come from the five seeds
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"test_size": 500, "valid_size": 100}
    }

    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Draw n weighted graphs."""
        x = graphs.pack(uniform_weights(n, NODES, self.generator(seed, split)))
        return Data(x, self.target(x))

    @abstractmethod
    def target(self, x: Tensor) -> Tensor:
        """Return the exact target [n, *output_shape]."""


@final
class HamiltonianLength(HamiltonianTask):
    """The length F of the shortest Hamiltonian path: F(PWPᵀ) = F(W).

    It has mean 1.30 and standard deviation 0.41.
    """

    name = "hamiltonian-length"
    summary = "length of the shortest Hamiltonian path of a weighted complete graph"
    threshold = 0.1
    output_shape = (1,)

    def target(self, x: Tensor) -> Tensor:
        """Return the length [n, 1]."""
        return shortest_paths(graphs.adjacency(x).double())[0][:, None].to(x.dtype)


@final
class HamiltonianPath(HamiltonianTask):
    """The edges of the shortest Hamiltonian path, H [N, N] of 0 and 1: H(PWPᵀ) = P H(W) Pᵀ.

    Predicting the mean, 1/4 everywhere off the diagonal, has ``error`` 1. ``path_f1`` and
    ``path_gap`` score the path that is decoded from the output. Decoding the weights themselves,
    shortest first, has an F1 of 0.80 and a gap of 0.10; a network should be better than that.
    """

    name = "hamiltonian-path"
    summary = "edges of the shortest Hamiltonian path of a weighted complete graph"
    threshold = 0.2
    output_order = 2
    output_shape = (1, NODES, NODES)

    def target(self, x: Tensor) -> Tensor:
        """Return the edges [n, 1, N, N]."""
        return shortest_paths(graphs.adjacency(x).double())[1][:, None].to(x.dtype)


def _decoded(trained: Trained) -> tuple[Tensor, Tensor, Tensor]:
    """Return weights, true edges and decoded edges [n, N, N] of the test set."""
    weights = graphs.adjacency(trained.test.x.cpu()).double()
    true = trained.test.y.cpu().double()[:, 0]
    return weights, true, greedy_paths(trained.prediction.cpu().double()[:, 0])


class PathF1(Metric):
    """F1 of the edges of the path that is decoded greedily from the predicted edges.

    Precision and recall are equal, because every Hamiltonian path has N - 1 edges. A path that
    does not depend on the weights scores 2/N.
    """

    name, version, direction = "path_f1", "1", "higher"
    summary = "F1 of the edges of the decoded path"

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the target is the edges of a Hamiltonian path."""
        return isinstance(task, HamiltonianPath)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the F1 and its chance level."""
        _, true, decoded = _decoded(trained)
        hits = (decoded * true).sum((1, 2)) / true.sum((1, 2))
        return {self.name: float(hits.mean()), f"{self.name}.chance": 2 / true.shape[-1]}


class PathGap(Metric):
    """Mean ratio of the decoded path's length to the shortest length, minus 1."""

    name, version, direction = "path_gap", "1", "lower"
    summary = "relative excess length of the decoded path"

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the target is the edges of a Hamiltonian path."""
        return isinstance(task, HamiltonianPath)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the gap."""
        weights, true, decoded = _decoded(trained)
        lengths = (weights * decoded).sum((1, 2)) / (weights * true).sum((1, 2))
        return float(lengths.mean()) - 1


class LengthError(Metric):
    """Mean of |F̂ - F| / F for the predicted length F̂ of the shortest path."""

    name, version, direction = "length_error", "1", "lower"
    summary = "mean relative error of the predicted length"

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the target is the length of a Hamiltonian path."""
        return isinstance(task, HamiltonianLength)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the relative error."""
        y = trained.test.y.cpu().double()
        return float(((trained.prediction.cpu().double() - y).abs() / y).mean())
