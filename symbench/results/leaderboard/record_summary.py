"""One record, summarised: medians over seeds, the learning curve, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from symbench.records.record import Record, TrialRecord
from symbench.results import statistics
from symbench.results.leaderboard.rows import Figure, Point, Row

_SYMMETRY_SCORES = ("equivariance_error", "lie_derivative", "generator")  # or parts of names
_ANNOTATIONS = ("chance", "ceiling", "floor", "truth", "explicit")
_SHARED_PROTOCOL = ("version", "updates", "test_size", "threshold", "baseline")
_HUGE = 1e100


@dataclass(frozen=True)
class Sheet:
    """One current record, its trials laid out for the statistics."""

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

    def setting(self, name: str) -> float | None:
        """Return a number of the protocol, if it has one by that name."""
        value = self.record.identity.protocol.get(name)
        return float(value) if isinstance(value, int | float) else None

    @property
    def smallest_error(self) -> float:
        """Where logarithms clip an error: half a test example for a classification."""
        chance, examples = self.setting("chance_error"), self.setting("test_size")
        classifies = chance is not None and chance < 1
        return 0.5 / examples if classifies and examples and examples >= 1 else statistics.FLOOR

    @property
    def is_baseline(self) -> bool:
        """Whether this is the model that the task names to compare data needs with."""
        return self.record.identity.model == self.record.identity.protocol.get("baseline")

    @property
    def learned_error(self) -> float:
        """Half the error of chance: above it a model counts as not having learned the task."""
        chance = self.setting("chance_error")
        return (1.0 if chance is None else chance) / 2

    @property
    def trains(self) -> bool:
        """Whether there is anything to learn: a task of pure expressivity has no error."""
        return self.record.identity.protocol.get("chance_error", 1.0) is not None

    @cached_property
    def errors(self) -> dict[tuple[int, int], float]:
        """Errors by n_train and seed; a diverged trial counts as a guess, here and everywhere."""
        chance = self.setting("chance_error")
        found: dict[tuple[int, int], float] = {}
        for trial in self.record.trials:
            error = chance if trial.status == "diverged" else trial.scores.get("error")
            if trial.status in ("ok", "diverged") and error is not None:
                found[trial.n_train, trial.seed] = _bounded(error)
        return dict(sorted(found.items()))

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
        """The trials of the search that the configuration comes from; 0 if it was not tuned."""
        tuning = self.record.identity.protocol.get("tuning")
        trials = tuning.get("trials") if isinstance(tuning, dict) else None
        return trials if type(trials) is int and trials > 0 else 0

    def values(self, name: str, n_train: int) -> list[float]:
        """Return a score at a size, one a seed, by seed."""
        if name == "error":
            return [error for (size, _), error in self.errors.items() if size == n_train]
        trials = self._by_size.get(n_train, ())
        return [_bounded(trial.scores[name]) for trial in trials if name in trial.scores]

    @cached_property
    def _by_size(self) -> dict[int, list[TrialRecord]]:
        """Successful trials by n_train, in the order of their seeds."""
        found: dict[int, list[TrialRecord]] = {}
        for trial in sorted(self.trials, key=lambda trial: trial.seed):
            found.setdefault(trial.n_train, []).append(trial)
        return found

    @cached_property
    def curves(self) -> list[list[float]]:
        """Errors by seed and size, of the seeds that have one at every size."""
        seeds = sorted({seed for _, seed in self.errors})
        if not self.sizes:
            return []
        whole = [seed for seed in seeds if all((size, seed) in self.errors for size in self.sizes)]
        return [[self.errors[size, seed] for size in self.sizes] for seed in whole]

    @cached_property
    def crossing(self) -> statistics.Crossing | None:
        """Return where the learning curve reaches the task's threshold."""
        threshold = self.setting("threshold")
        if threshold is None or not self.curves:
            return None
        by_size = list(zip(*self.curves, strict=True))
        return statistics.n_to_threshold(self.sizes, by_size, threshold, self.smallest_error)


