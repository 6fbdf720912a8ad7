"""The verb ``leaderboard``: tables of stored records, rankings over tasks, learned generators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symbench.cli.figures import draw
from symbench.cli.loading import matcher, registered
from symbench.cli.options import (
    AsJson,
    BlockedPlugins,
    ModelPatterns,
    PluginFiles,
    StoreDirectories,
    StoredTier,
    TaskPatterns,
)
from symbench.cli.output import coloured, terminal_width
from symbench.cli.sources import read_records
from symbench.contract.values import check_tier
from symbench.errors import InputError
from symbench.results.leaderboard import (
    FACTOR,
    ParameterWindow,
    make,
)
from symbench.results.leaderboard.discovery import discovery_board
from symbench.results.leaderboard.over_tasks import summarise
from symbench.results.report import (
    DISCOVERY_FORMATS,
    FORMATS,
    SUMMARY_FORMATS,
    check_format,
    render,
    summaries,
)
from symbench.results.report import discovery as boards

if TYPE_CHECKING:
    from symbench.records.record import Identity, Record

Patterns = Sequence[str] | None


def leaderboard(  # noqa: PLR0913 - one parameter per option
    *,
    store: StoreDirectories = None,
    tier: StoredTier = None,
    task: TaskPatterns = None,
    model: ModelPatterns = None,
    form: Annotated[str, typer.Option("--format", metavar="|".join(FORMATS))] = "table",
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C", help="Show only these columns, by the name of a score or a heading."
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw the learned generators as PNG files in DIR."),
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Rank over tasks instead (table, md, csv or json).")
    ] = False,
    discovery: Annotated[
        bool,
        typer.Option("--discovery", help="Compare what methods discover (table, md or json)."),
    ] = False,
    match_params: Annotated[
        str | None,
        typer.Option(
            metavar="median|N",
            help="Compare models near the median size, or near size N.",
        ),
    ] = None,
    match_factor: Annotated[
        float | None, typer.Option(metavar="F", help="Near means N / F to N × F (default: 2).")
    ] = None,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """With several stores, the newest record of each task and model counts.

    A publication, a directory that `symbench publish` has written, is a store to read from.
    """
    form = "json" if as_json else form
    shown_columns = wanted_columns(columns, board=summary or discovery)
    check_form(form, summary=summary, discovery=discovery)
    if tier is not None:
        check_tier(tier)
    window = parameter_window(match_params, match_factor)
    read = read_records(store, tier)
    records, tier = read.all, read.tier
    chosen = selected(records, tier, (task, model))
    # asking whether a record is stale imports plugins, so every table is made inside the block
    with registered(plugin, no_plugin) as registry:
        stale = read.staleness(registry)
        if summary:
            rankings = summarise(records, tier, stale, chosen, window)
        elif discovery:
            board = discovery_board(records, tier, stale, chosen)
        else:
            of_tasks = [one for one in records if matcher(task)(one.identity.task)]
            table = make(of_tasks, tier, stale, window=window)
    if summary:
        text = summaries.render(rankings, form, terminal_width(), colour=coloured())
    elif discovery:
        text = boards.render(board, form, terminal_width(), colour=coloured())
    else:
        shown = table.only(matcher(task), matcher(model))
        if figures is not None:
            draw(read.sources, shown, figures)
        text = render(shown, form, terminal_width(), colour=coloured(), columns=shown_columns)
    typer.echo(text, nl=False)


def check_form(form: str, *, summary: bool, discovery: bool) -> None:
    """Refuse a format that the table does not have.

    Raises:
        InputError: it does not, or two tables are asked for.
    """
    if summary and discovery:
        raise InputError("--summary and --discovery are two tables: give one of them")
    check_format(form, SUMMARY_FORMATS if summary else DISCOVERY_FORMATS if discovery else FORMATS)


def wanted_columns(text: str | None, *, board: bool) -> list[str]:
    """Return the names of ``error,n_to_threshold``.

    Raises:
        InputError: a list without a name, or columns of a board.
    """
    if text is None:
        return []
    if board:
        raise InputError("--columns is for tables of tasks: leave out --summary and --discovery")
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InputError(f"--columns {text!r}: give names, such as error,n_to_threshold")
    return names


def parameter_window(wanted: str | None, factor: float | None) -> ParameterWindow | None:
    """Return the range of parameters that ``--match-params`` and ``--match-factor`` ask for.

    Raises:
        InputError: neither ``median`` nor a whole number, or a value out of its range.
    """
    if wanted is None:
        if factor is not None:
            raise InputError("--match-factor without --match-params: give --match-params, too")
        return None
    if wanted != "median" and not wanted.isdecimal():
        raise InputError(f"--match-params {wanted!r}: give median or a number of parameters")
    reference = None if wanted == "median" else int(wanted)
    return ParameterWindow(reference, FACTOR if factor is None else factor)


def selected(
    records: Sequence[Record], tier: str, patterns: tuple[Patterns, Patterns]
) -> Callable[[Identity], bool]:
    """Return whether a cell matches the patterns of tasks and models.

    Raises:
        InputError: the tier has cells, and none of them matches.
    """
    task, model = map(matcher, patterns)
    cells = [record.identity for record in records if record.identity.tier == tier]
    if cells and not any(task(cell.task) and model(cell.model) for cell in cells):
        names = ", ".join(sorted({cell.task for cell in cells}))
        raise InputError(f"no {tier} cell of the store matches -t and -m; its tasks are {names}")
    return lambda cell: task(cell.task) and model(cell.model)
