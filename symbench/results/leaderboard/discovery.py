"""Records -> the discovery board: what each method finds, by task and by kind of task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean, median
from typing import Any, Literal, get_args

from symbench.contract.values import Discovery
from symbench.records.record import Identity, Record
from symbench.results import statistics
from symbench.results.leaderboard.estimates import estimate, scores
from symbench.results.leaderboard.false_findings import false_findings
from symbench.results.leaderboard.greying import announces_built_in
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.rows import Estimate, FalseFindings
from symbench.results.leaderboard.selection import newest
from symbench.results.statistics import Interval

Source = Literal["elements", "announced", "extracted"]

KINDS: tuple[str, ...] = get_args(Discovery)
_SURE = 0.95  # a guess with this overlap leaves nothing to discover
_DETECTED = 0.5  # least merit of a trial that counts as a detection


@dataclass(frozen=True)
class Found:
    """What a method finds on one task at the largest n_train.

    Attributes:
        merit: the figure of merit of each trial, in the order of the seeds; empty on controls and
            where the guess is right.
        overlap: chance-adjusted overlap of what it found with the truth.
        count: how many generators or elements it found.
        truth: how many there are.
        n_to_discover: from which n_train on it finds the right ones.
        seconds: of training.
        error: of its prediction.
    """

    merit: tuple[float, ...]
    overlap: Estimate | None
    count: Estimate | None
    truth: float | None
    n_to_discover: Estimate | None
    seconds: Estimate | None
    error: Estimate | None


@dataclass(frozen=True)
class Method:
    """One row of the board.

    Attributes:
        model: its name.
        prior: what it knows beforehand.
        source: whether it announces generators or finite elements, or the generators of its
            function are extracted.
        overall: the mean of the figures of all kinds on the board, with its interval.
        figures: the figure of merit of each kind, with its interval.
        found: by task.
        false: its false findings on controls.
    """

    model: str
    prior: str | None
    source: Source
    overall: Interval
    figures: dict[str, Interval]
    found: dict[str, Found]
    false: FalseFindings | None

    @property
    def figure(self) -> float:
        """The mean of the figures of all kinds on the board."""
        return self.overall.value


@dataclass(frozen=True)
class DiscoveryBoard:
    """Methods by their mean figure of merit, best first.

    Attributes:
        tier: of every cell.
        tasks: the tasks of each kind.
        guesses: the overlap of the best guess that looks at no label, by task.
        stale: how many cells are left out because they are stale.
        methods: the rows.
    """

    tier: str
    tasks: dict[str, list[str]]
    guesses: dict[str, float]
    stale: int = 0
    methods: list[Method] = field(default_factory=list)

    @property
    def certain(self) -> list[str]:
        """The tasks on which the guess is right, so that there is nothing to discover."""
        return [task for task, guess in self.guesses.items() if guess >= _SURE]

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        methods = [
            {
                **{key: value for key, value in asdict(method).items() if key != "found"},
                "figure": method.figure,
                "false": None if method.false is None else method.false.model_dump(mode="json"),
                "found": {task: _dumped(found) for task, found in method.found.items()},
            }
            for method in self.methods
        ]
        return {
            "schema": 1, "tier": self.tier, "tasks": self.tasks, "guesses": self.guesses,
            "stale": self.stale, "methods": methods,
        }  # fmt: skip


def discovery_board(
    records: Iterable[Record],
    tier: str,
    stale: Callable[[Record], bool] = lambda _: False,
    selects: Callable[[Identity], bool] = lambda _: True,
) -> DiscoveryBoard:
    """Return the discovery board of one tier, from the newest current record of each pair.

    The figure of merit of a trial is how far its overlap exceeds that of the best guess g that
    looks at no label, max(0, (overlap - g⁺) / (1 - g⁺)). It is 0 for a method that announces
    nothing, everything, the guess, or the same from moved data. The figure of a kind of task is the
    mean over its tasks; a task that a method declines counts 0. On controls it is the share of
    trials on the other tasks with a merit of at least 0.5, less the share of trials on controls
    with a false finding.

    Args:
        records: of any tier, from any number of stores.
        tier: whose records are shown.
        stale: whether the task, model, protocol or metrics of a record have changed.
        selects: which cells the board is made from.
    """
    newest_current, outdated = newest(records, tier, stale)
    current = [r for r in newest_current if selects(r.identity)]
    summaries = [s for s in map(RecordSummary, current) if s.sizes and (s.trials or s.errors)]
    kinds = {s.record.identity.task: kind for s in summaries if (kind := _kind(s)) is not None}
    shown = [s for s in summaries if s.record.identity.task in kinds and _source(s) is not None]
    guesses = _guesses(shown)
    tasks = {kind: sorted(t for t, k in kinds.items() if k == kind) for kind in KINDS}
    tasks = {kind: names for kind, names in tasks.items() if names}
    false = {one.model: one for one in false_findings(s.record for s in shown)}
    board = DiscoveryBoard(tier, tasks, guesses, sum(selects(r.identity) for r in outdated))
    by_model: dict[str, list[RecordSummary]] = defaultdict(list)
    for summary in shown:
        by_model[summary.record.identity.model].append(summary)
    methods = [_method(board, m, own, false.get(m)) for m, own in by_model.items()]
    board.methods.extend(sorted(methods, key=lambda one: (-one.figure, one.model)))
    return board


def _method(
    board: DiscoveryBoard,
    model: str,
    summaries: Sequence[RecordSummary],
    false: FalseFindings | None,
) -> Method:
    found = {s.record.identity.task: _found(s, board.guesses) for s in summaries}
    seeds = max(len(one.merit) for one in found.values())
    figures = {
        kind: _figure([found[t].merit if t in found else () for t in tasks
                       if t not in board.certain], seeds)
        for kind, tasks in board.tasks.items()
        if kind != "control" and set(tasks) - set(board.certain)
    }  # fmt: skip
    if "control" in board.tasks:
        figures["control"] = _on_controls(found, false)
    return Method(
        model=model,
        prior=summaries[0].prior,
        source="announced" if {_source(s) for s in summaries} != {"extracted"} else "extracted",
        overall=statistics.mean_of([*figures.values()] or [Interval(0.0, None, None, 0)]),
        figures=figures,
        found=found,
        false=false,
    )


def _figure(merits: Sequence[Sequence[float]], seeds: int) -> Interval:
    """Return the mean over tasks with its interval; a task without trials counts 0 in each seed."""
    return statistics.mean_error([tuple(one) or (0.0,) * max(1, seeds) for one in merits])


def _on_controls(found: Mapping[str, Found], false: FalseFindings | None) -> Interval:
    merits = [merit for one in found.values() for merit in one.merit]
    if not merits or false is None:
        return Interval(0.0, None, None, 0)
    detected = fmean([merit >= _DETECTED for merit in merits])
    rates = (false.found / false.trials, false.high, false.low)
    value, low, high = (max(0.0, detected - rate) for rate in rates)
    return Interval(value, low, high, false.trials)


def _found(summary: RecordSummary, guesses: Mapping[str, float]) -> Found:
    task, size = summary.record.identity.task, summary.sizes[-1]
    source = _source(summary) or "extracted"
    row = scores(summary, poor_rollout=False)
    overlaps = _overlaps(summary, source, size)
    guess = guesses.get(task, 0.0)
    crossing = "n_to_discover.announced" if source == "announced" else "n_to_discover"
    seconds = [t.cost["train_seconds"] for t in summary.trials
               if t.n_train == size and "train_seconds" in t.cost]  # fmt: skip
    truths = summary.values(_TRUTH[source], size)
    failed = [t for t in summary.record.trials if t.n_train == size and t.status == "diverged"]
    merits: list[float] = []
    if overlaps and guess < _SURE:
        merits = [_merit(overlap, guess) for overlap in overlaps] + [0.0] * len(failed)
        if source == "announced" and announces_built_in(row):
            merits = [0.0] * len(merits)
    return Found(
        merit=tuple(merits),
        overlap=estimate(overlaps, log=False) if overlaps else None,
        count=row.get(_COUNT[source]),
        truth=median(truths) if truths else None,
        n_to_discover=row.get(crossing),
        seconds=estimate(seconds) if seconds else None,
        error=row.get("error"),
    )


def _merit(overlap: float, guess: float) -> float:
    above = max(guess, 0.0)
    return min(1.0, max(0.0, (overlap - above) / (1 - above)))


# in the order in which the source of a cell is sought: the elements of an infinite group have no
# recall, and the generators of a finite one no overlap
_EVIDENCE: dict[Source, str] = {
    "elements": "elements_recall", "announced": "announced_count", "extracted": "generators_found",
}  # fmt: skip
_COUNT: dict[Source, str] = {**_EVIDENCE, "elements": "elements_count"}
_TRUTH: dict[Source, str] = {
    "elements": "elements_count.truth", "announced": "generators_found.truth",
    "extracted": "generators_found.truth",
}  # fmt: skip


def _source(summary: RecordSummary) -> Source | None:
    """Return where the generators are from; None for a model that was told the symmetry."""
    names = {n for t in summary.trials if t.n_train == summary.sizes[-1] for n in t.scores}
    for source, evidence in _EVIDENCE.items():
        if evidence in names:
            return source if source != "extracted" or summary.prior != "told" else None
    return None


def _overlaps(summary: RecordSummary, source: Source, size: int) -> list[float]:
    """Return the chance-adjusted overlap of each trial with what there is to find."""
    if source == "announced":
        return summary.values("announced_overlap", size)
    overlap = _of_elements if source == "elements" else _extracted
    trials = sorted((t for t in summary.trials if t.n_train == size), key=lambda t: t.seed)
    return [found for t in trials if (found := overlap(t.scores)) is not None]


def _of_elements(values: Mapping[str, float]) -> float | None:
    """Return precision × recall of announced elements; 0 if only the identity is announced."""
    recall = values.get("elements_recall")
    return None if recall is None else recall * values.get("elements_precision", 0.0)


def _extracted(values: Mapping[str, float]) -> float | None:
    """Return the overlap of the directions that a function keeps with the true generators.

    Unlike ``generator_overlap`` it does not use how many there are.
    """
    count, true = values.get("generators_found"), values.get("generators_found.truth")
    chance = values.get("generator_cosine.chance")
    if count is None or not true or not chance:
        return None
    total, m = values.get("generator_recall", 0.0) * true, true / chance**2
    by_chance = min(count, true) / m
    return (total / max(count, true) - by_chance) / (1 - by_chance)


def _guesses(summaries: Sequence[RecordSummary]) -> dict[str, float]:
    """Return the overlap of the best label-free guess, by task, where a record holds it."""
    guesses: dict[str, list[float]] = defaultdict(list)
    for s in summaries:
        guesses[s.record.identity.task] += s.values("announced_overlap.guess", s.sizes[-1])
    return {task: median(values) for task, values in sorted(guesses.items()) if values}


def _kind(summary: RecordSummary) -> str | None:
    """Return the kind of a task, as the task declares it or as its scores show."""
    declared = summary.record.identity.protocol.get("discovery")
    if declared in KINDS:
        return str(declared)
    size = summary.sizes[-1]
    if summary.values("false_finding", size):
        return "control"
    truths = summary.values("generators_found.truth", size)
    return "continuous" if truths and median(truths) > 0 else None


def _dumped(found: Found) -> dict[str, Any]:
    values = {
        name: value.model_dump(mode="json", exclude_unset=True)
        for name, value in vars(found).items()
        if isinstance(value, Estimate)
    }
    return {**values, "truth": found.truth, "merit": list(found.merit)}
