"""What the columns of a table must be: numbers, finite, not constant; labels of a few classes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symbench.errors import InputError
from symbench.tables.columns import Columns, listed

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

LEAST_ROWS = 20  # different rows of inputs, of which a fifth is the test split
_LEAST_OF_A_CLASS = 2
_MOST_CLASSES = 0.25  # of the rows
_LONGEST = 40  # characters of a value that a message quotes
_DECIMAL_COMMA = re.compile(r"'\s*[-+]?\d+,\d+\s*'")
_MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "?"}  # as files write it


def numbers(columns: Columns, names: Sequence[str], hint: str) -> NDArray[np.float64]:
    """Return columns as numbers [n, columns], each finite and not constant in single precision.

    Args:
        columns: of a table.
        names: the columns to return.
        hint: what to do about a column of text.

    Raises:
        InputError: a column is not like that; the message names it and the first such row.
    """
    return np.stack([_number_column(columns, name, hint) for name in names], 1)


def _number_column(columns: Columns, name: str, hint: str) -> NDArray[np.float64]:
    column = columns.frame[name]
    where = f"{columns.source}: column {name!r}"
    _check_missing(column, where)
    values = _parsed(column, where, hint)
    _check_finite(values, where)
    if len(values) and (values == values[0]).all():
        raise InputError(f"{where} is constant ({values[0]:g} in every row): leave it out")
    single = values.astype(np.float32)
    if len(values) and (single == single[0]).all():
        raise InputError(
            f"{where} is constant in single precision (about {values[0]:g}): subtract its mean"
        )
    return values


def _check_missing(column: pd.Series[Any], where: str) -> None:
    """Require a value in every row; row 1 is the first one below the names."""
    missing = column.isna().to_numpy()
    if column.dtype.kind in "OUSTV" or str(column.dtype) == "str":
        missing = missing | column.map(_says_missing).to_numpy(bool)
    if missing.any():
        rows, first = int(missing.sum()), int(missing.argmax()) + 1
        more = "" if rows == 1 else f" (and in {rows - 1} more rows)"
        raise InputError(
            f"{where} has no value in row {first}{more}: fill in the missing values, or leave out "
            "the rows or the column"
        )


def _says_missing(value: object) -> bool:
    return isinstance(value, str) and value.strip().lower() in _MISSING


def _parsed(column: pd.Series[Any], where: str, hint: str) -> NDArray[np.float64]:
    import pandas as pd

    if column.dtype.kind in "biuf":
        return np.asarray(column, np.float64)
    parsed = pd.to_numeric(column.astype(object), errors="coerce").to_numpy()
    if parsed.dtype.kind not in "biuf":
        raise InputError(f"{where} holds {column.dtype}, not real numbers: leave it out")
    bad = np.isnan(parsed)
    if bad.any():
        row = int(bad.argmax())
        text = _quoted(column.iloc[row])
        hint = "write decimal points, not commas" if _DECIMAL_COMMA.fullmatch(text) else hint
        raise InputError(f"{where} holds text: {text} in row {row + 1}: {hint}")
    return np.asarray(parsed, np.float64)


def _quoted(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def _check_finite(values: NDArray[np.float64], where: str) -> None:
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(values.astype(np.float32))
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            f"{where} has {values[row]:g} in row {row + 1}, which single precision cannot hold: "
            "correct the value or leave out the row"
        )


def labels(columns: Columns, names: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the class [n] of each row, and the names of the classes in order.

    Raises:
        InputError: there is more than one column, a value is missing, or these are no classes.
    """
    if len(names) != 1:
        raise InputError(
            f"{columns.source}: classes are in one column, not in {listed(names)}: name one"
        )
    where = f"{columns.source}: column {names[0]!r}"
    column = columns.frame[names[0]]
    _check_missing(column, where)
    values = column.to_numpy(object)
    try:
        known = sorted(set(values))
    except TypeError:  # numbers and texts together
        known = sorted(set(values), key=str)
    if len(known) < 2:
        raise InputError(f"{where} holds one class ({_quoted(known[0])}): two are needed")
    if len(known) > max(2, _MOST_CLASSES * len(values)):
        raise InputError(
            f"{where} has {len(known)} different values in {len(values)} rows, too many for "
            "classes: predict it as a number instead"
        )
    rare, count = min(Counter(values).items(), key=lambda item: item[1])
    if count < _LEAST_OF_A_CLASS:
        raise InputError(f"{where}: class {_quoted(rare)} has one row: leave it out")
    places = {value: place for place, value in enumerate(known)}
    return np.array([places[value] for value in values], np.int64), tuple(map(str, known))


def check_no_copy(
    columns: Columns,
    inputs: tuple[Sequence[str], NDArray[np.float64]],
    outputs: tuple[Sequence[str], NDArray[np.float64]],
) -> None:
    """Require that no input holds the numbers of an output.

    Raises:
        InputError: one does.
    """
    for name, target in zip(outputs[0], outputs[1].T, strict=True):
        same = (inputs[1] == target[:, None]).all(0)
        if same.any():
            copy = inputs[0][int(same.argmax())]
            raise InputError(
                f"{columns.source}: input {copy!r} equals output {name!r} in every row: leave it "
                "out of the inputs"
            )
