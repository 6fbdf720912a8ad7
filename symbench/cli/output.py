"""How every verb prints: standard output, the width and colours of the terminal, and JSON."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from typing import Any

import typer

from symbench.errors import SymbenchError

_WIDTH = 120  # where the output is not a terminal
_DUMB = ("dumb", "unknown")


class OutputError(SymbenchError):
    """Standard output is closed or cannot be written."""


def take_stdout() -> None:
    """Take standard output for symbench for the rest of the process.

    ``sys.stdout`` gets a descriptor of its own. Descriptor 1 becomes standard error, which takes
    what plugins and their C libraries write there. A character that the encoding does not have is
    printed as a question mark.

    Raises:
        OutputError: it is closed.
    """
    if sys.stderr is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - for the rest of the process
    if sys.stdout is None:
        raise OutputError("standard output is closed: redirect it, for example with > /dev/null")
    if not _is_standard(sys.stdout):
        return
    sys.stdout.flush()
    raw = _Raw(os.dup(1), "w")
    encoding = sys.stdout.encoding
    os.dup2(2, 1)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, "replace", line_buffering=raw.isatty()
    )


def discard_stdout() -> None:
    """Send what is still to be written to standard output nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):  # it is closed, or no file
        return


def terminal_width() -> int:
    """Return the columns of the terminal (``COLUMNS`` comes first); 120 without one."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _WIDTH
    except (AttributeError, OSError, ValueError):  # no terminal, or no file
        return _WIDTH


def coloured() -> bool:
    """Whether to colour the output: only on a terminal with colours, without NO_COLOR."""
    dumb = os.environ.get("TERM", "").lower() in _DUMB
    return sys.stdout.isatty() and not dumb and not os.environ.get("NO_COLOR")


def print_json(document: Any) -> None:
    """Print a document as indented JSON."""
    typer.echo(json.dumps(document, indent=1, allow_nan=False, default=str))


class PlainFormatter(logging.Formatter):
    """Formats log records without control and bidirectional characters."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of the record."""
        from symbench.results.report.escape import visible

        return visible(super().format(record))


class _Raw(io.FileIO):
    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"standard output cannot be written: {error.strerror}") from error


def _is_standard(stream: Any) -> bool:
    try:
        return bool(stream.fileno() == 1)
    except (AttributeError, OSError, ValueError):  # replaced by something that is no file
        return False
