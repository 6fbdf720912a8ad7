"""The verb ``compare``: two models over the tasks and seeds that they share."""

from __future__ import annotations

from typing import Annotated

import typer

from symbench.cli.loading import matcher, registered
from symbench.cli.options import (
    AsJson,
    BlockedPlugins,
    PluginFiles,
    StoreDirectories,
    StoredTier,
    TaskPatterns,
)
from symbench.cli.output import coloured, terminal_width
from symbench.cli.sources import read_records
from symbench.contract.values import check_tier
from symbench.results.leaderboard.pair import compare_pair
from symbench.results.report import check_format, pair


def compare(  # noqa: PLR0913 - one parameter per option
    first: Annotated[str, typer.Argument(metavar="MODEL", help="A model with stored records.")],
    second: Annotated[str, typer.Argument(metavar="OTHER", help="The model to compare it with.")],
    *,
    store: StoreDirectories = None,
    tier: StoredTier = None,
    task: TaskPatterns = None,
    form: Annotated[str, typer.Option("--format", metavar="|".join(pair.FORMATS))] = "table",
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """Errors at the largest n_train are paired over seeds and tasks (signed-rank test)."""
    form = "json" if as_json else form
    check_format(form, pair.FORMATS)
    if tier is not None:
        check_tier(tier)
    records = read_records(store, tier)
    chosen = matcher(task)
    with registered(plugin, no_plugin) as registry:
        paired = compare_pair(
            records.all,
            records.tier,
            (first, second),
            records.staleness(registry),
            lambda cell: chosen(cell.task),
        )
    typer.echo(pair.render(paired, form, terminal_width(), colour=coloured()), nl=False)
