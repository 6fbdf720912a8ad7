"""One model on every task: its error beside that of the baseline and the smallest one."""

from __future__ import annotations

from collections.abc import Mapping

from symbench.plot.axes import log_axis
from symbench.plot.chart import Chart
from symbench.plot.rows import Entry, rows
from symbench.plot.style import style
from symbench.results.leaderboard import Estimate


def against_baseline(
    model: str,
    prior: str | None,
    errors: Mapping[str, Estimate],
    *,
    baselines: Mapping[str, float],
    best: Mapping[str, float],
) -> Chart | None:
    """Return one row per task, that of the largest gain over the baseline first; None without one.

    Args:
        model: the model's name.
        prior: what it knows of the symmetry beforehand.
        errors: its errors by task.
        baselines: the error of each task's baseline, where there is one.
        best: the smallest error of any model.
    """
    if not errors:
        return None
    entries = [
        Entry(
            task,
            error.value,
            (
                error.value if error.low is None else error.low,
                error.value if error.high is None else error.high,
            ),
            style(model, prior),
            marks={
                name: found[task]
                for name, found in (("baseline", baselines), ("best", best))
                if task in found
            },
        )
        for task, error in errors.items()
    ]
    entries.sort(key=lambda one: (_ratio(one), one.label))
    values = [value for one in entries for value in (one.value, *one.marks.values())]
    ends = [end for one in entries for end in one.ends if end > 0]
    return rows(
        entries,
        f"{model} on {len(entries)} task{'s' if len(entries) > 1 else ''}",
        "error (median over seeds, 95 % interval)",
        lambda start, end: log_axis(values, start, end, ends),
        {},
        {prior},
    )


def _ratio(entry: Entry) -> float:
    """Return the error as a part of the baseline's; that of a task without one comes last."""
    base = entry.marks.get("baseline")
    return float("inf") if not base else entry.value / base
