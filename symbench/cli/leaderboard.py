"""What ``leaderboard`` shows beside tables: boards over tasks, and comparison at equal size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from symbench.cli.options import coloured, terminal_width
from symbench.errors import InputError

if TYPE_CHECKING:
    from symbench.records.record import Identity, Record
    from symbench.results.leaderboard import Size

Match = Callable[[str], bool]
MatchParams = Annotated[
    str | None,
    typer.Option(metavar="median|N", help="Compare at equal size: near the median, or near N."),
]
MatchFactor = Annotated[
    float | None, typer.Option(metavar="F", help="How near: from N / F to N × F (2).")
]


def size(wanted: str | None, factor: float | None) -> Size | None:
    """Return what ``--match-params`` and ``--match-factor`` ask for.

    Raises:
        InputError: neither ``median`` nor a whole number, or a value out of its range.
    """
    from symbench.results.leaderboard import FACTOR, Size

    if wanted is None:
        if factor is not None:
            raise InputError("--match-factor without --match-params: give the latter, too")
        return None
    if wanted != "median" and not wanted.isdecimal():
        raise InputError(f"--match-params {wanted!r}: take median or a number of parameters")
    return Size(None if wanted == "median" else int(wanted), FACTOR if factor is None else factor)


def show(
    records: Sequence[Record],
    tier: str,
    form: str,
    stale: Callable[[Identity], bool],
    chosen: tuple[Match, Match],
    at: Size | None = None,
) -> None:
    """Print the summary of a tier, made from the tasks and models that match.

    Raises:
        InputError: a format that has no summary, or no cell of the tier matches.
    """
    from symbench.results.leaderboard.over_tasks import summarise
    from symbench.results.report import summaries

    if form not in summaries.FORMATS:
        listed = ", ".join(summaries.FORMATS)
        raise InputError(f"--summary has no format {form!r}: take one of {listed}")
    task, model = chosen
    cells = [record.identity for record in records if record.identity.tier == tier]
    if cells and not any(task(cell.task) and model(cell.model) for cell in cells):
        raise InputError(f"no {tier} cell of the store matches -t and -m")
    found = summarise(records, tier, stale, lambda c: task(c.task) and model(c.model), at)
    typer.echo(summaries.render(found, form, terminal_width(), colour=coloured()), nl=False)
