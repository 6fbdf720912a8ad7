"""The verb ``run``: options and a suite -> a selection of cells, carried out or only shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from symbench.cli import completion, networks, pages
from symbench.cli.loading import name_broken_files, registered
from symbench.cli.options import (
    DEFAULT_STORE,
    AsJson,
    BlockedPlugins,
    CellTimeout,
    Device,
    ModelPatterns,
    PluginFiles,
    StoreDirectory,
    TaskPatterns,
    TierToRun,
)
from symbench.cli.output import coloured, print_json, terminal_width
from symbench.cli.progress import Watch
from symbench.cli.sources import open_publication
from symbench.cli.tables import (
    TableClasses,
    TableFile,
    TableInputs,
    TableLayout,
    TableOutputs,
    TableSymmetry,
    table_source,
)
from symbench.contract.values import DEFAULT_TIER
from symbench.errors import InputError
from symbench.records.record import FINISHED
from symbench.records.store import Store
from symbench.registry import suite as suites
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from symbench.api import Result
    from symbench.records.record import Record
    from symbench.registry import Registry
    from symbench.runs.options import Options
    from symbench.runs.plan import Selection
    from symbench.runs.protocol import KeepNetworks, SymmetryAt
    from symbench.training.setup import FleetMode

Document = dict[str, Any]


def run(  # noqa: PLR0913 - one parameter per option
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every task and model.")] = False,
    task: TaskPatterns = None,
    model: ModelPatterns = None,
    table: TableFile = None,
    inputs: TableInputs = None,
    outputs: TableOutputs = None,
    classes: TableClasses = False,
    layout: TableLayout = None,
    symmetry: TableSymmetry = None,
    suite: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A suite (`symbench list suites`), or its TOML file.",
            autocompletion=completion.suites,
        ),
    ] = None,
    tier: TierToRun = None,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", help="Seeds per training-set size.")
    ] = None,
    sizes: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Training-set sizes (n_train).")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Also score by this metric of any plugin (repeatable)."),
    ] = None,
    updates: Annotated[
        int | None,
        typer.Option(metavar="N", help="Updates per trial, for an experiment (never ranked)."),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(
            metavar="group|component|reflected|near|far",
            help="Group elements of equivariance_error, for an experiment (never ranked).",
        ),
    ] = None,
    symmetry_at: Annotated[
        str | None,
        typer.Option(
            metavar="all|largest",
            help="Sizes at which symmetry is scored, for an experiment (never ranked).",
        ),
    ] = None,
    device: Device = "auto",
    executor: Annotated[
        str, typer.Option(metavar="local|inline|ray", help="Where the cells run.")
    ] = "local",
    ray_address: Annotated[
        str | None, typer.Option(metavar="A", help="Address of a Ray cluster.")
    ] = None,
    pdb: Annotated[bool, typer.Option("--pdb", help="Debug a failing cell (inline).")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run the store's failed cells again.")
    ] = False,
    fleet: Annotated[
        str, typer.Option(metavar="auto|on|off", help="Train the trials of a cell together.")
    ] = "auto",
    keep_networks: Annotated[
        str | None,
        typer.Option(
            metavar="all|largest",
            help="Keep the trained networks in the store, of all trials (default) or of the "
            "largest n_train.",
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option(metavar="N", help="Cells to run in parallel.")] = None,
    store: StoreDirectory = DEFAULT_STORE,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run finished cells again.")] = False,
    tuned: Annotated[
        bool,
        typer.Option(
            "--tuned",
            help="Use the configurations found by `symbench tune`, where available.",
        ),
    ] = False,
    timeout: CellTimeout = None,
    memory: Annotated[
        float | None,
        typer.Option(
            metavar="GIB",
            help="Memory limit per cell, in GiB (default: 90 % of memory divided by jobs).",
        ),
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="Show the rows of a publication beside the run's; repeatable."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also name the pairs that do not apply.")
    ] = False,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """A cell is a task and a model that accepts it. Finished cells of the store are reused."""
    from symbench.runs.options import Options

    ladder = parse_sizes(sizes)
    options = Options(
        store=store, device=device, executor=executor,
        ray_address=ray_address, jobs=jobs, timeout=timeout, memory=memory,
        fleet=parse_fleet(fleet), keep_networks=cast("KeepNetworks", keep_networks or "none"),
        fresh=fresh, retry_failed=retry_failed, debug=pdb,
    )  # fmt: skip
    tables = table_source(table, inputs, outputs, classes, layout, symmetry)
    if not (everything or task or model or suite or tables):
        raise InputError(
            "nothing chosen: give --all, -t TASK, -m MODEL, --suite NAME or --table FILE"
        )
    check_options(options)
    published = [record for path in against or () for record in open_publication(path).records()]
    named = [] if everything else [source.name for source in tables]
    with registered(plugin, no_plugin, tables) as registry:
        content = {} if suite is None else read_suite(suite, registry)
        selection = select(content, [*(task or ()), *named], model, tier, ladder, seeds)
        selection = replace(
            selection, updates=updates, sampler=sampler, metrics=tuple(metric or ()),
            symmetry_at=cast("SymmetryAt | None", symmetry_at),
        )  # fmt: skip
        if tuned:
            selection = with_tuned(selection, registry, store)
        if dry_run:
            planned = plan(registry, selection, store, fresh=fresh)
        else:
            result = execute(registry, selection, options, published, verbose=verbose)
    if dry_run:
        _print_plan(planned, as_json=as_json, verbose=verbose)
    else:
        _print_result(result, registry, as_json=as_json)
        if options.keep_networks != "none":
            for line in networks.lines(result.run, options.keep_networks):
                typer.echo(line, err=True)
    name_broken_files(registry)
    if dry_run:
        return
    raise typer.Exit(result.exit_code)


def parse_sizes(text: str | None) -> tuple[int, ...]:
    """Return the sizes of ``100,300,1000``.

    Raises:
        InputError: not whole numbers separated by commas.
    """
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError as error:
        raise InputError(f"--sizes {text!r}: give whole numbers, such as 100,300,1000") from error


def parse_fleet(text: str) -> FleetMode:
    """Return the value of ``--fleet``.

    Raises:
        InputError: it is not one of auto, on and off.
    """
    if text not in ("auto", "on", "off"):
        raise InputError(f"--fleet {text!r}: choose one of auto, on, off")
    return cast("FleetMode", text)


def check_options(options: Options) -> None:
    """Refuse options that contradict each other.

    Raises:
        InputError: there is such an option.
    """
    if options.ray_address is not None and options.executor != "ray":
        raise InputError(f"--ray-address {options.ray_address!r}: it needs --executor ray")


def select(
    suite: Mapping[str, Any],
    tasks: Sequence[str] | None,
    models: Sequence[str] | None,
    tier: str | None,
    sizes: Sequence[int],
    seeds: int | None,
) -> Selection:
    """Return what to run: each option, else the suite's value, else the default.

    Raises:
        InputError: an unknown tier, or a size or number of seeds out of range.
    """
    from symbench.runs.plan import Selection

    return Selection(
        tuple(tasks or suite.get("tasks", ())),
        tuple(models or suite.get("models", ())),
        tier or suite.get("tier") or DEFAULT_TIER,
        tuple(sizes or suite.get("sizes", ())),
        suite.get("seeds") if seeds is None else seeds,
    )


def read_suite(name: str, registry: Registry) -> Mapping[str, Any]:
    """Return the content of a registered suite, or of a suite's file.

    Raises:
        InputError: the suite cannot be read, or has an unknown key or a value of the wrong type.
    """
    if name in registry.suites:
        return suites.checked(name, registry.suites[name].load())
    try:
        return suites.read_file(Path(name))
    except OSError as error:
        known = ", ".join(registry.suites) or "none"
        raise InputError(
            f"suite {name!r} is no readable file ({error.strerror}), nor a registered suite: "
            f"choose one of {known}"
        ) from error


def with_tuned(selection: Selection, registry: Registry, store: Path) -> Selection:
    """Return the selection with the configurations that ``symbench tune`` has stored."""
    from symbench.runs.plan import make_plan
    from symbench.tuning.tuned import tuned_cells

    cells = make_plan(registry, selection)
    pairs = [(cell.task, cell.model) for cell in cells if cell.error is None]
    return replace(selection, tuned=tuned_cells(registry, pairs, selection.tier, store))


def plan(registry: Registry, selection: Selection, path: Path, *, fresh: bool) -> list[Document]:
    """Return each cell, and whether it would run or be reused, or is declined or failed."""
    from symbench.runs.plan import make_plan
    from symbench.runs.staleness import has_changed_metrics

    store = Store(path)
    documents = []
    for cell in make_plan(registry, selection):
        stored = None if fresh or cell.reason else store.read(cell.key)
        reused = (
            stored is not None
            and stored.status in FINISHED
            and not has_changed_metrics(registry, stored)
        )
        newer = None if cell.reason else store.newer(cell.key)
        what = "declined" if cell.reason else "reuse" if reused else "run"
        if cell.error is not None or newer is not None:
            what = "failed"
        pair = {"task": cell.task, "model": cell.model}
        documents.append({**pair, "key": cell.key, "plan": what, "reason": cell.reason or newer})
    return documents


def execute(
    registry: Registry,
    selection: Selection,
    options: Options,
    published: Sequence[Record] = (),
    *,
    verbose: bool = False,
) -> Result:
    """Carry out the selection, and show the progress on stderr.

    Args:
        registry: the plugins.
        selection: what to run.
        options: how.
        published: records that stand beside those of the run.
        verbose: whether the pairs that do not apply get a line each.
    """
    from symbench.api import result
    from symbench.cli.first_tables import FirstTables
    from symbench.runs import run
    from symbench.runs.order import families

    watch = Watch(verbose=verbose)
    tables = FirstTables(families(registry), watch.show, terminal_width())
    for reporter in (watch, tables):
        registry.add_reporter(reporter)
    with watch.bars:
        done = result(run.execute(registry, selection, options), published)
    if why := done.why_none_beside:
        typer.echo(f"symbench: {plain(why, 500)}", err=True)
    return done


def _print_plan(cells: Sequence[Document], *, as_json: bool, verbose: bool) -> None:
    if as_json:
        print_json({"cells": cells})
        return
    shown = [cell for cell in cells if verbose or cell["plan"] != "declined"]
    typer.echo(pages.plan(shown, terminal_width(), colour=coloured()), nl=False)
    if declined := len(cells) - len(shown):
        typer.echo(f"task-model pairs that do not apply: {declined:,} (--verbose lists them)")


def _print_result(result: Result, registry: Registry, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "run": result.run.name,
                "store": str(result.run.store),
                "cells": [asdict(outcome) for outcome in result.run.outcomes],
                "exit": result.exit_code,
            }
        )
        return
    from symbench.cli.ending import ending, store_option

    shown = ending(
        result.leaderboard,
        result.records,
        registry.boards.values(),
        store_option(result.run.store, DEFAULT_STORE),
        terminal_width(),
        colour=coloured(),
    )
    typer.echo(shown, nl=False)
