"""BREC's paired comparison: a new network is trained on each pair, and a T² test decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from symbench import Metric, Model, Task, Trained, seeded
from symbench.graphs import padded
from symbench_graphs.pair_contrast import EMBEDDING, Move, shuffled, tried, untrained
from symbench_graphs.pair_fleet import (
    Fleet,
    Protocol,
    invariant,
    stacks,
    thinned,
    train_apart,
)
from symbench_graphs.pair_statistic import critical, same, t_squared
from symbench_graphs.pairs import Pair, PairTask, by_size
from symbench_graphs.structural import counted

if TYPE_CHECKING:
    from symbench.contract import Scores

Fresh = Callable[[Pair], nn.Module]

PUBLISHED = Protocol()
_CELLS = {"cpu": 2**19, "cuda": 2**23}  # adjacency entries per training step of a fleet
_SMALL = 10  # graphs with at most this many nodes have few labelled copies, so draws repeat


@dataclass(frozen=True)
class PairVerdict:
    """The result of the comparison of one pair.

    Attributes:
        major: T² between the two graphs, without the factor q.
        reliability: T² between relabelings of one graph.
        degenerate: whether relabelling changes no embedding although those of the graphs differ.
        thinned: whether the network, being invariant, was trained on one pair of each batch.
    """

    major: float
    reliability: float
    degenerate: bool
    thinned: bool = False

    def separated(self, q: int, protocol: Protocol) -> bool:
        """Whether T² shows that the graphs differ, and by more than relabelings do."""
        factor, threshold = _factor(q, protocol), critical(q, EMBEDDING, protocol.level)
        alike = same(*torch.tensor([self.major, self.reliability], dtype=torch.float64))
        return factor * self.major > threshold and not bool(alike)

    def unreliable(self, q: int, protocol: Protocol) -> bool:
        """Whether T² shows that relabelings of one graph differ."""
        threshold = critical(q, EMBEDDING, protocol.level)
        return _factor(q, protocol) * self.reliability >= threshold


def _factor(q: int, protocol: Protocol) -> int:
    return q if protocol.include_q else 1


def copies(graph: Tensor, count: int, generator: torch.Generator, move: Move = shuffled) -> Tensor:
    """Return copies [count, c, n, n] of a graph [c, n, n] by ``move``, distinct where possible.

    Two triangles, for example, have only ten labelled copies. Missing copies are filled by
    repetition.
    """
    many = count * (8 if graph.shape[-1] <= _SMALL else 1)
    drawn = move(graph.expand(many, -1, -1, -1), generator).float()
    first: dict[bytes, int] = {}
    for i, copy in enumerate(drawn):
        first.setdefault(copy.numpy().tobytes(), i)
    distinct = list(first.values())
    repeats = sorted(set(range(len(drawn))) - set(distinct))
    return drawn[(distinct + repeats)[:count]]


def examples(
    pair: Pair, q: int, generator: torch.Generator, move: Move = shuffled
) -> tuple[Tensor, Tensor]:
    """Return A0 B0 A1 B1 … and 2q copies of either A or B, at random: [2q, c, n, n] each."""
    a, b = (copies(graph, q, generator, move) for graph in (pair.a, pair.b))
    coin = int(torch.randint(2, (), generator=generator))
    reliability = copies((pair.a, pair.b)[coin], 2 * q, generator, move)
    return torch.stack([a, b], 1).flatten(0, 1), reliability


@dataclass(frozen=True)
class Comparison:
    """The comparison of a list of pairs by networks of one model.

    Attributes:
        fresh: builds a new network for a pair.
        task: the task of the pairs.
        q: the number of relabelings of each graph.
        seed: the seed of the trial.
        protocol: the constants.
        together: whether networks for graphs of one size are trained as a fleet if possible.
    """

    fresh: Fresh
    task: PairTask
    q: int
    seed: int
    protocol: Protocol = PUBLISHED
    together: bool = True

    def verdicts(
        self, pairs: Sequence[Pair], device: torch.device
    ) -> dict[int, PairVerdict | None]:
        """Return the verdict by the id of each pair; None if the network refuses the size."""
        found: dict[int, PairVerdict | None] = {}
        for n, members in by_size(pairs).items():
            probe = self.fresh(members[0]).to(device)
            size = self._accepted(probe, members[0], device)
            if size is None:
                found.update(dict.fromkeys((pair.id for pair in members), None))
                continue
            cells = _CELLS.get(device.type, _CELLS["cpu"])
            step = max(1, cells // (2 * self.protocol.pairs_a_batch * max(n, size) ** 2))
            for chosen in (members[i : i + step] for i in range(0, len(members), step)):
                found.update(self._compare(chosen, size, device))
        return found

    def _accepted(self, module: nn.Module, pair: Pair, device: torch.device) -> int | None:
        """Return the number of nodes to pad to, if possible that of the pair; None if refused."""
        for size in (pair.nodes, self.task.input_shape[-1]):
            if size < pair.nodes:
                continue
            with torch.no_grad():
                x = padded(torch.stack([pair.a, pair.b]), size).float().to(device)
                if tried(module.eval(), x) is not None:
                    return size
        return None

    def _compare(
        self, pairs: Sequence[Pair], size: int, device: torch.device
    ) -> Iterator[tuple[int, PairVerdict]]:
        both = [examples(p, self.q, self._generator(p), self.task.moved) for p in pairs]
        x, again = (padded(torch.stack(half), size).to(device) for half in zip(*both, strict=True))
        modules = [self.fresh(pair).to(device) for pair in pairs]
        fleets = [slice(0, len(modules))]
        if not (self.together and stacks(modules, x)):
            fleets = [slice(i, i + 1) for i in range(len(modules))]
        for part in fleets:
            found = self._judged(modules[part], x[part], again[part])
            yield from ((pair.id, v) for pair, v in zip(pairs[part], found, strict=True))

    def _judged(self, modules: Sequence[nn.Module], x: Tensor, again: Tensor) -> list[PairVerdict]:
        """Train network i on x[i]; return the verdicts from T² of x[i] and of again[i]."""
        thin = self._steady(modules, x) if self.protocol.thin else x.new_zeros(len(x)) > 0
        found: dict[int, PairVerdict] = {}
        for some, once in ((thin.nonzero().flatten().tolist(), True), (range(len(x)), False)):
            left = [i for i in some if i not in found]
            if left:
                chosen = [modules[i] for i in left]
                verdicts = self._after_training(chosen, x[left], again[left], once)
                found.update((i, v) for i, v in zip(left, verdicts, strict=True) if v is not None)
        return [found[i] for i in range(len(x))]

    @torch.no_grad()
    def _steady(self, modules: Sequence[nn.Module], x: Tensor) -> Tensor:
        """Whether outputs do not depend on node order, batch and mode, up to rounding: [T].

        They depend on the last two with batch normalisation or dropout.
        """
        fleet, batch = Fleet(modules), x[:, : 2 * self.protocol.pairs_a_batch]
        batched, single = fleet.train()(batch), fleet.train(mode=False)(batch[:, :2])
        return invariant(torch.cat([batched, single], 1)).cpu()

    def _after_training(
        self, modules: Sequence[nn.Module], x: Tensor, again: Tensor, once: bool
    ) -> list[PairVerdict | None]:
        """Return the verdicts; None if thinned training made a network lose its invariance."""
        if once:
            single = replace(self.protocol, pairs_a_batch=1)
            fleet = train_apart(modules, thinned(x, self.protocol), single)
        else:
            fleet = train_apart(modules, x, self.protocol)
        outputs = [self._embedded(fleet, part) for part in (x, again)]
        held = invariant(outputs[0]) & invariant(outputs[1]) | (not once)
        major, reliability = (t_squared(y) for y in outputs)
        numbers = zip(held, major.value, reliability.value, major.degenerate, strict=True)
        return [PairVerdict(float(t), float(r), bool(d), once) if ok else None
                for ok, t, r, d in numbers]  # fmt: skip

    @torch.no_grad()
    def _embedded(self, fleet: Fleet, x: Tensor) -> Tensor:
        batches = x.split(2 * self.protocol.pairs_a_batch, dim=1)
        return torch.cat([fleet(batch) for batch in batches], 1).cpu()

    def _generator(self, pair: Pair) -> torch.Generator:
        return seeded(self.task.name, self.task.version, self.seed, "relabelings", pair.id)


class PairsTrained(Metric):
    """How many pairs are distinguished by networks trained on them, one network for each pair.

    This is the protocol of BREC, as in its code. There are q = n_train relabelings of each graph
    and a new network with 16 outputs. It is trained for at most 20 epochs of Adam on the cosine of
    the two embeddings. Then T² of the q differences is computed. A pair is separated if T² is above
    72.34 (for q = 32) and differs from T² of the same test among relabelings of one graph. If the
    latter is above the threshold too, the network is unreliable on this pair. The score is the
    number of separated pairs minus that of unreliable ones, ``.failures``.

    The published code omits the factor q of Hotelling's T², which makes the test far stricter than
    its stated level. ``.with_q`` is the score with the factor, where 5 % of false positives are
    expected. Networks are trained and evaluated in float32, as published. T² is a ratio of signal
    to rounding noise, so it is comparable with the published counts only in this precision. T²
    itself is computed in float64.

    A network whose outputs do not change at all under relabelling has T² = 0, so the pair is not
    counted even if the outputs for the two graphs differ. ``.degenerate`` counts these pairs;
    ``pairs_structural`` does not have this problem. ``.refused`` counts pairs that the network
    cannot evaluate; they are not separated.

    If the network is invariant, all relabelings of a pair have the same loss and gradient, up to
    rounding. It is then trained on one of the eight in each batch; T² still uses all q. Invariance
    is measured on one batch before training and on all relabelings after it. If it does not hold,
    the published training is used. ``.thinned`` counts the networks trained in the shorter way.
    """

    name, version, direction = "pairs_trained", "1", "higher"
    summary = "pairs distinguished by networks trained on each of them"
    reference = "Wang and Zhang, An Empirical Study of Realized GNN Expressiveness, ICML 2024"
    along_curve = False

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task consists of pairs of graphs."""
        return isinstance(task, PairTask)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the counts; nothing if n_train <= 16 or the network has no parameters to train."""
        q = trained.n_train
        if not isinstance(task, PairTask) or q <= EMBEDDING:
            return {}
        if not any(p.requires_grad for p in trained.module.parameters()):
            return {}

        def fresh(pair: Pair) -> nn.Module:
            with untrained(trained, task, f"pair {pair.id}") as build:
                return build()

        pairs = task.pairs()
        comparison = Comparison(fresh, task, q, trained.seed)
        with untrained(trained, task, "paired"):  # what a network draws while it runs
            found = comparison.verdicts(pairs, trained.test.x.device)
        return self._scores(pairs, [found[pair.id] for pair in pairs], q)

    def _scores(
        self, pairs: Sequence[Pair], found: Sequence[PairVerdict | None], q: int
    ) -> dict[str, float]:
        seen = [v for v in found if v is not None]
        if not seen:
            return {}
        scores = counted(self.name, pairs, [_net(v, q, PUBLISHED) for v in found])
        scores[f"{self.name}.failures"] = float(sum(v.unreliable(q, PUBLISHED) for v in seen))
        with_q = Protocol(include_q=True)
        scores[f"{self.name}.with_q"] = float(sum(_net(v, q, with_q) for v in seen))
        scores[f"{self.name}.degenerate"] = float(sum(v.degenerate for v in seen))
        scores[f"{self.name}.refused"] = float(found.count(None))
        scores[f"{self.name}.thinned"] = float(sum(v.thinned for v in seen))
        return scores


def _net(verdict: PairVerdict | None, q: int, protocol: Protocol) -> int:
    if verdict is None:
        return 0
    return verdict.separated(q, protocol) - verdict.unreliable(q, protocol)
