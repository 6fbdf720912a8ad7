"""Which graphs a network with random weights distinguishes: its power without training."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor

from symbench import Metric, Model, Task, Trained
from symbench_graphs.pair_contrast import Contrast, contrast, measured
from symbench_graphs.pairs import Pair, PairTask

if TYPE_CHECKING:
    from symbench.contract import Scores


@runtime_checkable
class HasClasses(Protocol):
    """A task whose examples are relabelled copies of a few graphs."""

    def classes(self) -> Sequence[Tensor]:
        """Return one graph [2, n, n] of each class."""


class Structural(Metric):
    """How many pairs of graphs a network with random weights distinguishes, in float64.

    Each graph is relabelled 4 times (twice for 40 nodes and more); graphs in space are turned, too.
    ``noise`` is the largest difference between relabelings, and ``gap`` the largest between the
    means of the two graphs, both in units of the largest output. A pair is separated if
    gap > 1000 noise and gap > 1e-12, and not separated if gap < 100 noise. In between it is
    ``.undecided`` and does not count. Random weights show what an architecture can express, because
    its outputs are generic analytic functions of the invariants that it computes.

    - ``.<category>``: the separated pairs of a category.
    - ``.rung`` (ordered tasks): the separated pairs before the first that is not separated.
    - ``.noise``: the largest noise.
    - ``.margin``: the smallest gap of a separated pair.
    - ``.refused``: the pairs that the network cannot evaluate; they are not separated.
    - ``.float32`` and ``.float32_noise``: the same, measured in single precision.
    - ``.truth``: the number of pairs.
    """

    name, version, direction = "pairs_structural", "1", "higher"
    summary = "pairs distinguished by the untrained network"
    along_curve = False

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task consists of pairs of graphs."""
        return isinstance(task, PairTask)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the counts; nothing if the network has no float64 or refuses every pair."""
        if not isinstance(task, PairTask):
            return {}
        pairs = task.pairs()
        double = _contrasts(trained, task, pairs, torch.float64)
        if not any(double):
            return {}
        single = _contrasts(trained, task, pairs, torch.float32)
        return self._counts(pairs, double, task) | self._single(single)

    def _counts(
        self, pairs: Sequence[Pair], found: Sequence[Contrast | None], task: PairTask
    ) -> dict[str, float]:
        separated = [c is not None and c.separated for c in found]
        seen = [c for c in found if c is not None]
        scores = counted(self.name, pairs, separated)
        scores[f"{self.name}.undecided"] = float(sum(c.undecided for c in seen))
        scores[f"{self.name}.refused"] = float(found.count(None))
        scores[f"{self.name}.noise"] = max(c.noise for c in seen)
        gaps = [c.gap for c in seen if c.separated]
        if gaps:
            scores[f"{self.name}.margin"] = min(gaps)
        if task.ordered:
            scores[f"{self.name}.rung"] = float([*separated, False].index(False))
        return scores

    def _single(self, found: Sequence[Contrast | None]) -> dict[str, float]:
        seen = [c for c in found if c is not None]
        if not seen:
            return {}
        return {
            f"{self.name}.float32": float(sum(c.separated for c in seen)),
            f"{self.name}.float32_noise": max(c.noise for c in seen),
        }


def counted(name: str, pairs: Sequence[Pair], counts: Sequence[float]) -> dict[str, float]:
    """Return ``name`` and ``name.<category>``, sums over pairs, each with its ``.truth``."""
    scores = {name: float(sum(counts)), f"{name}.truth": float(len(pairs))}
    for category in dict.fromkeys(pair.category for pair in pairs):
        part = [c for pair, c in zip(pairs, counts, strict=True) if pair.category == category]
        scores[f"{name}.{category}"] = float(sum(part))
        scores[f"{name}.{category}.truth"] = float(len(part))
    return scores


def _contrasts(
    trained: Trained, task: PairTask, pairs: Sequence[Pair], dtype: torch.dtype
) -> list[Contrast | None]:
    graphs = [graph for pair in pairs for graph in (pair.a, pair.b)]
    found = measured(trained, task, graphs, dtype, task.moved)
    both = zip(found[::2], found[1::2], strict=True)
    return [contrast(a, b) if len(a) and len(b) else None for a, b in both]


class Classes(Metric):
    """How many classes of graphs a network with random weights distinguishes, in float64.

    Two classes belong to one group unless their graphs are separated by the rule of
    ``pairs_structural``; ``.noise`` and ``.margin`` are defined as there. For an invariant network
    and balanced classes, the accuracy is at most groups ÷ classes, which is ``.accuracy``.
    """

    name, version, direction = "classes_structural", "1", "higher"
    summary = "classes distinguished by the untrained network"
    along_curve = False

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task lists one graph of each of its classes."""
        return task.kind == "graph" and isinstance(task, HasClasses)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the number of groups; nothing if the network refuses the graphs."""
        if not isinstance(task, HasClasses):
            return {}
        found = measured(trained, task, list(task.classes()), torch.float64)
        if not found or not all(len(f) for f in found):
            return {}
        contrasts = {
            (i, j): contrast(found[i], found[j]) for i, j in combinations(range(len(found)), 2)
        }
        merged = [ends for ends, c in contrasts.items() if not c.separated]
        groups = _groups(len(found), merged)
        scores = {
            self.name: float(groups),
            f"{self.name}.truth": float(len(found)),
            f"{self.name}.accuracy": groups / len(found),
            f"{self.name}.noise": max(c.noise for c in contrasts.values()),
        }
        gaps = [c.gap for c in contrasts.values() if c.separated]
        return scores | ({f"{self.name}.margin": min(gaps)} if gaps else {})


def _groups(count: int, merged: Sequence[tuple[int, int]]) -> int:
    """Return the number of connected components of the graph with these edges."""
    import networkx as nx

    graph = nx.empty_graph(count)
    graph.add_edges_from(merged)
    return nx.number_connected_components(graph)  # type: ignore[no-any-return]
