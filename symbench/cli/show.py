"""The verb ``show``."""

from __future__ import annotations

from typing import Annotated

import typer

from symbench.cli import cards, completion, pages
from symbench.cli.loading import registered
from symbench.cli.options import AsJson, BlockedPlugins, PluginFiles
from symbench.cli.output import coloured, print_json, terminal_width


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A task, model, metric, suite, executor, plugin, column or word.",
            autocompletion=completion.names,
        ),
    ],
    declined: Annotated[
        bool, typer.Option("--declined", help="Name all models or tasks behind each refusal.")
    ] = False,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """For a task it also lists the models that accept it, and why the others do not."""
    with registered(plugin, no_plugin) as registry:
        documents = cards.show(registry, name)
    if as_json:
        print_json({"cards": documents})
        return
    shown = [
        pages.card(document, terminal_width(), colour=coloured(), declined=declined)
        for document in documents
    ]
    typer.echo("\n".join(shown), nl=False)
