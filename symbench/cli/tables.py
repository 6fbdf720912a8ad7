"""The options that make a task of a file, for every verb that takes ``--table``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from symbench.errors import InputError
from symbench.tables import TableSource

TableFile = Annotated[
    Path | None,
    typer.Option("--table", metavar="FILE", help="Add the task of a csv, npz or parquet file."),
]
TableInputs = Annotated[
    list[str] | None,
    typer.Option(
        "--inputs", metavar="COLUMNS", help="Input columns or globs (default: all but the outputs)."
    ),
]
TableOutputs = Annotated[
    list[str] | None,
    typer.Option("--outputs", metavar="COLUMNS", help="Columns to predict, or globs."),
]
TableClasses = Annotated[
    bool, typer.Option("--classes", help="The output column holds classes, not numbers.")
]
TableLayout = Annotated[
    str | None,
    typer.Option(
        "--layout", metavar="'2 x 3'", help="Vectors in a row of the table: copies x dimension."
    ),
]
TableSymmetry = Annotated[
    str | None,
    typer.Option(
        "--symmetry", metavar="'O(3)'", help="Group that acts on these vectors, told to models."
    ),
]


def table_source(
    path: Path | None,
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
    classes: bool,
    layout: str | None,
    symmetry: str | None,
) -> tuple[TableSource, ...]:
    """Return the table that the options describe; none without ``--table``.

    Raises:
        InputError: there are options of a table, but no table.
    """
    options: dict[str, Any] = {
        "inputs": tuple(inputs or ()), "outputs": tuple(outputs or ()), "classes": classes,
        "layout": layout, "symmetry": symmetry,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value}
    if path is None and given:
        raise InputError(f"--{next(iter(given))} belongs to a table: give --table FILE")
    return () if path is None else (TableSource(path.absolute(), given),)
