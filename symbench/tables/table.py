"""Reading: a file or arrays -> a checked table of inputs and targets."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbench.errors import InputError
from symbench.tables import checks, columns
from symbench.tables.columns import Columns, listed
from symbench.tables.layout import Layout, parse_layout
from symbench.tables.splits import groups_of, split_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from symbench.contract import Split

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Table:
    """Checked rows of inputs and targets, all finite.

    Attributes:
        x: inputs [n, d] in float64.
        y: targets [n, k] in float64, or classes [n] in int64.
        inputs: names of the d input columns.
        outputs: names of the k output columns; of one column for classes.
        classes: names of the classes, by their number; empty for regression.
        layout: where the copies of a space stand; None if that was not said.
        source: name of the file, or ``arrays``.
        sha256: checksum of the file, or of the numbers of arrays.
        rows: the row numbers of each split, from 0; rows with equal inputs are in one split.
        repeated: how many rows have the inputs of an earlier one.
    """

    x: Tensor
    y: Tensor
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    classes: tuple[str, ...]
    layout: Layout | None
    source: str
    sha256: str
    rows: Mapping[Split, Sequence[int]]
    repeated: int

    def __len__(self) -> int:
        return len(self.x)


def read(  # noqa: PLR0913 - each says one thing about the table
    source: Any,
    y: Any = None,
    *,
    inputs: str | Sequence[str] = (),
    outputs: str | Sequence[str] = (),
    classes: bool = False,
    layout: Layout | str | None = None,
    called: str = "output",
) -> Table:
    """Return the checked table of a file, a data frame, or arrays.

    Args:
        source: path of a csv, npz or parquet file, a data frame, or inputs [n, ...] as an array, a
            tensor or nested lists. Axes after the first are flattened.
        y: targets [n, ...] if ``source`` holds inputs only.
        inputs: names or globs of the input columns; by default all that are not outputs.
        outputs: names or globs of the output columns. For arrays the names are ``x`` and ``y``,
            for an npz file those of its arrays; there the default is ``y`` from ``x``.
        classes: whether the output is a class instead of a number.
        layout: where the copies of a space stand, as ``parse_layout`` reads it.
        called: what messages call an output.

    Raises:
        InputError: the table cannot be used; the message names the column, and the row from 1.
    """
    held = _columns(source, y)
    _check_rows(held.source, len(held.frame))
    x_names, y_names = _chosen(held, _patterns(held, inputs), _patterns(held, outputs), called)
    x = checks.numbers(held, x_names, "leave the column out of the inputs")
    names: tuple[str, ...] = ()
    targets: NDArray[Any]
    if classes:
        targets, names = checks.labels(held, y_names)
    else:
        hint = "add --classes (classes=True) to predict a class"
        targets = checks.numbers(held, y_names, hint if called == "output" else "give numbers")
        checks.check_no_copy(held, (x_names, x), (y_names, targets))
    layout = parse_layout(layout) if isinstance(layout, str) else layout
    if layout is not None:
        layout.check(len(x_names), len(names) or len(y_names))
    groups = groups_of(x)
    _check_rows(held.source, len(groups), " with different inputs")
    repeated = len(x) - len(groups)
    if repeated and multiprocessing.parent_process() is None:  # a worker reads the same rows
        message = "%s: %d of %d rows have the inputs of another row; they are in its split"
        _log.warning(message, held.source, repeated, len(x))
    import torch

    return Table(
        torch.from_numpy(x), torch.from_numpy(targets), tuple(x_names), tuple(y_names), names,
        layout, held.source, held.sha256, split_rows(groups), repeated,
    )  # fmt: skip


def _check_rows(source: str, rows: int, such: str = "") -> None:
    if rows < checks.LEAST_ROWS:
        raise InputError(f"{source}: {rows} rows{such}: at least {checks.LEAST_ROWS} are needed")


def _columns(source: Any, y: Any) -> Columns:
    """Return the columns of whatever was given."""
    if isinstance(source, str | os.PathLike):
        if y is not None:
            raise InputError("y belongs to arrays: name the outputs of a file by outputs=")
        return columns.of_file(Path(source))
    import pandas as pd

    if isinstance(source, pd.DataFrame) and y is None:
        return columns.of_frame(source, "data frame")
    if y is None:
        raise InputError("targets are missing: give TableTask(x, y), a data frame or a file")
    if isinstance(source, pd.DataFrame):
        targets = y if isinstance(y, pd.DataFrame | pd.Series) else pd.DataFrame({"y": _array(y)})
        both = [source.reset_index(drop=True), targets.reset_index(drop=True)]
        if len(both[0]) != len(both[1]):
            raise InputError(f"x has {len(both[0])} rows, y {len(both[1])}: give equally many")
        held = columns.of_frame(pd.concat(both, axis=1), "data frame")
        width = source.shape[1]
        return replace(held, arrays={"x": (*held.names[:width],), "y": (*held.names[width:],)})
    return columns.of_arrays({"x": _array(source), "y": _array(y)}, "arrays")


def _array(values: Any) -> Any:
    """Return numbers or labels as a numpy array with rows.

    Raises:
        InputError: they have no rows, or rows of different lengths.
    """
    import numpy as np
    import torch

    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InputError(
            "arrays need rows of equal length, with a number in every place"
        ) from error
    if array.ndim == 0:
        raise InputError(f"arrays need rows, not one value ({array!r})")
    return array


def _patterns(held: Columns, given: str | Sequence[str]) -> list[str]:
    """Return the names or globs; a text may list several, separated by commas."""
    texts = [given] if isinstance(given, str) else list(given)
    parts = [[text] if text in held.names else text.split(",") for text in texts]
    return [part.strip() for several in parts for part in several if part.strip()]


def _chosen(
    held: Columns, inputs: Sequence[str], outputs: Sequence[str], called: str
) -> tuple[list[str], list[str]]:
    """Return the names of the input and of the output columns.

    Raises:
        InputError: no output is named, a name is unknown, or a column is both.
    """
    if not outputs and "y" in held.arrays:
        outputs = ["y"]
        inputs = inputs or (["x"] if "x" in held.arrays else [])
    if not outputs:
        raise InputError(
            f"{held.source}: say which columns to predict (--outputs): it has {listed(held.names)}"
        )
    y_names = held.chosen(outputs, called)
    if not inputs:
        x_names = [name for name in held.names if name not in y_names]
    else:
        x_names = held.chosen(inputs, "input")
    if both := [name for name in x_names if name in y_names]:
        raise InputError(
            f"{held.source}: column {both[0]!r} is an input and the {called}: choose one of the two"
        )
    if not x_names:
        raise InputError(f"{held.source}: no column is left for the inputs")
    return x_names, y_names
