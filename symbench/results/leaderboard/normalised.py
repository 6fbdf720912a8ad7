"""Records of one task -> the normalised errors that boards over tasks are made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from symbench.records.record import Record
from symbench.results import statistics
from symbench.results.leaderboard.record_summary import Sheet

_USED = frozenset({"ok", "diverged"})  # statuses of records whose trials are all known


@dataclass(frozen=True)
class Runs:
    """The normalised errors of one model on one task by seed; a diverged trial counts as 1.

    ``tuning``: the trials of the search that its configuration comes from, 0 if it was not tuned.
    """

    prior: str | None
    errors: dict[int, float]
    diverged: int
    at_floor: bool
    tuning: int


def task_runs(records: Sequence[Record]) -> dict[str, Runs]:
    """Return the comparable runs on one task by model; none for a task without errors."""
    sheets = [Sheet(record) for record in records if record.status in _USED]
    sheets = [s for s in sheets if s.sizes and (s.setting("chance_error") or 0) > 0]
    terms = Counter(sheet.terms for sheet in sheets).most_common(1)
    found = {s.record.identity.model: _runs(s) for s in sheets if s.terms == terms[0][0]}
    return {model: runs for model, runs in sorted(found.items()) if runs.errors}


def _runs(sheet: Sheet) -> Runs:
    chance, floor = sheet.setting("chance_error") or 1.0, sheet.smallest_error
    last = sheet.sizes[-1]
    errors = {seed: error for (size, seed), error in sheet.errors.items() if size == last}
    trials = [trial for trial in sheet.record.trials if trial.n_train == last]
    prior = sheet.record.identity.protocol.get("prior")
    return Runs(
        prior=prior if isinstance(prior, str) else None,
        errors={s: statistics.normalised([e], chance, floor)[0] for s, e in errors.items()},
        diverged=sum(trial.status == "diverged" for trial in trials),
        at_floor=any(error <= floor for error in errors.values()),
        tuning=sheet.tuning,
    )
