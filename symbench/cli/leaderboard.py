"""The verb ``leaderboard``: tables of stored records, rankings over tasks, learned generators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symbench.cli.loading import matcher, open_stores, registered, staleness
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
from symbench.contract.values import check_tier
from symbench.errors import InputError, StoreError
from symbench.records.store import Store, records_of
from symbench.results.leaderboard import (
    FACTOR,
    Leaderboard,
    ParameterWindow,
    make,
    newest_tier,
)
from symbench.results.leaderboard.discovery import DiscoveryBoard, discovery_board
from symbench.results.leaderboard.over_tasks import Summary, summarise
from symbench.results.report import FORMATS, SUMMARY_FORMATS, check_format, render, summaries
from symbench.results.report import discovery as boards
from symbench.results.report.escape import plain

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
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw the learned generators as PNG files in DIR."),
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Rank over tasks instead (table, md or json).")
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
    """With several stores, the newest record of each task and model counts."""
    form = "json" if as_json else form
    check_format(form, SUMMARY_FORMATS if summary or discovery else FORMATS)
    if summary and discovery:
        raise InputError("--summary and --discovery are two tables: give one of them")
    if tier is not None:
        check_tier(tier)
    window = parameter_window(match_params, match_factor)
    stores = open_stores(store)
    records = records_of(stores)
    tier = tier or newest_tier(records) or "quick"
    # asking whether a record is stale imports plugins, so both tables are made inside the block
    with registered(plugin, no_plugin) as registry:
        if summary:
            rankings = summarised(records, tier, staleness(registry), (task, model), window)
        elif discovery:
            board = discovered(records, tier, staleness(registry), (task, model))
        else:
            table = make(records, tier, staleness(registry), window=window)
    if summary:
        text = summaries.render(rankings, form, terminal_width(), colour=coloured())
    elif discovery:
        text = boards.render(board, form, terminal_width(), colour=coloured())
    else:
        shown = matching(table, task, model)
        if figures is not None:
            draw(stores, shown, figures)
        text = render(shown, form, terminal_width(), colour=coloured())
    typer.echo(text, nl=False)


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


def matching(table: Leaderboard, tasks: Patterns, models: Patterns) -> Leaderboard:
    """Return the rows whose task and model match.

    Raises:
        InputError: the leaderboard has rows, and none of them matches.
    """
    shown = table.only(matcher(tasks), matcher(models))
    if table.rows and shown.is_empty:
        names = ", ".join(sorted({row.task for row in table.rows}))
        raise InputError(
            f"no {table.tier} cell of the store matches -t and -m; its tasks are {names}"
        )
    return shown


def summarised(
    records: Sequence[Record],
    tier: str,
    stale: Callable[[Record], bool],
    patterns: tuple[Patterns, Patterns],
    window: ParameterWindow | None,
) -> Summary:
    """Return the rankings over tasks, made from the tasks and models that match.

    Raises:
        InputError: the tier has cells, and none of them matches.
    """
    return summarise(records, tier, stale, selected(records, tier, patterns), window)


def discovered(
    records: Sequence[Record],
    tier: str,
    stale: Callable[[Record], bool],
    patterns: tuple[Patterns, Patterns],
) -> DiscoveryBoard:
    """Return the discovery board, made from the tasks and models that match.

    Raises:
        InputError: the tier has cells, and none of them matches.
    """
    return discovery_board(records, tier, stale, selected(records, tier, patterns))


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
        raise InputError(f"no {tier} cell of the store matches -t and -m")
    return lambda cell: task(cell.task) and model(cell.model)


def draw(stores: Sequence[Store], table: Leaderboard, to: Path) -> None:
    """Write one PNG, named by the record's key, for each shown cell with learned generators.

    Raises:
        InputError: the directory cannot be created or written.
    """
    shown = {(row.task, row.model) for row in table.rows}
    try:
        to.mkdir(parents=True, exist_ok=True)
        drawn = sum(_draw(store, table.tier, shown, to) for store in stores)
    except OSError as error:
        raise InputError(
            f"cannot draw into {str(to)!r}: {error.strerror}; choose another --figures DIR"
        ) from error
    plural = "figure" if drawn == 1 else "figures"
    typer.echo(f"symbench: {drawn} {plural} of learned generators in {to}", err=True)


def _draw(store: Store, tier: str, shown: set[tuple[str, str]], to: Path) -> int:
    from symbench.results.report.generators import draw_generators, drawable

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
        if drawable(tensors):
            title = f"{identity.task} · {identity.model} · n = {max(identity.sizes)} · {tier}"
            draw_generators(tensors, title, to / f"{record.key}.png")
            drawn += 1
    return drawn
