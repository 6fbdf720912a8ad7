"""The verb ``discover``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symbench.cli.loading import registered
from symbench.cli.options import AsJson, BlockedPlugins, PluginFiles
from symbench.cli.output import print_json, terminal_width
from symbench.results.report.escape import plain


def discover(  # noqa: PLR0913, PLR0917 - the options of the verb
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="A csv, npz or parquet file.", show_default=False)
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Option("--inputs", metavar="NAMES", help="Input columns, names or globs."),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option("--outputs", metavar="NAMES", help="Columns to predict, names or globs."),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option("--layout", metavar="BLOCKS", help="Copies of a space, such as '2 x 3'."),
    ] = None,
    times: Annotated[
        str | None,
        typer.Option("--times", metavar="NAME", help="Column of times: rows are trajectories."),
    ] = None,
    classes: Annotated[
        bool, typer.Option("--classes", help="The output is a class, not a number.")
    ] = False,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Relative defect that counts as exact.")
    ] = 0.05,
    seed: Annotated[int, typer.Option("--seed", help="Of everything that is drawn.")] = 0,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare/--no-compare", help="Ask registered methods, train models that know it."
        ),
    ] = True,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write a page with pictures into DIR."),
    ] = None,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """Fit the targets, and look for the transformations of the inputs that keep them.

    The answer is no better than the fit, whose R² on held-out rows is in the first line.
    """
    from symbench.cli.stages import Stages
    from symbench.discovery import discover as search
    from symbench.discovery.page import page
    from symbench.discovery.report import create, write

    if report is not None:
        create(report)
    with registered(plugin, no_plugin) as registry, Stages() as stages:
        found = search(
            data, inputs=inputs or (), outputs=outputs or (), layout=layout, times=times,
            classes=classes, tolerance=tolerance, seed=seed, compare=compare, registry=registry,
            progress=stages.report,
        )  # fmt: skip
    if report is not None:
        written = write(found, report)
        typer.echo(f"symbench: report written to {plain(str(written))}", err=True)
    if as_json:
        print_json(found.as_dict())
        return
    typer.echo(page(found, terminal_width()), nl=False)
