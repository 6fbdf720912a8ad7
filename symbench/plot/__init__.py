"""Charts of results: the same code draws those of notebooks, the command line and the site.

A ``Chart`` shows itself in a notebook; ``chart.save("curve.svg")`` or ``.png`` writes a file.
"""

from __future__ import annotations

from collections.abc import Sequence

from symbench.plot import curves, sources
from symbench.plot.chart import FORMATS, Chart
from symbench.plot.ranks import rank_diagram
from symbench.plot.sources import Source

__all__ = ["FORMATS", "Chart", "Source", "learning_curve", "rank_diagram"]


def learning_curve(
    source: Source,
    task: str,
    models: Sequence[str] | None = None,
    score: str = "error",
    *,
    tier: str | None = None,
) -> Chart:
    """Return the learning curves of one task; a dot plot where the task has one size.

    Each line is the median over seeds with its 95 % interval. The axis is logarithmic for errors
    and for positive scores of a wide range; what it cannot show, such as an error of 0, is drawn
    hollow below it and stated in words. The task's baseline is always drawn.

    Args:
        source: the result of ``symbench.run``, a store or a publication (or the directory of
            one), or records.
        task: the task's name.
        models: names or globs; by default all with results.
        score: any score of the records, such as ``equivariance_error``.
        tier: smoke, quick, standard or full; by default that of the newest record.

    Raises:
        InputError: no such store, publication, task, model or score among the results.
    """
    current = sources.current(sources.records_from(source), tier)
    records = sources.chosen(sources.of_task(current, task), models)
    title = f"{task}, {records[0].identity.tier} tier"
    drawn = sources.curves_of_records(records, score)
    chart = curves.learning_curves(drawn, title, sources.score_of(records, score))
    if chart is None:
        raise sources.no_score(records, score)
    return chart
