"""The verb ``list``. Its file is not ``list.py``, which would hide the builtin in this package."""

from __future__ import annotations

from typing import Annotated

import typer

from symbench.cli import cards, pages
from symbench.cli.loading import registered
from symbench.cli.options import AsJson, BlockedPlugins, PluginFiles
from symbench.cli.output import coloured, print_json, terminal_width
from symbench.errors import InputError


def list_registered(
    section: Annotated[str | None, typer.Argument(metavar=f"[{'|'.join(cards.SECTIONS)}]")] = None,
    long: Annotated[
        bool, typer.Option("--long", help="Also show versions, kinds, plugins and units.")
    ] = False,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """`symbench show NAME` describes one of them."""
    if section is not None and section not in cards.SECTIONS:
        raise InputError(f"unknown section {section!r}: choose one of {', '.join(cards.SECTIONS)}")
    with registered(plugin, no_plugin) as registry:
        names = [section] if section else cards.SECTIONS
        documents = {name: cards.section(registry, name) for name in names}
    if as_json:
        print_json(documents)
        return
    shown = pages.sections(documents, terminal_width(), colour=coloured(), long=long)
    typer.echo(shown, nl=False)
