"""Whether the results of a tier are fit to compare models by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from symbench.records.record import Record
from symbench.results.fidelity import Judge, judge
from symbench.results.leaderboard.record_summary import RecordSummary

_SMOKE = "The tier smoke only checks that everything runs; its errors say nothing about models."


def unfit(tier: str, records: Iterable[Record], judge: Judge = judge) -> str | None:
    """Return why the results of a tier are not fit to compare models by; None if they are.

    Those of ``smoke`` never are, and those of ``quick`` only if all of them are known to have
    converged. In the longer tiers a result that has not converged is marked and not ranked.

    Args:
        tier: of all records.
        records: the results.
        judge: whether a cell had enough updates; by default the shipped measurements say so.
    """
    if tier == "smoke":
        return _SMOKE
    if tier != "quick":
        return None
    trained = [one for one in map(RecordSummary, records) if one.trials and one.trains]
    verdicts = Counter(judge(one.record.identity, one.smallest_error) for one in trained)
    if trained and verdicts["converged"] == len(trained):
        return None
    return (
        f"The tier quick trains for few updates: {verdicts['converged']} of {len(trained)} results "
        "are known to have converged. Compare models in the tier standard or full."
    )
