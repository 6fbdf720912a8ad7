"""One record, summarised: its errors by size and seed, and what it shares with other records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from symbench.records.record import Record, TrialRecord
from symbench.results import statistics
from symbench.results.fidelity import Judge, judge
from symbench.results.leaderboard.selection import is_experiment

_SHARED_PROTOCOL = ("version", "updates", "test_size", "threshold", "baseline")
_HUGE = 1e100
_BUILT_IN = 0.02  # equivariance error before training, in units of the spread of the outputs
_TOO_EXACT = 1e-4  # of the error: the square of an equivariance error that data do not teach
_DISCOVERED = 0.95  # least overlap of generators that count as the right ones


@dataclass(frozen=True)
class RecordSummary:
    """The trials of one record, arranged for the statistics.

    ``judge`` says whether a cell had enough updates.
    """

    record: Record
    judge: Judge = judge

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
        """Return a number of the protocol, if it has one by that name that is not huge."""
        value = self.record.identity.protocol.get(name)
        return float(value) if isinstance(value, int | float) and abs(value) <= _HUGE else None

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

    @property
    def has_learned(self) -> bool:
        """Whether the error at the largest size is at most half that of chance, or there is none.

        A task of pure expressivity has nothing to learn.
        """
        if not self.trains:
            return True
        errors = self.values("error", self.sizes[-1]) if self.sizes else []
        return bool(errors) and median(errors) <= self.learned_error

    @property
    def is_experiment(self) -> bool:
        """Whether it was made with other updates or another sampler than the tier's."""
        return is_experiment(self.record)

    @property
    def is_built_in(self) -> bool:
        """Whether a model that was not told the symmetry has it without having learned it.

        It is equivariant before training. A model of prior ``none`` that trains itself need not
        train what its ``build`` returns. So it has the symmetry built in, too, if it has learned
        the task and is far more exactly equivariant than its error allows.
        """
        if self.prior not in ("none", "discovers") or not self.sizes:
            return False
        before, after, errors = (
            self.values(name, self.sizes[-1])
            for name in ("equivariance_error.untrained", "equivariance_error", "error")
        )
        if before and median(before) <= _BUILT_IN:
            return True
        if self.prior == "discovers" or not (after and errors and self.has_learned):
            return False
        return median(after) ** 2 < _TOO_EXACT * median(errors)

    @property
    def separate_validation(self) -> str | None:
        """Why labels beyond n_train were used to choose, if they were: a protocol, or tuning."""
        tuned = "its configuration was chosen on the valid split" if self.tuning else None
        return self.allowed_validation or tuned

    @property
    def allowed_validation(self) -> str | None:
        """Whose protocol allows labels beyond n_train on the task, if one does."""
        reason = self.record.identity.protocol.get("separate_validation")
        return reason if isinstance(reason, str) and reason else None

    @property
    def threshold_note(self) -> str | None:
        """Why few learning curves cross the threshold on the ladder, as the task says."""
        note = self.record.identity.protocol.get("threshold_note")
        return note if isinstance(note, str) and note else None

    @property
    def is_over_budget(self) -> bool:
        """Whether a model that fits itself took more than its share of the budget."""
        return any(trial.cost.get("over_budget", 0) > 0 for trial in self.record.trials)

    @cached_property
    def is_unconverged(self) -> bool:
        """Whether twice the updates would have lowered the error much, as was measured."""
        if not self.trains:
            return False
        return self.judge(self.record.identity, self.smallest_error) == "not converged"

    @property
    def absent(self) -> dict[str, str]:
        """Why scores are absent, by score."""
        return self.record.provenance.absent or {}

    @cached_property
    def errors(self) -> dict[tuple[int, int], float]:
        """Errors by n_train and seed; a diverged trial has the error of chance."""
        chance = self.setting("chance_error")
        errors: dict[tuple[int, int], float] = {}
        for trial in self.record.trials:
            error = chance if trial.status == "diverged" else trial.scores.get("error")
            if trial.status in ("ok", "diverged") and error is not None:
                errors[trial.n_train, trial.seed] = bounded(error)
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
        return [bounded(trial.scores[name]) for trial in trials if name in trial.scores]

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

    def discovery(self, overlap: str, count: str) -> statistics.Crossing | None:
        """Return the size from which on a seed's generators are the right ones, in their number.

        None if a size has no such scores, or if there is nothing to find. A diverged trial has
        found nothing.

        Args:
            overlap: the name of the score that must be at least 0.95.
            count: that of the number found, which must be the true number.
        """
        trials = [trial for trial in self.record.trials if trial.status in ("ok", "diverged")]
        known = {t.n_train for t in trials if {overlap, count} <= t.scores.keys()
                 and _truth(t.scores, count)}  # fmt: skip
        if not known or not known >= set(self.sizes):
            return None
        found = {(t.n_train, t.seed): _found(t.scores, overlap, count) for t in trials}
        seeds = sorted({seed for _, seed in found})
        whole = [seed for seed in seeds if all((size, seed) in found for size in self.sizes)]
        if not whole:
            return None
        by_size = [[found[size, seed] for seed in whole] for size in self.sizes]
        return statistics.n_to_hold(self.sizes, by_size)


def _truth(scores: Mapping[str, float], count: str) -> float | None:
    """Return how many generators there are; 0 and unknown are alike, for nothing can be found."""
    own = scores.get(f"{count.partition('.')[0]}.truth")
    return scores.get("generators_found.truth") if own is None else own


def _found(scores: Mapping[str, float], overlap: str, count: str) -> bool:
    enough = scores.get(overlap, 0.0) >= _DISCOVERED
    return enough and scores.get(count) == _truth(scores, count)


def bounded(value: float) -> float:
    """Clip a score, so that sums and squares of any finite scores stay finite."""
    return max(-_HUGE, min(_HUGE, value))
