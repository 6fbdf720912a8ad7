"""What a run prints at its end: the tables of a few tasks, or the matrix of many and the boards."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from symbench.contract.board import Board
from symbench.records.record import FINISHED, Record
from symbench.results import report
from symbench.results.leaderboard import Leaderboard
from symbench.results.leaderboard.fitness import unfit
from symbench.results.leaderboard.matrix import matrix
from symbench.results.report import listing
from symbench.results.report import matrix as matrices
from symbench.results.report.printing import wrapped
from symbench.results.report.tables import coverage

_FEW = 3  # tasks whose tables are printed
_MOST = 10  # cells without a result that are named


def ending(
    table: Leaderboard,
    records: Sequence[Record],
    boards: Iterable[Board],
    store: str,
    width: int,
    *,
    colour: bool = False,
) -> str:
    """Return the end of a run as text of at most ``width`` columns.

    Published rows, which no other verb puts beside those of a run, are always shown in tables.

    Args:
        table: the rows of the run.
        records: those that the rows are made from.
        boards: those that are registered, in their order.
        store: what to add to a command that reads the store of the run, such as ``--store DIR``.
        width: of the terminal.
        colour: whether the terminal has colours.
    """
    lines = matrix(table, records)
    applying = {row.task for row in table.rows if row.status != "declined"}
    if len(applying) <= _FEW or any("published" in row.flags for row in table.rows):
        return report.render(table, "table", width, colour=colour)
    tasks = {line.task for line in lines}
    parts = [matrices.text(lines, width), wrapped([matrices.LEGEND], width)]
    if named := [(one.name, one.question) for one in boards if tasks & set(one.tasks)]:
        parts.append("Questions, each a board:\n" + listing.lines(named, width))
    commands = [
        ("one board:", f"symbench leaderboard --board NAME{store}"),
        ("one task:", f"symbench leaderboard -t TASK{store}"),
        ("all as pages:", f"symbench publish{store} --to DIR"),
    ]
    parts.append("The rest:\n" + listing.lines(commands if named else commands[1:], width))
    parts.append(wrapped([*_trouble(table), *_notes(table, records)], width))
    return "\n".join(parts)


def store_option(store: Path, default: Path) -> str:
    """Return `` --store DIR``, or nothing for the default store."""
    return "" if store == default else f" --store {shlex.quote(str(store))}"


def _trouble(table: Leaderboard) -> Iterator[str]:
    """Yield the first cells without a result that do apply, with their reasons."""
    failed = [row for row in table.rows if row.status not in FINISHED]
    for row in failed[:_MOST]:
        yield f"{row.status}: {row.task} {row.model}" + (f" ({row.reason})" if row.reason else "")
    if len(failed) > _MOST:
        yield f"and {len(failed) - _MOST} more without a result"


def _notes(table: Leaderboard, records: Iterable[Record]) -> Iterator[str]:
    if why := unfit(table.tier, records):
        yield why
    yield coverage(table)
