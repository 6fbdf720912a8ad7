"""The estimates of one row: medians over seeds with their intervals and annotations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from symbench.results import statistics
from symbench.results.leaderboard.greying import greyed
from symbench.results.leaderboard.record_summary import RecordSummary, bounded
from symbench.results.leaderboard.rows import Estimate, Point, known

_ANNOTATIONS = (
    "chance", "guess", "reference", "ceiling", "floor", "truth", "bound", "untrained", "sampling",
    "inputs", "inputs_limit", "explicit",
)  # fmt: skip
_NORMAL = 1.959964  # half-width of a normal 95 % interval, in standard deviations


def scores(summary: RecordSummary, poor_rollout: bool) -> dict[str, Estimate]:
    """Return the scores at the largest n_train, and those of the whole curve.

    A score named ``score.annotation`` is no entry of its own: it annotates that of ``score``.

    Args:
        summary: the record, summarised.
        poor_rollout: whether other models of the task predict much better trajectories.
    """
    largest = summary.sizes[-1] if summary.sizes else 0
    names = {name for trial in summary.trials if trial.n_train == largest for name in trial.scores}
    names |= {"error"} if summary.values("error", largest) else set()
    estimates: dict[str, Estimate] = {}
    annotations: dict[str, dict[str, Any]] = {}
    for name in sorted(names):  # a score precedes its annotations
        floor = summary.smallest_error if name == "error" else None
        one = estimate(summary.values(name, largest), floor=floor)
        score, _, annotation = name.rpartition(".")
        if score in estimates and annotation in _ANNOTATIONS:
            annotations[score][annotation] = one.value
        else:
            estimates[name], annotations[name] = one, {}
    annotated = {
        name: _with_sampling(one.model_copy(update=annotations[name]))
        for name, one in estimates.items()
    } | _curve_scores(summary)
    pale = greyed(annotated, has_learned=summary.has_learned, poor_rollout=poor_rollout)
    return {
        name: one.model_copy(update={"greyed": True}) if name in pale else one
        for name, one in annotated.items()
    }


def costs(summary: RecordSummary) -> dict[str, Estimate]:
    """Return the medians of the costs at the largest n_train, diverged trials included."""
    largest = summary.sizes[-1] if summary.sizes else 0
    trials = [trial.cost for trial in summary.record.trials if trial.n_train == largest]
    names = sorted({name for cost in trials for name in cost} - {"parameters"})
    return {
        name: estimate([bounded(cost[name]) for cost in trials if name in cost]) for name in names
    }


def curve(summary: RecordSummary, ratios: Sequence[statistics.Ratio]) -> list[Point]:
    """Return the errors at each size, with the data ratios where they are known."""
    by_size = {ratio.at: ratio for ratio in ratios}
    return [
        Point(
            n_train=size,
            error=estimate(errors, floor=summary.smallest_error),
            **known(data_ratio=ratio_estimate(by_size.get(size))),
        )
        for size in summary.sizes
        if (errors := summary.values("error", size))
    ]


def ratio_estimate(ratio: statistics.Ratio | None) -> Estimate | None:
    """Return a data ratio with the size that it refers to."""
    if ratio is None:
        return None
    return Estimate(
        value=ratio.value,
        low=ratio.low,
        high=ratio.high,
        n=ratio.n,
        at=ratio.at,
        **known(censored=ratio.censored),
    )


def estimate(values: Sequence[float], *, log: bool = True, floor: float | None = None) -> Estimate:
    """Return the median with its interval; without one where its ends overflow."""
    try:
        interval = statistics.interval(values, log, floor)
    except OverflowError:  # two seeds many orders of magnitude apart
        return Estimate(value=statistics.interval(values, log=False).value, n=len(values))
    return Estimate(
        value=interval.value,
        low=interval.low,
        high=interval.high,
        n=interval.n,
        **known(spread=interval.spread),
    )


def _curve_scores(summary: RecordSummary) -> dict[str, Estimate]:
    found = {
        "n_to_threshold": summary.crossing,
        "n_to_discover": summary.discovery("generator_overlap", "generators_found.at_10"),
        "n_to_discover.announced": summary.discovery("announced_overlap", "announced_count"),
    }
    crossings = {
        name: Estimate(
            value=crossing.value,
            low=crossing.low,
            high=crossing.high,
            n=crossing.n,
            **known(censored=crossing.censored),
        )
        for name, crossing in found.items()
        if crossing is not None
    }
    if not summary.curves:
        return crossings
    floor = summary.smallest_error
    areas = [
        statistics.curve_area(summary.sizes, [[error] for error in curve], floor)
        for curve in summary.curves
    ]
    return crossings | {"curve_area": estimate(areas, log=False)}


def _with_sampling(one: Estimate) -> Estimate:
    """Widen the interval by the choice of test inputs, which all seeds share.

    The half-widths of ln(score) add in quadrature, below and above the median.
    """
    deviation = one.sampling
    if not deviation or one.spread or one.low is None or one.high is None or one.low <= 0:
        return one
    value = math.log(one.value)
    below, above = value - math.log(one.low), math.log(one.high) - value
    low, high = (math.hypot(half, _NORMAL * deviation) for half in (below, above))
    return one.model_copy(
        update={"low": bounded(math.exp(value - low)), "high": bounded(_exp(value + high))}
    )


def _exp(x: float) -> float:
    return math.exp(min(x, 300.0))
