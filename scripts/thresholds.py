"""Which thresholds the ladders of a publication resolve.

A threshold is resolved by a model if the number of examples that it needs is inside the ladder: the
learning curve crosses it between the smallest and the largest size. For every task of a publication
with at least two sizes this prints how many of the models that have learned the task resolve its
threshold, and the threshold (1, 2 or 5 times a power of ten) that most of them resolve.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from pathlib import Path

from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.published.publication import Publication
from symbench.results.statistics import n_to_threshold

CANDIDATES = [m * 10.0**e for e in range(-6, 1) for m in (1, 2, 5) if m * 10.0**e < 1]


def learned(summaries: list[RecordSummary]) -> list[RecordSummary]:
    """Return those whose error at some size is at most half of a guess's."""
    return [
        summary
        for summary in summaries
        if summary.curves and min(map(min, summary.curves)) <= summary.learned_error
    ]


def resolved(summary: RecordSummary, threshold: float) -> bool:
    """Whether the learning curve crosses the threshold inside the ladder."""
    by_size = list(zip(*summary.curves, strict=True))
    crossing = n_to_threshold(summary.sizes, by_size, threshold, summary.smallest_error)
    return crossing.censored is None


def main() -> None:
    """Print one line a task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("publication", type=Path, help="a publication, or its submission")
    records = Publication(parser.parse_args().publication).records()
    tasks: dict[str, list[RecordSummary]] = defaultdict(list)
    for record in records:
        summary = RecordSummary(record)
        if len(summary.sizes) > 1 and summary.curves:
            tasks[record.identity.task].append(summary)
    for task, summaries in sorted(tasks.items()):
        models = learned(summaries)
        now = summaries[0].setting("threshold") or math.nan
        count = {t: sum(resolved(model, t) for model in models) for t in [now, *CANDIDATES]}
        best = max(CANDIDATES, key=lambda t: (count[t], -abs(math.log(t / now))))
        print(
            f"{task}: {count[now]} of {len(models)} learned models at {now:g}; "
            f"{count[best]} at {best:g}"
        )


if __name__ == "__main__":
    main()
