"""Performance profiles: the part of all runs whose error is at most a level."""

from __future__ import annotations

from collections.abc import Sequence

from symbench.plot import frame
from symbench.plot.axes import Axis
from symbench.plot.chart import Chart, Dot, Group, Line, Mark, Text
from symbench.plot.style import is_guess, style
from symbench.results.leaderboard.over_tasks import THRESHOLDS, Ranking, Standing
from symbench.results.report import numbers

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 720.0, 64.0, 480.0, 52.0, 330.0
_FEW = 0.02  # part of the runs: a level that no more reach is not shown


def profiles(ranking: Ranking) -> Chart:
    """Return the profiles of the ranked models (Agarwal et al. 2021, figure 5).

    The axis begins where the first model has more than 2 % of its runs.
    """
    models = ranking.standings
    reached = [
        level
        for i, level in enumerate(THRESHOLDS)
        if sum(one.profile[i].value > _FEW for one in models) > 1
    ]
    least = max((level for level in THRESHOLDS if level < min(reached, default=1.0)),
                default=THRESHOLDS[0])  # fmt: skip
    across = Axis(least, THRESHOLDS[-1], _LEFT, _RIGHT)
    up = Axis(0.0, 1.0, _BOTTOM, _TOP, log=False)
    name = "all models" if ranking.name == "overall" else f"prior: {ranking.name}"
    title = f"Performance profiles, {name}"
    bottom = max(_BOTTOM, _TOP + frame.LINE * len(models))
    groups = [
        Group([
            *frame.title(title, _LEFT),
            *frame.upright_axis(up, _LEFT, _RIGHT, "part of the runs"),
            *frame.level_axis(across, _TOP, _BOTTOM, "error ÷ chance at most", grid=False),
        ])
    ]  # fmt: skip
    steps = [_steps(one, across, up, least) for one in models]
    places = frame.spread([points[-1][1] for points in steps], _TOP, bottom)
    for one, points, y in zip(models, steps, places, strict=True):
        groups += _drawn(one, points, y)
    middle = ", ".join(f"{one.model} {numbers.number(_half(one))}" for one in models)
    described = f"{title}: part of the runs whose error ÷ chance is at most 0.1: {middle}"
    return Chart(described, _WIDTH, bottom + 48, groups)


def _steps(one: Standing, across: Axis, up: Axis, least: float) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for level, part in zip(THRESHOLDS, one.profile, strict=True):
        if level >= least:
            before = points[-1][1] if points else up(part.value)
            points += [(across(level), before), (across(level), up(part.value))]
    return points


def _drawn(one: Standing, points: Sequence[tuple[float, float]], y: float) -> list[Group]:
    look = style(one.model, one.prior)
    size = 2.2 if is_guess(one.model) else 3.6
    marks: list[Mark] = [
        Line(points, look.width, look.dash),
        Line([(points[-1][0] + 3, points[-1][1]), (_RIGHT + 14, y)], 0.7, opacity=0.5),
        Line([(_RIGHT + 16, y), (_RIGHT + 38, y)], look.width, look.dash),
        Dot(_RIGHT + 27, y, look.shape, size),
    ]
    text = Text(_RIGHT + 44, y + 4, frame.short(one.model))
    return [Group(marks, look.slot, one.model), Group([text], None, one.model)]


def _half(one: Standing) -> float:
    """Return the part of the runs with at most a tenth of the error of chance."""
    nearest = min(range(len(THRESHOLDS)), key=lambda i: abs(THRESHOLDS[i] - 0.1))
    return one.profile[nearest].value
