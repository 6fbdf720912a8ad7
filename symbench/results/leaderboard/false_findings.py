"""How often each model finds a symmetry where there is none: its rate over all controls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from symbench.records.record import Record
from symbench.results import statistics
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.rows import FalseFindings

_SCORE = "false_finding"  # 1 or 0, only on tasks without a symmetry


def false_findings(records: Iterable[Record]) -> list[FalseFindings]:
    """Return the false findings of each model, by name.

    A trial at the largest n_train of a control counts once; smaller sizes are not independent of
    it. Models without such trials have no entry.

    Args:
        records: one of each (task, model).
    """
    by_model: dict[str, dict[str, list[float]]] = defaultdict(dict)
    for summary in map(RecordSummary, records):
        if summary.sizes and (values := summary.values(_SCORE, summary.sizes[-1])):
            by_model[summary.record.identity.model][summary.record.identity.task] = values
    return [_rate(model, controls) for model, controls in sorted(by_model.items())]


def _rate(model: str, controls: dict[str, list[float]]) -> FalseFindings:
    values = [value for of_task in controls.values() for value in of_task]
    found = sum(value > 0 for value in values)
    low, high = statistics.clopper_pearson(found, len(values))
    return FalseFindings(
        model=model, found=found, trials=len(values), controls=sorted(controls), low=low, high=high
    )
