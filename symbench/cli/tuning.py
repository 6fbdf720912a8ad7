"""The verb ``tune``: its options, and one call for all the searches."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Annotated

import typer

from symbench.cli.loading import registered
from symbench.cli.options import (
    DEFAULT_STORE,
    AsJson,
    BlockedPlugins,
    PluginFiles,
    StoreDirectory,
    TaskPatterns,
    coloured,
    terminal_width,
)
from symbench.errors import InputError


def tune(  # noqa: PLR0913 - one parameter an option
    model: Annotated[list[str], typer.Argument(metavar="MODEL", help="Names or globs.")],
    *,
    task: TaskPatterns = None,
    trials: Annotated[int, typer.Option(metavar="N", help="Trials a task and model.")] = 20,
    seeds: Annotated[int, typer.Option(metavar="K", help="Trainings a trial.")] = 2,
    tier: Annotated[
        str | None, typer.Option(help="smoke, quick or full. Default: full on a GPU, else quick.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="What trials are proposed with.")] = 0,
    device: Annotated[str, typer.Option(metavar="auto|cpu|cuda")] = "auto",
    store: StoreDirectory = DEFAULT_STORE,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what was searched.")] = False,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> int:
    """Search models' configurations on the valid split, with the same budget for each."""
    from symbench.runs.options import default_tier

    searches = import_module("symbench.cli.tune")
    from symbench.tuning.search import Search

    if not task:
        raise InputError("tune what on? Give -t TASK (a name or a glob; repeatable)")
    how = Search(store, tier or default_tier(), trials, seeds, seed, device, fresh)
    with registered(plugin, no_plugin) as registry:
        outcomes = list(searches.searches(registry, task, model, how))
    if as_json:
        typer.echo(json.dumps(searches.document(outcomes, how), indent=1, allow_nan=False))
    else:
        typer.echo(searches.page(outcomes, terminal_width(), colour=coloured()), nl=False)
    return searches.exit_code(outcomes)
