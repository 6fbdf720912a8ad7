"""``leaderboard --summary``: the boards over tasks, printed instead of the tables of tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import typer

from symbench.cli.options import coloured, terminal_width
from symbench.errors import InputError
from symbench.record import Identity, Record

Match = Callable[[str], bool]


def show(
    records: Sequence[Record],
    tier: str,
    form: str,
    stale: Callable[[Identity], bool],
    chosen: tuple[Match, Match],
) -> None:
    """Print the summary of a tier, made from the tasks and models that match.

    Raises:
        InputError: a format that has no summary, or no cell of the tier matches.
    """
    from symbench.leaderboard.overall import summarise
    from symbench.report import summaries

    if form not in summaries.FORMATS:
        listed = ", ".join(summaries.FORMATS)
        raise InputError(f"--summary has no format {form!r}: take one of {listed}")
    task, model = chosen
    cells = [record.identity for record in records if record.identity.tier == tier]
    if cells and not any(task(cell.task) and model(cell.model) for cell in cells):
        raise InputError(f"no {tier} cell of the store matches -t and -m")
    found = summarise(records, tier, stale, lambda cell: task(cell.task) and model(cell.model))
    typer.echo(summaries.render(found, form, terminal_width(), colour=coloured()), nl=False)
