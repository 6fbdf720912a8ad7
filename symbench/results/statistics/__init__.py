"""Statistics over seeds and tasks: intervals, sample sizes, gains, ranks, tie groups.

Errors are compared on the log scale, clipped at a floor (1e-12; half a test sample for a
classification). scipy is imported inside functions, because importing it is slow.
"""

from __future__ import annotations

from symbench.results.statistics.binomial import clopper_pearson
from symbench.results.statistics.chances import improvement, improvements
from symbench.results.statistics.curves import (
    Censoring,
    Crossing,
    Gain,
    curve_area,
    data_gain,
    n_to_hold,
    n_to_threshold,
)
from symbench.results.statistics.data_ratio import BaselineCurve, Ratio, headline
from symbench.results.statistics.multiple import compact_letters, holm
from symbench.results.statistics.nemenyi import Nemenyi, nemenyi
from symbench.results.statistics.paired import (
    Comparison,
    compare,
    detectable_ratio,
    mean_ratio,
    signed_rank,
    smallest_p,
)
from symbench.results.statistics.panel import Errors, Panel, normalised
from symbench.results.statistics.ranks import Rank, rank
from symbench.results.statistics.seeds import FLOOR, LEVEL, Interval, interval
from symbench.results.statistics.tasks import (
    Place,
    interquartile_mean,
    mean_error,
    mean_of,
    places,
    profile,
)
from symbench.results.statistics.totals import TaskMean, mean_places

__all__ = [
    "FLOOR",
    "LEVEL",
    "BaselineCurve",
    "Censoring",
    "Comparison",
    "Crossing",
    "Errors",
    "Gain",
    "Interval",
    "Nemenyi",
    "Panel",
    "Place",
    "Rank",
    "Ratio",
    "TaskMean",
    "clopper_pearson",
    "compact_letters",
    "compare",
    "curve_area",
    "data_gain",
    "detectable_ratio",
    "headline",
    "holm",
    "improvement",
    "improvements",
    "interquartile_mean",
    "interval",
    "mean_error",
    "mean_of",
    "mean_places",
    "mean_ratio",
    "n_to_hold",
    "n_to_threshold",
    "nemenyi",
    "normalised",
    "places",
    "profile",
    "rank",
    "signed_rank",
    "smallest_p",
]