def summary(sheet: Sheet) -> Row:
    """Return the row of one record, before it is compared with others."""
    record = sheet.record
    prior = record.identity.protocol.get("prior")
    row = Row(
        task=record.identity.task,
        model=record.identity.model,
        prior=prior if isinstance(prior, str) else None,
        status=record.status,
        reason=None if record.error is None else record.error.message,
        params=sheet.params,
        machine=_machine(record),
        threshold=sheet.setting("threshold"),
        diverged=sheet.diverged,
        scores=_scores(sheet),
        cost=_cost(sheet),
        curve=_curve(sheet),
        rank=None,
        group=None,
    )
    if isinstance(headline := record.identity.protocol.get("headline"), str):
        row.headline = headline
    if sheet.tuning:
        row.tuning = sheet.tuning
    return row


def _machine(record: Record) -> str | None:
    """Return where the costs were measured: timings compare only where this is equal."""
    found = record.provenance
    parts = [found[key] for key in ("machine", "device") if isinstance(found.get(key), str)]
    beside = found.get("concurrent")
    if isinstance(beside, int) and beside > 1:
        parts.append(f"up to {beside} cells at a time")
    return ", ".join(parts) or None


def _scores(sheet: Sheet) -> dict[str, Figure]:
    """Return the scores at the largest n_train, and those of the whole curve."""
    largest = sheet.sizes[-1] if sheet.sizes else 0
    names = {name for trial in sheet.trials if trial.n_train == largest for name in trial.scores}
    names |= {"error"} if sheet.values("error", largest) else set()
    scores: dict[str, Figure] = {}
    for name in sorted(names):  # a score stands before its annotations
        floor = sheet.smallest_error if name == "error" else None
        figure = _figure(sheet.values(name, largest), floor=floor)
        score, _, annotation = name.rpartition(".")
        if score in scores and annotation in _ANNOTATIONS:
            setattr(scores[score], annotation, figure.value)
        else:
            scores[name] = figure
    learned = "error" in scores and scores["error"].value <= sheet.learned_error
    if sheet.trains and not learned:
        for name, figure in scores.items():
            if any(part in name for part in _SYMMETRY_SCORES):
                figure.greyed = True
    return scores | _curve_scores(sheet)


def _curve_scores(sheet: Sheet) -> dict[str, Figure]:
    scores = {}
    if (crossing := sheet.crossing) is not None:
        scores["n_to_threshold"] = Figure(
            value=crossing.value, low=crossing.low, high=crossing.high, n=crossing.n
        )
        if crossing.censored is not None:
            scores["n_to_threshold"].censored = crossing.censored
    if sheet.curves:
        floor = sheet.smallest_error
        areas = [
            statistics.curve_area(sheet.sizes, [[error] for error in curve], floor)
            for curve in sheet.curves
        ]
        scores["curve_area"] = _figure(areas, log=False)
    return scores


def _cost(sheet: Sheet) -> dict[str, Figure]:
    """Return the medians of the costs at the largest n_train, diverged trials included."""
    largest = sheet.sizes[-1] if sheet.sizes else 0
    costs = [trial.cost for trial in sheet.record.trials if trial.n_train == largest]
    names = sorted({name for cost in costs for name in cost} - {"parameters"})
    return {
        name: _figure([_bounded(cost[name]) for cost in costs if name in cost]) for name in names
    }


def _curve(sheet: Sheet) -> list[Point]:
    return [
        Point(n_train=size, error=_figure(errors, floor=sheet.smallest_error))
        for size in sheet.sizes
        if (errors := sheet.values("error", size))
    ]


def _figure(values: Sequence[float], *, log: bool = True, floor: float | None = None) -> Figure:
    """Return the median with its interval; no interval where that leaves the numbers."""
    if floor is None and min(values) > 0:
        floor = min(values)  # rounding errors of 1e-16 are scores too: nothing to clip
    try:
        found = statistics.interval(values, log, floor)
    except OverflowError:  # two seeds many orders of magnitude apart
        return Figure(value=statistics.interval(values, log=False).value, n=len(values))
    return Figure(value=found.value, low=found.low, high=found.high, n=found.n)


def _bounded(value: float) -> float:
    """Keep sums and squares of anybody's finite numbers finite."""
    return max(-_HUGE, min(_HUGE, value))
