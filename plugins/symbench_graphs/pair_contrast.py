"""Embeddings of relabelled graphs by an untrained network, and their comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from symbench import Problem, Task, Trained, seeded
from symbench.graphs import graph_symmetry, padded, random_orders, relabelled

Embed = Callable[[Tensor], Tensor]
Move = Callable[[Tensor, torch.Generator], Tensor]

EMBEDDING = 16  # outputs of a network for each graph, as in BREC
_CLEAR, _DIM = 1e3, 1e2  # gap over noise: separated above the first, not below the second
_LEAST = 1e-12  # least gap of a separated pair, relative to the scale of the outputs
_CELLS = 2**15  # adjacency entries per forward pass; more do not fit in the processor's caches


@dataclass(frozen=True)
class Contrast:
    """How two graphs' embeddings differ, in units of their largest absolute value.

    Attributes:
        gap: the largest difference between the two graphs' means over relabelings.
        noise: the largest difference between relabelings of one graph, at least the rounding unit.
    """

    gap: float
    noise: float

    @property
    def separated(self) -> bool:
        """Whether the gap is clearly larger than the noise."""
        return self.gap > _CLEAR * self.noise and self.gap > _LEAST

    @property
    def undecided(self) -> bool:
        """Whether the gap is neither clearly larger than the noise nor comparable with it."""
        return not self.separated and self.gap >= _DIM * self.noise


def contrast(a: Tensor, b: Tensor) -> Contrast:
    """Compare the embeddings [r, d] of r relabelings of each of two graphs."""
    scale = float(torch.stack([a, b]).abs().max())
    unit = max(scale, torch.finfo(a.dtype).tiny)
    spread = max(float((f.amax(0) - f.amin(0)).max()) for f in (a, b)) / unit
    gap = float((a.mean(0) - b.mean(0)).abs().max()) / unit
    return Contrast(gap, max(spread, torch.finfo(a.dtype).eps))


def relabelings(nodes: int) -> int:
    """Return how many relabelings of a graph are compared: 4, or 2 for 40 nodes and more."""
    return 4 if nodes < 40 else 2


def shuffled(graphs: Tensor, generator: torch.Generator) -> Tensor:
    """Return the graphs [m, c, n, n], each with its nodes in a random order."""
    return relabelled(graphs, random_orders(len(graphs), graphs.shape[-1], generator))


def embeddings(
    embed: Embed, graphs: Sequence[Tensor], generator: torch.Generator, move: Move = shuffled
) -> list[Tensor]:
    """Return the embeddings [r, d] of each graph [c, n, n]; graphs of one size n form batches.

    ``move`` draws the r descriptions of a graph that are compared: relabelings by default.
    The result is an empty tensor [0, d] if the network refuses a graph's size (it raises
    RuntimeError or ValueError), or if an embedding is not finite.
    """
    results: dict[int, Tensor] = {}
    sizes: dict[int, list[int]] = {}
    for i, graph in enumerate(graphs):
        sizes.setdefault(graph.shape[-1], []).append(i)
    for n, members in sorted(sizes.items()):
        r = relabelings(n)
        step = max(1, _CELLS // (r * n * n))
        for chosen in (members[i : i + step] for i in range(0, len(members), step)):
            copies = torch.stack([graphs[i] for i in chosen]).repeat_interleave(r, 0)
            outputs = _outputs(embed, move(copies, generator), r)
            results.update(zip(chosen, outputs, strict=True))
    return [results[i] for i in range(len(graphs))]


@torch.no_grad()
def _outputs(embed: Embed, x: Tensor, r: int) -> list[Tensor]:
    y = tried(embed, x)
    if y is None:
        return [x.new_zeros(0, 1)] * (len(x) // r)
    return [f if bool(f.isfinite().all()) else f[:0] for f in y.flatten(1).split(r)]


def tried(embed: Embed, x: Tensor) -> Tensor | None:
    """Return the embeddings of graphs x, or None if the network refuses their size.

    Raises:
        OutOfMemoryError: the memory is too small; this is not a property of the network.
    """
    try:
        return embed(x)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError):  # shapes that do not fit, or the network's InputError
        return None


def embedding_problem(problem: Problem) -> Problem:
    """Return the problem of embedding the same graphs in ``EMBEDDING`` invariants.

    Metrics of expressive power use this problem for all tasks, because a model that looks up
    answers has no useful outputs on its own task before training.
    """
    if problem.loss == "none":  # it already is this problem
        return problem
    channels, nodes = problem.input_shape[:2]
    known = problem.symmetry is not None
    symmetry = graph_symmetry(channels, nodes, 0, EMBEDDING) if known else None
    return replace(problem, loss="none", output_shape=(EMBEDDING,), symmetry=symmetry)


@contextmanager
def untrained(trained: Trained, task: Task, purpose: str) -> Iterator[Callable[[], nn.Module]]:
    """Yield a factory of untrained modules of the trial's model; restore the global generator."""
    seed = seeded(task.name, task.version, trained.seed, purpose).initial_seed()
    device = trained.test.x.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        problem = replace(embedding_problem(trained.problem), generator=generator)
        yield lambda: trained.model.build(problem).to(device)


def fitting(module: nn.Module, nodes: int) -> Embed:
    """Return the module as a function of graphs of any size.

    Smaller graphs are padded for a network with a fixed number of nodes, such as a perceptron.
    """

    def embed(x: Tensor) -> Tensor:
        if x.shape[-1] >= nodes:
            return module(x)  # type: ignore[no-any-return]
        y = tried(module, x)
        return module(padded(x, nodes)) if y is None else y

    return embed


def measured(
    trained: Trained,
    task: Task,
    graphs: Sequence[Tensor],
    dtype: torch.dtype,
    move: Move = shuffled,
) -> list[Tensor]:
    """Return each graph's embeddings by an untrained network; [] without support for the dtype."""
    with untrained(trained, task, "structural") as fresh:
        try:
            module = fresh().to(dtype).eval()
        except (RuntimeError, TypeError):  # an operation without support for the dtype
            return []
        generator = seeded(task.name, task.version, trained.seed, "relabelings")
        embed = fitting(module, task.input_shape[-1])
        device = trained.test.x.device
        moved = [graph.to(dtype) for graph in graphs]
        return embeddings(lambda x: embed(x.to(device)).cpu(), moved, generator, move)
