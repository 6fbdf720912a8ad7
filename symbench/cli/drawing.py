"""Draws what the records of a leaderboard hold beside their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from symbench.errors import InputError, StoreError
from symbench.records.store import Store
from symbench.results.leaderboard import Leaderboard
from symbench.results.report.escape import plain


def draw(stores: Sequence[Store], board: Leaderboard, to: Path) -> None:
    """Write one PNG, named by the record's key, for each shown cell with learned generators.

    Raises:
        InputError: the directory cannot be made or written.
    """
    shown = {(row.task, row.model) for row in board.rows}
    try:
        to.mkdir(parents=True, exist_ok=True)
        drawn = sum(_draw(store, board.tier, shown, to) for store in stores)
    except OSError as error:
        raise InputError(
            f"cannot draw into {str(to)!r}: {error.strerror}; choose another --figures DIR"
        ) from error
    plural = "figure" if drawn == 1 else "figures"
    typer.echo(f"symbench: {drawn} {plural} of learned generators in {to}", err=True)


def _draw(store: Store, tier: str, shown: set[tuple[str, str]], to: Path) -> int:
    from symbench.results.report.generators import draw_generators

    drawn = 0
    for record in store.records():
        identity = record.identity
        if identity.tier != tier or (identity.task, identity.model) not in shown:
            continue
        try:
            tensors = store.read_tensors(record.key)
        except StoreError as error:
            typer.echo(f"symbench: warning: {plain(str(error), 500)}", err=True)
            continue
        if "truth" in tensors and any(name.startswith("learned.") for name in tensors):
            title = f"{identity.task} · {identity.model} · n = {max(identity.sizes)} · {tier}"
            draw_generators(tensors, title, to / f"{record.key}.png")
            drawn += 1
    return drawn
