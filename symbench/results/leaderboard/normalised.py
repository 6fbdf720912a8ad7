"""Records of one task -> the normalised errors that rankings over tasks are made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from symbench.records.record import Record
from symbench.results import statistics
from symbench.results.leaderboard.record_summary import RecordSummary

_MOST_SEEDS = 100
_USED = frozenset({"ok", "diverged"})  # statuses of records with a result for every trial


@dataclass(frozen=True)
class NormalisedErrors:
    """The normalised errors of one model on one task, by seed. A diverged trial counts as 1.

    Of more than 100 seeds the first 100 count.

    ``tuning`` is the number of attempts of the search that the configuration comes from; 0
    if it was not tuned. ``built_in`` says that a model which was not told the symmetry is
    equivariant without having learned it.
    ``separate_validation`` says whose protocol allows labels beyond n_train on the task.
    """

    prior: str | None
    errors: dict[int, float]
    diverged: int
    at_floor: bool
    tuning: int
    built_in: bool
    separate_validation: str | None


def normalised_errors(records: Sequence[Record]) -> dict[str, NormalisedErrors]:
    """Return the comparable errors on one task by model; none for a task without errors."""
    summaries = [RecordSummary(record) for record in records if record.status in _USED]
    summaries = [
        s
        for s in summaries
        if s.sizes
        and not (s.is_over_budget or s.is_unconverged)
        and (s.setting("chance_error") or 0) > 0
    ]
    terms = Counter(summary.terms for summary in summaries).most_common(1)
    alike = [summary for summary in summaries if summary.terms == terms[0][0]]
    by_model = {summary.record.identity.model: _normalised(summary) for summary in alike}
    return {model: errors for model, errors in sorted(by_model.items()) if errors.errors}


def _normalised(summary: RecordSummary) -> NormalisedErrors:
    chance, floor = summary.setting("chance_error") or 1.0, summary.smallest_error
    last = summary.sizes[-1]
    of_last = ((seed, error) for (size, seed), error in summary.errors.items() if size == last)
    errors = dict(islice(of_last, _MOST_SEEDS))
    trials = [trial for trial in summary.record.trials if trial.n_train == last]
    return NormalisedErrors(
        prior=summary.prior,
        errors={s: statistics.normalised([e], chance, floor)[0] for s, e in errors.items()},
        diverged=sum(trial.status == "diverged" for trial in trials),
        at_floor=any(error <= floor for error in errors.values()),
        tuning=summary.tuning,
        built_in=summary.is_built_in,
        separate_validation=summary.allowed_validation,
    )
