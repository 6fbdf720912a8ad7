"""The columns of a file or of arrays, before any of them is chosen or checked."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, is_zipfile

from symbench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_SEPARATORS = ",;\t|"
_FIELDS = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")  # as pandas says it
_ENDINGS = ".csv, .tsv, .txt, .npz or .parquet"


@dataclass(frozen=True)
class Columns:
    """A data frame with unique names, where it comes from, and its SHA-256.

    ``arrays`` maps the name of an array to its columns: an array ``x`` of shape [n, 2] has the
    columns ``x.0`` and ``x.1``.
    """

    frame: pd.DataFrame
    source: str
    sha256: str
    arrays: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [str(name) for name in self.frame.columns]

    def chosen(self, patterns: Sequence[str], option: str) -> list[str]:
        """Return the columns that match names or globs of columns or arrays, in their order.

        Raises:
            InputError: a pattern matches nothing.
        """
        matched: set[str] = set()
        for pattern in patterns:
            found = [name for name in self.names if pattern == name or fnmatchcase(name, pattern)]
            for name, columns in self.arrays.items():
                if pattern == name or fnmatchcase(name, pattern):
                    found += columns
            if not found:
                raise self._unknown(pattern, option)
            matched.update(found)
        return [name for name in self.names if name in matched]

    def _unknown(self, pattern: str, option: str) -> InputError:
        known = [*self.arrays, *self.names]
        near = get_close_matches(pattern, known)
        hint = f"did you mean {', '.join(near)}?" if near else f"it has {listed(known)}"
        return InputError(f"{self.source}: {option} {pattern!r} is no column: {hint}")


def listed(names: Sequence[str], most: int = 12) -> str:
    """Return names separated by commas, at most so many of them."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"


def of_file(path: Path) -> Columns:
    """Return the columns of a csv, npz or parquet file.

    Raises:
        InputError: the file cannot be read, or is not what its ending says.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        why = error.strerror or "unreadable"
        raise InputError(f"table {str(path)!r}: {why}: give the path of a file") from error
    if not content.strip():
        raise InputError(f"{path.name}: the file is empty")
    sha256 = hashlib.sha256(content).hexdigest()
    match path.suffix.lower():
        case ".csv" | ".tsv" | ".txt":
            return Columns(_csv(content, path.name), path.name, sha256)
        case ".npz":
            return _npz(content, path.name, sha256)
        case ".parquet":
            return Columns(_parquet(content, path.name), path.name, sha256)
    raise InputError(f"{path.name}: unknown kind of table: name the file *{_ENDINGS}")


def _csv(content: bytes, source: str) -> pd.DataFrame:
    """Return a frame of numbers and texts; the separator is that of the first line."""
    import pandas as pd

    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{source}: line {line} is not UTF-8 text: save the file in this encoding"
        ) from error
    if "\0" in text:
        raise InputError(f"{source}: it holds null characters: save it as text in UTF-8")
    first = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first.count)
    header = next(csv.reader([first], delimiter=separator))
    _check_header([name.strip() for name in header], source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.StringIO(text), sep=separator, index_col=False, keep_default_na=False,
                na_values=[""], low_memory=False,
            )  # fmt: skip
    except (ValueError, pd.errors.ParserWarning) as error:
        raise InputError(f"{source}: {_reason(error)}") from error
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    return frame


def _reason(error: BaseException) -> str:
    """Return why pandas could not parse a csv file, in one line."""
    message = " ".join(str(error).split())
    if found := _FIELDS.search(message):
        first, line, fields = found.groups()
        return f"line {line} has {fields} fields, the first line {first}: give all as many"
    if "Length of header" in message:
        return "line 2 has more fields than the first line: give all as many"
    return f"not a table of text: {message}"


def _check_header(names: Sequence[str], source: str) -> None:
    """Require a first line of different names."""
    if all(map(_is_number, names)):
        raise InputError(f"{source}: the first line holds numbers: begin with names of the columns")
    if blank := [place for place, name in enumerate(names, 1) if not name]:
        raise InputError(f"{source}: column {blank[0]} has no name: write one in the first line")
    check_unique(names, source)


def check_unique(names: Sequence[str], source: str) -> None:
    """Require that no two columns have the same name.

    Raises:
        InputError: two have.
    """
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"{source}: two columns are named {twice[0]!r}: rename one")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _npz(content: bytes, source: str, sha256: str) -> Columns:
    """Return the arrays of the longest first axis that most of them share; pickles are refused."""
    import numpy as np

    if not is_zipfile(io.BytesIO(content)):
        raise InputError(f"{source}: not an npz file: write it by numpy.savez")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, BadZipFile, AttributeError) as error:
        raise InputError(f"{source}: not an npz file of plain arrays: {error}") from error
    rows = Counter(len(array) for array in arrays.values() if array.ndim)
    if not rows:
        raise InputError(f"{source}: it holds no array with rows: store x and y")
    if max(rows.values()) == 1:  # none is of the length of another
        return of_arrays({name: a for name, a in arrays.items() if a.ndim}, source, sha256)
    count = max(rows, key=lambda length: (rows[length], length))
    return of_arrays(
        {name: a for name, a in arrays.items() if a.ndim and len(a) == count}, source, sha256
    )


def _parquet(content: bytes, source: str) -> pd.DataFrame:
    import pandas as pd

    try:
        import pyarrow  # noqa: F401 - the reader of pandas
    except ImportError as error:
        raise InputError(
            f"{source}: reading parquet needs pyarrow: pip install 'symbench[parquet]'"
        ) from error
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except (ValueError, OSError) as error:  # pyarrow's errors are of these types
        raise InputError(f"{source}: not a parquet file: {' '.join(str(error).split())}") from error
    return of_frame(frame, source).frame


def of_frame(frame: pd.DataFrame, source: str) -> Columns:
    """Return the columns of a data frame; its index is left out."""
    import pandas as pd

    plain = frame.reset_index(drop=True)
    plain.columns = pd.Index([str(name) for name in frame.columns])
    check_unique([*plain.columns], source)
    digest = hashlib.sha256(repr([*plain.columns]).encode())
    for name in plain.columns:
        digest.update(pd.util.hash_array(plain[name].to_numpy(), categorize=False).tobytes())
    return Columns(plain, source, digest.hexdigest())


def of_arrays(arrays: Mapping[str, Any], source: str, sha256: str = "") -> Columns:
    """Return the columns of arrays of equal length [n, ...]; further axes are flattened.

    Args:
        arrays: numpy arrays by name.
        source: what messages call them.
        sha256: of their file; by default that of their numbers.

    Raises:
        InputError: their lengths differ.
    """
    import pandas as pd

    digest = hashlib.sha256()
    columns: dict[str, Any] = {}
    places: dict[str, tuple[str, ...]] = {}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InputError(f"{source}: the arrays need equally many rows, {told}")
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
        flat = array.reshape(len(array), math.prod(array.shape[1:]))
        wide = array.ndim > 1
        places[name] = tuple(f"{name}.{k}" if wide else name for k in range(flat.shape[1]))
        columns.update(zip(places[name], flat.T, strict=True))
    frame = pd.DataFrame(columns)
    check_unique([*frame.columns], source)
    return Columns(frame, source, sha256 or digest.hexdigest(), places)
