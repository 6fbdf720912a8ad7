"""The verb ``verify``: a submission -> a verdict, and how it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symbench.cli.loading import registered
from symbench.cli.options import AsJson, BlockedPlugins, CellTimeout, PluginFiles
from symbench.cli.output import print_json
from symbench.cli.tables import (
    TableClasses,
    TableFile,
    TableInputs,
    TableLayout,
    TableOutputs,
    TableSymmetry,
    table_source,
)
from symbench.errors import InputError
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from symbench.publish.submission import CellVerdict, Verdict
    from symbench.records.record import Identity

_LIMIT = 600  # characters per line, because a submission may quote anything
_HOW = {
    "exact": "every score within 1e-6",
    "spread": "within the spread of the seeds",
    "status": "it fails here too",
}


def verify(  # noqa: PLR0913 - one parameter per option
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A submission.json or a published directory."),
    ] = None,
    *,
    cells: Annotated[int, typer.Option(metavar="K", min=1, help="Cells to run again.")] = 3,
    seed: Annotated[
        int, typer.Option(metavar="S", help="Seed for choosing the cells; pick your own.")
    ] = 0,
    timeout: CellTimeout = None,
    memory: Annotated[
        float | None,
        typer.Option(metavar="GIB", help="Memory limit per cell, in GiB (default: a share)."),
    ] = None,
    table: TableFile = None,
    inputs: TableInputs = None,
    outputs: TableOutputs = None,
    classes: TableClasses = False,
    layout: TableLayout = None,
    symmetry: TableSymmetry = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the file's JSON schema.")] = False,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> int:
    """The new scores must agree with the submitted ones. The exit code is 0 if they do.

    Verified means: the code that is installed here gives these results here.
    """
    from symbench.publish import submission

    if schema:
        print_json(submission.json_schema())
        return 0
    if file is None:
        raise InputError("nothing to verify: give a submission.json")
    tables = table_source(table, inputs, outputs, classes, layout, symmetry)
    with registered(plugin, no_plugin, tables) as registry:
        rerunner = submission.Rerunner(registry, timeout=timeout, memory=memory)
        verdict = submission.verify_path(file, rerunner, cells, seed, _announce)
    if as_json:
        print_json(verdict.document())
    else:
        typer.echo(page(verdict), nl=False)
    return verdict.exit_code


def page(verdict: Verdict) -> str:
    """Return the verdict as lines of plain text; the first one is the line to quote."""
    return "".join(f"{plain(line, _LIMIT)}\n" for line in _lines(verdict))


def _lines(verdict: Verdict) -> Iterator[str]:
    yield verdict.line
    if verdict.sha256:
        yield f"submission sha256 {verdict.sha256}, drawn with seed {verdict.seed}"
    for cell in verdict.cells:
        if cell.how is not None:
            yield f"{cell.task} {cell.model}: {cell.outcome}, {cell.why or _HOW[cell.how]}"
    for why, count in _obstacles(verdict.cells).most_common():
        yield f"not checkable here: {count} of {verdict.of + verdict.failed} cells, {why}"


def _obstacles(cells: tuple[CellVerdict, ...]) -> Counter[str]:
    return Counter(cell.why for cell in cells if cell.how is None)


def _announce(identity: Identity) -> None:
    """Print on stderr the name of a cell that is about to run."""
    typer.echo(plain(f"running {identity.task} {identity.model} again"), err=True)
