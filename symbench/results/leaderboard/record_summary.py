"""One record, summarised: medians over seeds and the learning curve; and the row made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from symbench.records.record import Record, TrialRecord
from symbench.results import statistics
from symbench.results.leaderboard.rows import Estimate, Point, Rank, Row, known

_SYMMETRY_SCORES = ("equivariance_error", "lie_derivative", "generator")  # parts of names
_ANNOTATIONS = ("chance", "ceiling", "floor", "truth", "explicit")
_SHARED_PROTOCOL = ("version", "updates", "test_size", "threshold", "baseline")
_HUGE = 1e100


@dataclass(frozen=True)
class RecordSummary:
    """The trials of one record, arranged for the statistics."""

    record: Record

    @cached_property
    def trials(self) -> list[TrialRecord]:
        """Successful trials."""
        return [trial for trial in self.record.trials if trial.status == "ok"]

    @cached_property
    def sizes(self) -> list[int]:
        """The ladder of n_train."""
        return sorted({size for size in self.record.identity.sizes if size > 0})

    @cached_property
    def terms(self) -> str:
        """What two records must share to be compared: the same data, ladder and budget."""
        identity = self.record.identity
        shared = {name: identity.protocol.get(name) for name in _SHARED_PROTOCOL}
        whole = [identity.task_version, identity.task_fingerprint, self.sizes, shared]
        return json.dumps(whole, sort_keys=True)

    @property
    def prior(self) -> str | None:
        """What the model knows of the symmetry beforehand."""
        prior = self.record.identity.protocol.get("prior")
        return prior if isinstance(prior, str) else None

    @property
    def headline(self) -> str | None:
        """The score that orders the rows of a task without an error."""
        headline = self.record.identity.protocol.get("headline")
        return headline if isinstance(headline, str) else None

    def setting(self, name: str) -> float | None:
        """Return a number of the protocol, if it has one by that name."""
        value = self.record.identity.protocol.get(name)
        return float(value) if isinstance(value, int | float) else None

    @property
    def smallest_error(self) -> float:
        """The floor at which logarithms clip an error: for a classification half a test example."""
        chance, examples = self.setting("chance_error"), self.setting("test_size")
        classifies = chance is not None and chance < 1
        return 0.5 / examples if classifies and examples and examples >= 1 else statistics.FLOOR

    @property
    def is_baseline(self) -> bool:
        """Whether this is the model that data gains on the task are relative to."""
        return self.record.identity.model == self.record.identity.protocol.get("baseline")

    @property
    def learned_error(self) -> float:
        """Half the error of chance: a model with a larger error has not learned the task."""
        chance = self.setting("chance_error")
        return (1.0 if chance is None else chance) / 2

    @property
    def trains(self) -> bool:
        """Whether there is anything to learn: a task of pure expressivity has no error."""
        return self.record.identity.protocol.get("chance_error", 1.0) is not None

    @cached_property
    def errors(self) -> dict[tuple[int, int], float]:
        """Errors by n_train and seed; a diverged trial has the error of chance."""
        chance = self.setting("chance_error")
        errors: dict[tuple[int, int], float] = {}
        for trial in self.record.trials:
            error = chance if trial.status == "diverged" else trial.scores.get("error")
            if trial.status in ("ok", "diverged") and error is not None:
                errors[trial.n_train, trial.seed] = _bounded(error)
        return dict(sorted(errors.items()))

    @property
    def diverged(self) -> int:
        """Number of diverged trials."""
        return sum(trial.status == "diverged" for trial in self.record.trials)

    @property
    def params(self) -> int | None:
        """The largest parameter count of a trial, where one is known."""
        costs = [trial.cost for trial in self.record.trials]
        counts = [cost["parameters"] for cost in costs if "parameters" in cost]
        return int(max(counts)) if counts else None

    @property
    def tuning(self) -> int:
        """Attempts of the search that found the configuration; 0 if it was not tuned."""
        tuning = self.record.identity.protocol.get("tuning")
        attempts = tuning.get("trials") if isinstance(tuning, dict) else None
        return attempts if type(attempts) is int and attempts > 0 else 0

    def values(self, name: str, n_train: int) -> list[float]:
        """Return a score at one size, in the order of the seeds."""
        if name == "error":
            return [error for (size, _), error in self.errors.items() if size == n_train]
        trials = self._by_size.get(n_train, ())
        return [_bounded(trial.scores[name]) for trial in trials if name in trial.scores]

    @cached_property
    def _by_size(self) -> dict[int, list[TrialRecord]]:
        """Successful trials by n_train, in the order of their seeds."""
        by_size: dict[int, list[TrialRecord]] = {}
        for trial in sorted(self.trials, key=lambda trial: trial.seed):
            by_size.setdefault(trial.n_train, []).append(trial)
        return by_size

    @cached_property
    def curves(self) -> list[list[float]]:
        """Errors by seed and size, of the seeds that have an error at every size."""
        seeds = sorted({seed for _, seed in self.errors})
        if not self.sizes:
            return []
        whole = [seed for seed in seeds if all((size, seed) in self.errors for size in self.sizes)]
        return [[self.errors[size, seed] for size in self.sizes] for seed in whole]

    @cached_property
    def crossing(self) -> statistics.Crossing | None:
        """Where the learning curve reaches the threshold of the task."""
        threshold = self.setting("threshold")
        if threshold is None or not self.curves:
            return None
        by_size = list(zip(*self.curves, strict=True))
        return statistics.n_to_threshold(self.sizes, by_size, threshold, self.smallest_error)


def row(
    summary: RecordSummary,
    *,
    status: str | None = None,
    reason: str | None = None,
    gain: Estimate | None = None,
    rank: statistics.Rank | None = None,
) -> Row:
    """Return the row of one record.

    Args:
        summary: the record, summarised.
        status: replaces that of the record, as does ``reason``.
        reason: why the row is not compared with the others, if it is not.
        gain: the data gain over the baseline of the task, if it is known.
        rank: the place among the models of the task, if it is ranked.
    """
    record = summary.record
    failure = None if record.error is None else record.error.message
    return Row(
        task=record.identity.task,
        model=record.identity.model,
        prior=summary.prior,
        status=status or record.status,
        reason=reason or failure,
        params=summary.params,
        machine=_machine(record),
        threshold=summary.setting("threshold"),
        diverged=summary.diverged,
        scores=_scores(summary) | known(data_gain=gain),
        cost=_cost(summary),
        curve=_curve(summary),
        rank=None if rank is None else Rank(low=rank.low, high=rank.high),
        group=None if rank is None else rank.group,
        **known(headline=summary.headline, tuning=summary.tuning or None),
    )


def _machine(record: Record) -> str | None:
    """Return where the costs were measured: timings compare only where this is equal."""
    made = record.provenance
    parts = [made[key] for key in ("machine", "device") if isinstance(made.get(key), str)]
    concurrent = made.get("concurrent")
    if isinstance(concurrent, int) and concurrent > 1:
        parts.append(f"up to {concurrent} cells at a time")
    return ", ".join(parts) or None


def _scores(summary: RecordSummary) -> dict[str, Estimate]:
    """Return the scores at the largest n_train, and those of the whole curve.

    A score named ``score.annotation`` is no entry of its own: it annotates that of ``score``.
    """
    largest = summary.sizes[-1] if summary.sizes else 0
    names = {name for trial in summary.trials if trial.n_train == largest for name in trial.scores}
    names |= {"error"} if summary.values("error", largest) else set()
    estimates: dict[str, Estimate] = {}
    annotations: dict[str, dict[str, Any]] = {}
    for name in sorted(names):  # a score precedes its annotations
        floor = summary.smallest_error if name == "error" else None
        estimate = _estimate(summary.values(name, largest), floor=floor)
        score, _, annotation = name.rpartition(".")
        if score in estimates and annotation in _ANNOTATIONS:
            annotations[score][annotation] = estimate.value
        else:
            estimates[name], annotations[name] = estimate, {}
    error = estimates.get("error")
    if summary.trains and (error is None or error.value > summary.learned_error):
        for name in estimates:
            if any(part in name for part in _SYMMETRY_SCORES):
                annotations[name]["greyed"] = True
    annotated = {
        name: estimate.model_copy(update=annotations[name]) for name, estimate in estimates.items()
    }
    return annotated | _curve_scores(summary)


def _curve_scores(summary: RecordSummary) -> dict[str, Estimate]:
    scores = {}
    if (crossing := summary.crossing) is not None:
        scores["n_to_threshold"] = Estimate(
            value=crossing.value,
            low=crossing.low,
            high=crossing.high,
            n=crossing.n,
            **known(censored=crossing.censored),
        )
    if summary.curves:
        floor = summary.smallest_error
        areas = [
            statistics.curve_area(summary.sizes, [[error] for error in curve], floor)
            for curve in summary.curves
        ]
        scores["curve_area"] = _estimate(areas, log=False)
    return scores


def _cost(summary: RecordSummary) -> dict[str, Estimate]:
    """Return the medians of the costs at the largest n_train, diverged trials included."""
    largest = summary.sizes[-1] if summary.sizes else 0
    costs = [trial.cost for trial in summary.record.trials if trial.n_train == largest]
    names = sorted({name for cost in costs for name in cost} - {"parameters"})
    return {
        name: _estimate([_bounded(cost[name]) for cost in costs if name in cost]) for name in names
    }


def _curve(summary: RecordSummary) -> list[Point]:
    return [
        Point(n_train=size, error=_estimate(errors, floor=summary.smallest_error))
        for size in summary.sizes
        if (errors := summary.values("error", size))
    ]


def _estimate(values: Sequence[float], *, log: bool = True, floor: float | None = None) -> Estimate:
    """Return the median with its interval; without one where its ends overflow."""
    if floor is None and min(values) > 0:
        floor = min(values)  # scores as small as rounding errors (1e-16) are not clipped
    try:
        interval = statistics.interval(values, log, floor)
    except OverflowError:  # two seeds many orders of magnitude apart
        return Estimate(value=statistics.interval(values, log=False).value, n=len(values))
    return Estimate(value=interval.value, low=interval.low, high=interval.high, n=interval.n)


def _bounded(value: float) -> float:
    """Clip a score, so that sums and squares of any finite scores stay finite."""
    return max(-_HUGE, min(_HUGE, value))
