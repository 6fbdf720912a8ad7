"""Arguments -> one call a verb; nothing else prints."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from symbench import __version__
from symbench.cli.leaderboard import MatchFactor, MatchParams
from symbench.cli.leaderboard import show as show_summary
from symbench.cli.leaderboard import size as size_window
from symbench.cli.loading import matcher, open_stores, registered, staleness
from symbench.cli.options import (
    DEFAULT_STORE,
    AsJson,
    BlockedPlugins,
    ModelPatterns,
    PluginFiles,
    StoreDirectories,
    StoreDirectory,
    TaskPatterns,
    coloured,
    terminal_width,
)
from symbench.cli.tuning import tune
from symbench.errors import InputError, SymbenchError
from symbench.results.report import FORMATS

__all__ = ["app", "main"]

USAGE, INTERRUPTED = 2, 130

# Typer carries its own copy of click in some versions: its error classes are reached through it.
_CommandLineError: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)

app = typer.Typer(
    help="Which neural networks respect, or discover, symmetry.",
    epilog="Example: symbench run -t 'o5-*' -m mlp -m scalars --tier quick",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: Sequence[str] | None) -> int:
    logging.basicConfig(format="symbench: %(levelname)s: %(message)s", level=logging.WARNING)
    logging.addLevelName(logging.WARNING, "warning")
    try:
        code = app(args=arguments, prog_name="symbench", standalone_mode=False)
        sys.stdout.flush()
    except SymbenchError as error:
        return _refuse(str(error))
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # the reader (head, less) has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except _CommandLineError as error:
        return _refuse(error.format_message())  # type: ignore[attr-defined]
    return code if isinstance(code, int) else 0


def _refuse(message: str) -> int:
    typer.echo(f"symbench: error: {' '.join(message.split())}", err=True)
    return USAGE


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"symbench {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list", epilog="Example: symbench list models")
def list_registered(
    section: Annotated[
        str | None, typer.Argument(metavar="[tasks|models|metrics|suites|plugins]")
    ] = None,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """List what is registered: all of it, or one section."""
    from symbench.cli import cards

    if section is not None and section not in cards.SECTIONS:
        raise InputError(f"unknown section {section!r}: take one of {', '.join(cards.SECTIONS)}")
    with registered(plugin, no_plugin) as registry:
        chosen = [section] if section else list(cards.SECTIONS)
        documents = {name: cards.section(registry, name) for name in chosen}
    if as_json:
        _print_json(documents)
        return
    from symbench.cli import pages

    typer.echo(pages.sections(documents, terminal_width(), colour=coloured()), nl=False)


@app.command(epilog="Example: symbench show o5-invariant")
def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A task, model, metric, suite or plugin.")
    ],
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """Show the whole card of one name, and which models accept the task and why not."""
    from symbench.cli import cards

    with registered(plugin, no_plugin) as registry:
        documents = cards.show(registry, name)
    if as_json:
        _print_json({"cards": documents})
        return
    from symbench.cli import pages

    shown = [pages.card(one, terminal_width(), colour=coloured()) for one in documents]
    typer.echo("\n".join(shown), nl=False)


@app.command(epilog="Example: symbench leaderboard --store results -t 'o5-*' --format md")
def leaderboard(  # noqa: PLR0913 - one parameter an option
    *,
    store: StoreDirectories = None,
    tier: Annotated[
        str | None, typer.Option("--tier", help="smoke, quick or full. Default: the latest.")
    ] = None,
    task: TaskPatterns = None,
    model: ModelPatterns = None,
    form: Annotated[str, typer.Option("--format", metavar="|".join(FORMATS))] = "table",
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw the learned generators into PNG files there."),
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Rank over tasks instead (table, md or json).")
    ] = False,
    match_params: MatchParams = None,
    match_factor: MatchFactor = None,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """Show tables made from stored records; several stores merge."""
    from symbench.records.store import records_of
    from symbench.results import leaderboard as boards
    from symbench.results import report
    from symbench.runs.protocol import TIERS

    form = "json" if as_json else form
    if form not in FORMATS:
        raise InputError(f"unknown format {form!r}: take one of {', '.join(FORMATS)}")
    if tier is not None and tier not in TIERS:
        raise InputError(f"unknown tier {tier!r}: take one of {', '.join(TIERS)}")
    size = size_window(match_params, match_factor)
    stores = open_stores(store)
    records = records_of(stores)
    chosen = tier or boards.newest_tier(records) or "quick"
    if summary:
        with registered(plugin, no_plugin) as registry:
            stale = staleness(registry)
        show_summary(records, chosen, form, stale, (matcher(task), matcher(model)), size)
        return
    with registered(plugin, no_plugin) as registry:
        board = boards.make(records, chosen, staleness(registry), size=size)
    shown = board.only(matcher(task), matcher(model))
    if board.rows and shown.is_empty:
        names = ", ".join(sorted({row.task for row in board.rows}))
        raise InputError(f"no {chosen} cell of the store matches -t and -m; its tasks are {names}")
    if figures is not None:
        from symbench.cli.drawing import draw

        draw(stores, shown, figures)
    typer.echo(report.render(shown, form, terminal_width(), colour=coloured()), nl=False)


@app.command(epilog="Example: symbench publish --store results --to leaderboards/my-lab")
def publish(
    to: Annotated[Path, typer.Option(metavar="DIR", help="A new directory, or an earlier one.")],
    store: StoreDirectories = None,
    tier: Annotated[
        str | None, typer.Option("--tier", help="smoke, quick or full. Default: the latest.")
    ] = None,
    no_site: Annotated[bool, typer.Option("--no-site", help="Leave the HTML pages out.")] = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """Write tables and a site of stored records, and a submission that others can verify."""
    from symbench.cli.publish import write

    stores = open_stores(store)
    with registered(plugin, no_plugin) as registry:
        written, line = write(stores, tier, staleness(registry), to, registry, site=not no_site)
    typer.echo("\n".join([*(str(path) for path in written), line]))


@app.command(epilog="Example: symbench verify leaderboards/my-lab/submission.json --seed 7")
def verify(  # noqa: PLR0913 - one parameter an option
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A submission.json, or a directory of publish."),
    ] = None,
    *,
    cells: Annotated[int, typer.Option(metavar="K", min=1, help="Cells to run again.")] = 3,
    seed: Annotated[
        int, typer.Option(metavar="S", help="What cells are drawn with; take one of your own.")
    ] = 0,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Wall seconds a cell.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the file's JSON schema.")] = False,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> int:
    """Check a submission against itself, run drawn cells again, and say whether it holds."""
    verifying = import_module("symbench.cli.verify")
    from symbench.publish import submission

    if schema:
        _print_json(submission.json_schema())
        return 0
    if file is None:
        raise InputError("nothing to verify: give a submission.json")
    files, blocked = tuple(plugin or ()), tuple(no_plugin or ())
    with registered(plugin, no_plugin) as registry:
        bench = submission.Bench(registry, timeout=timeout, plugin_files=files, blocked=blocked)
        verdict = verifying.verdict(file, bench, cells, seed)
    if as_json:
        _print_json(verdict.document())
    else:
        typer.echo(verifying.page(verdict), nl=False)
    return verdict.exit_code


@app.command(epilog="Example: symbench check my-model --plugin my_model.py")
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A task, model or metric.")],
    every: Annotated[
        bool, typer.Option("--every-task", help="Try a model on all tasks it accepts, not four.")
    ] = False,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> int:
    """Check that a task, a model or a metric keeps the promises of its kind."""
    checking = import_module("symbench.cli.check")

    out = None if as_json else sys.stdout  # while plugins are loaded, stdout is not ours
    with registered(plugin, no_plugin) as registry:
        documents = checking.show(checking.verdicts(registry, name, every=every), out)
    if as_json:
        _print_json({"name": name, "checks": documents})
    return 1 if any(one["outcome"] == "broken" for one in documents) else 0


@app.command(epilog="Example: symbench new model my-model --to plugins")
def new(
    kind: Annotated[str, typer.Argument(metavar="model|task|metric")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is registered as.")],
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where its directory goes (here).")
    ] = None,
) -> None:
    """Write an installable plugin package with a module to edit and a passing test."""
    from symbench.cli.new import write

    directory = write(kind, name, to)
    typer.echo(f"{directory}: edit the module, then pip install -e {directory}")


@app.command(epilog="Example: symbench doctor --json")
def doctor(
    store: StoreDirectory = DEFAULT_STORE,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """Describe machine, versions, devices, plugins, store and caches in one page."""
    from symbench.cli.doctor import examine

    with registered(plugin, no_plugin) as registry:
        document = examine(registry, store)
    if as_json:
        _print_json(document)
        return
    from symbench.cli import pages

    typer.echo(pages.page(document, terminal_width(), colour=coloured()), nl=False)


@app.command(epilog="Example: symbench run -t 'o5-*' -m mlp -m scalars --tier quick --jobs 4")
def run(  # noqa: PLR0913 - one parameter an option
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every task and model.")] = False,
    task: TaskPatterns = None,
    model: ModelPatterns = None,
    suite: Annotated[
        str | None, typer.Option(metavar="FILE.toml", help="A suite's file or registered name.")
    ] = None,
    tier: Annotated[
        str | None, typer.Option(help="smoke, quick or full. Default: full on a GPU, else quick.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="Seeds a size.")] = None,
    sizes: Annotated[str | None, typer.Option(metavar="A,B,C", help="Sizes (n_train).")] = None,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda")] = "auto",
    executor: Annotated[str, typer.Option(metavar="local|inline|ray")] = "local",
    ray_address: Annotated[str | None, typer.Option(metavar="A", help="A Ray cluster.")] = None,
    pdb: Annotated[bool, typer.Option("--pdb", help="Debug a failing cell (inline).")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run the store's failed cells again.")
    ] = False,
    fleet: Annotated[str, typer.Option(metavar="auto|on|off", help="Train trials together.")] = (
        "auto"
    ),
    jobs: Annotated[int | None, typer.Option(metavar="N", help="Cells at a time.")] = None,
    store: StoreDirectory = DEFAULT_STORE,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run finished cells again.")] = False,
    tuned: Annotated[
        bool, typer.Option("--tuned", help="With what `tune` found, where the store has it.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Wall seconds a cell.")
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(metavar="GIB", help="Memory a cell (its share of nine tenths of all)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan only.")] = False,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """Plan the compatible cells, train, score and store them, and print the leaderboard."""
    from symbench.runs.options import Options

    running = import_module("symbench.cli.run")

    choice = running.Choice(
        everything, tuple(task or ()), tuple(model or ()), suite, tier, seeds,
        running.ladder(sizes), tuned,
    )  # fmt: skip
    options = Options(
        store=store, device=device, executor=executor,
        ray_address=ray_address, jobs=jobs, timeout=timeout, memory=memory,
        fleet=running.fleet(fleet), fresh=fresh, retry_failed=retry_failed, debug=pdb,
    )  # fmt: skip
    running.check(choice, options)
    with registered(plugin, no_plugin) as registry:
        selection = running.selection(choice, registry, store)
        planned = running.dry_run(registry, selection, store, fresh=fresh) if dry_run else None
        result = None if dry_run else running.run(registry, selection, options)
    if planned is not None:
        from symbench.cli import pages

        if as_json:
            _print_json({"cells": planned})
        else:
            typer.echo(pages.plan(planned, terminal_width(), colour=coloured()), nl=False)
        return
    if result is None:
        return
    if as_json:
        _print_json(running.document(result))
    else:
        from symbench.results import report

        board = report.render(result.leaderboard, "table", terminal_width(), colour=coloured())
        typer.echo(board, nl=False)
    raise typer.Exit(result.exit_code)


app.command(epilog="Example: symbench tune mlp scalars -t o5-invariant --trials 30")(tune)


def _print_json(document: Any) -> None:
    typer.echo(json.dumps(document, indent=1, allow_nan=False, default=str))
