"""Trajectories as a table: states, and how fast they change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from symbench.contract import Split
from symbench.errors import InputError
from symbench.tables import Block, Layout, Table, parse_layout, read

_LEAST = 3  # states of a trajectory
_SHARE = 5  # one row in five is held out


def trajectories(
    source: Any,
    times: Any,
    *,
    inputs: str | Sequence[str] = (),
    layout: Layout | str | None = None,
) -> Table:
    """Return the table of states x and of their rates dx/dt, by differences of second order.

    The first and last state of each trajectory are left out. Rows stay in order, and the last fifth
    is held out: whole trajectories, because a state has neighbours on its own. A symmetry of the
    table is one of the dynamics: it takes trajectories to trajectories.

    Args:
        source: a file or data frame with one state a row, trajectory after trajectory, or states
            [trajectories, times, size].
        times: name of the column of times, which begin anew with each trajectory, or the times
            [times] of an array.
        inputs: names or globs of the columns of the state.
        layout: where the copies of a space stand in a state. Rates are laid out alike.

    Raises:
        InputError: the table cannot be used, or a trajectory has fewer than three states.
    """
    if isinstance(times, str):
        held = read(source, inputs=inputs, outputs=times, called="time")
        names, name = held.inputs, held.source
        parts = _divided(held.x, held.y[:, 0])
    else:
        states, grid = (torch.as_tensor(part).double() for part in (source, times))
        if states.ndim != 3 or grid.ndim != 1 or len(grid) != states.shape[1]:
            raise InputError(
                f"trajectories have shape {list(states.shape)} and times {list(grid.shape)}: give "
                "states [trajectories, times, size] and times [times]"
            )
        names, name = tuple(f"x.{k}" for k in range(states.shape[2])), "arrays"
        parts = [(one, grid) for one in states]
    if short := [len(t) for _, t in parts if len(t) < _LEAST]:
        raise InputError(
            f"{name}: a trajectory has {short[0]} states, at least {_LEAST} are needed: times must "
            "increase within a trajectory"
        )
    x = torch.cat([states[1:-1] for states, _ in parts])
    y = torch.cat([_rates(*part) for part in parts])
    table = read(x, y, layout=_with_rates(layout, len(names)))
    rates = tuple(f"d({one})/dt" for one in names)
    held_out = len(x) - len(x) // _SHARE
    rows: dict[Split, Sequence[int]] = {
        "train": range(held_out), "valid": (), "test": range(held_out, len(x)),
    }  # fmt: skip
    return replace(table, inputs=names, outputs=rates, source=name, rows=rows)


def _divided(x: Tensor, t: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return the trajectories: a new one begins where the time does not increase."""
    starts = [0, *((t[1:] <= t[:-1]).nonzero().flatten() + 1).tolist(), len(t)]
    return [(x[a:b], t[a:b]) for a, b in pairwise(starts)]


def _rates(x: Tensor, t: Tensor) -> Tensor:
    """Return dx/dt [n - 2, size] at the inner states, exact for parabolas."""
    before, after = (t[1:-1] - t[:-2])[:, None], (t[2:] - t[1:-1])[:, None]
    back, ahead = (x[1:-1] - x[:-2]) / before, (x[2:] - x[1:-1]) / after
    rates: Tensor = (back * after + ahead * before) / (before + after)
    return rates


def _with_rates(layout: Layout | str | None, size: int) -> Layout:
    """Return the layout with that of the states for the rates."""
    if isinstance(layout, str):
        layout = parse_layout(layout)
    if layout is None:
        layout = Layout((Block(1, size),))
    return layout if layout.outputs else Layout(layout.inputs, layout.inputs)
