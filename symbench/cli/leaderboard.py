"""The verb ``leaderboard``: tables of stored records, boards, rankings, learned generators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symbench.cli import completion
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
from symbench.cli.sources import Records, read_records
from symbench.contract.values import check_tier
from symbench.errors import InputError, UnknownNameError
from symbench.results.leaderboard import (
    FACTOR,
    ParameterWindow,
    make,
)
from symbench.results.leaderboard.boards import standings
from symbench.results.leaderboard.discovery import discovery_board
from symbench.results.leaderboard.findings import supported
from symbench.results.leaderboard.over_tasks import summarise
from symbench.results.report import (
    BOARD_FORMATS,
    DISCOVERY_FORMATS,
    FORMATS,
    SUMMARY_FORMATS,
    boards,
    check_format,
    render,
    summaries,
)
from symbench.results.report import discovery as discoveries

if TYPE_CHECKING:
    from symbench.contract.board import Board
    from symbench.records.record import Identity, Record
    from symbench.registry import Registry

Patterns = Sequence[str] | None
_FORMATS = {
    "tables": FORMATS, "--board": BOARD_FORMATS, "--summary": SUMMARY_FORMATS,
    "--discovery": DISCOVERY_FORMATS,
}  # fmt: skip


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
    board: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Answer the question of one board (`symbench list boards`; table, md or json).",
            autocompletion=completion.boards,
        ),
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
    kind = table_kind(board, summary=summary, discovery=discovery)
    shown_columns = wanted_columns(columns, whole=kind != "tables")
    check_format(form, _FORMATS[kind])
    if board is not None and task:
        raise InputError("--board has its own tasks: leave out -t, or leave out --board")
    if tier is not None:
        check_tier(tier)
    window = parameter_window(match_params, match_factor)
    read = read_records(store, tier)
    records, tier = read.all, read.tier
    chosen = selected(records, tier, (task, model))
    # asking whether a record is stale imports plugins, so every table is made inside the block
    with registered(plugin, no_plugin) as registry:
        if kind == "tables":
            of_tasks = [one for one in records if matcher(task)(one.identity.task)]
            table = make(of_tasks, tier, read.staleness(registry), window=window)
        else:
            made = _over_tasks(registry, read, chosen, kind, board, window)
    if kind == "tables":
        shown = table.only(matcher(task), matcher(model))
        if figures is not None:
            draw(read.sources, shown, figures)
        made = partial(render, shown, columns=shown_columns)
    typer.echo(made(form, terminal_width(), colour=coloured()), nl=False)


def _over_tasks(
    registry: Registry,
    read: Records,
    chosen: Callable[[Identity], bool],
    kind: str,
    board: str | None,
    window: ParameterWindow | None,
) -> Callable[..., str]:
    """Return what renders the rankings over tasks, the discovery board, or a board by its name."""
    tier, stale = read.tier, read.staleness(registry)
    if board is not None:
        asked = board_named(registry, board)
        records = [one for one in read.all if chosen(one.identity)]
        placed = standings(asked, records, make(records, tier, stale), stale)
        return partial(boards.render, placed, supported(asked, records, tier, stale))
    if kind == "--summary":
        return partial(summaries.render, summarise(read.all, tier, stale, chosen, window))
    return partial(discoveries.render, discovery_board(read.all, tier, stale, chosen))


def table_kind(board: str | None, *, summary: bool, discovery: bool) -> str:
    """Return which table is asked for, a key of ``_FORMATS``.

    Raises:
        InputError: more than one is.
    """
    asked = {"--board": board is not None, "--summary": summary, "--discovery": discovery}
    options = [option for option, given in asked.items() if given]
    if len(options) > 1:
        raise InputError(f"{' and '.join(options)} are different tables: give one of them")
    return options[0] if options else "tables"


def board_named(registry: Registry, name: str) -> Board:
    """Return a registered board.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in registry.boards:
        raise UnknownNameError("board", name, registry.boards, "symbench list boards")
    return registry.boards[name]


def wanted_columns(text: str | None, *, whole: bool) -> list[str]:
    """Return the names of ``error,n_to_threshold``.

    Raises:
        InputError: a list without a name, or columns of a ranking, which is shown as a whole.
    """
    if text is None:
        return []
    if whole:
        raise InputError(
            "--columns is for tables of tasks: leave out --board, --summary and --discovery"
        )
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
