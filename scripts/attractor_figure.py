"""Least-action paths between the choices of the attractor network, over its drift.

``python scripts/figures.py --to docs/figures`` draws it. Nothing is trained: the drift is that of
the task.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from overview_figure import arrow
from panels import HEAD, Panel, Series, chart, moved
from symbench_noether.action import Paths, least_action
from symbench_noether.attractors import NETWORK, AttractorNetwork
from symbench_noether.lagrangian import Lagrangian

from symbench.plot.axes import Axis
from symbench.plot.chart import Chart, Dot, Group, Mark, Text
from symbench.plot.style import Style

TIMES = (1.0, 2.0, 5.0, 10.0, 20.0)
STEPS = 200
GRID = 9  # arrows in each direction
LONGEST = 26.0  # pixels of an arrow


def paths() -> Paths:
    """Return the path of each time from one choice to the other.

    Raises:
        ValueError: one of them was not found.
    """
    task = AttractorNetwork()
    choice = torch.tensor(task.choice, dtype=torch.float64).expand(len(TIMES), 2)
    grid = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)
    times = torch.tensor(TIMES, dtype=torch.float64)[:, None] * grid
    lagrangian = Lagrangian.autonomous(task.drift, task.diffusion)
    found = least_action(lagrangian, choice, choice.flip(1), times)
    if not bool(found.converged.all()):
        raise ValueError(f"paths were not found: {found.reasons}")
    return found


def figure() -> Chart:
    """Return the chart."""
    found = paths()
    actions = [float(action) for action in found.action]
    drawn = zip(TIMES, actions, found.points, strict=True)
    lines = [
        Series(f"T = {time:g}, S = {action:.2f}", [(x, y) for x, y in points[::2].tolist()],
               Style(slot), marked=False, labelled=STEPS // 4)
        for slot, (time, action, points) in enumerate(drawn)
    ]  # fmt: skip
    panel = Panel("attractor-network: least action S in time T, in units of relaxation",
                  ("activity x of one population", "activity y of the other"), lines,
                  log=(False, False))  # fmt: skip
    said = f"With more time, the least action from choice to choice falls from {actions[0]:.1f} to "
    plain = chart(f"{said}{actions[-1]:.1f}", [panel], ", ".join(line.name for line in lines))
    first, *rest = plain.groups
    around = [Group(list(_drift(*panel.axes()))), Group(list(_states(*panel.axes())))]
    groups = [first, moved(around[0], 0, HEAD), *rest, moved(around[1], 0, HEAD)]
    return replace(plain, groups=groups)


def _drift(across: Axis, up: Axis) -> Iterator[Mark]:
    """Yield the arrows of the drift, as long as the root of its size."""
    lines = (torch.linspace(axis.low, axis.high, GRID + 2).double()[1:-1] for axis in (across, up))
    places = torch.cartesian_prod(*lines)
    drifts = NETWORK(places)
    sizes = drifts.norm(dim=1, keepdim=True).clamp(min=1e-12)
    steps = LONGEST * drifts / (sizes * sizes.max()).sqrt()
    for place, (u, v) in zip(places.tolist(), steps.tolist(), strict=True):
        for line in arrow((across(place[0]), up(place[1])), (u, -v)):
            yield replace(line, opacity=0.3)


def _states(across: Axis, up: Axis) -> Iterator[Mark]:
    """Yield the fixed points; those that are not stable are hollow."""
    points = NETWORK.fixed_points(-2.0, 3.0)
    stable = torch.linalg.eigvals(NETWORK.jacobian(points)).real.amax(dim=1) < 0
    for (x, y), holds in zip(points.tolist(), stable.tolist(), strict=True):
        yield Dot(across(x), up(y), size=5, hollow=not holds)
        name = "saddle" if not holds else "undecided" if abs(x - y) < 0.1 else "choice"
        if across(x) - across.start < 40:
            yield Text(across(x) + 9, up(y) - 4, name, size=10)
        else:
            yield Text(across(x) - 9, up(y) + 14, name, "end", 10)
