"""One static page about the findings: no script, no address outside its own folder."""

from __future__ import annotations

import tempfile
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from symbench.discovery import words
from symbench.discovery.findings import Findings
from symbench.discovery.page import sections
from symbench.discovery.report import pictures
from symbench.errors import InputError
from symbench.results.report.escape import plain

_SHOWN = 12  # generators with pictures
_PAIRS = 6  # pairs of coordinates on which a flow is drawn


def create(directory: Path) -> None:
    """Create a directory for a report, before the search for what it is about.

    Raises:
        InputError: it cannot be created or written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise _unwritable(directory, error) from error


def _unwritable(directory: Path, error: OSError) -> InputError:
    return InputError(
        f"report {str(directory)!r}: {error.strerror}: give a directory that can be written"
    )


def write(found: Findings, directory: Path) -> Path:
    """Write ``index.html`` and ``style.css`` into a directory, and return the page.

    Raises:
        InputError: the directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        page = directory / "index.html"
        page.write_text(render(found), encoding="utf-8")
        style = files(__package__).joinpath("templates", "style.css").read_text(encoding="utf-8")
        (directory / "style.css").write_text(style, encoding="utf-8")
    except OSError as error:
        raise _unwritable(directory, error) from error
    return page


def render(found: Findings) -> str:
    """Return the page as HTML; every name from the table is escaped."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            found=found,
            headline=words.headline(found),
            sections=sections(found),
            spectrum=Markup(pictures.spectrum(found)),  # noqa: S704 - made of numbers
            generators=[_pictures(found, place) for place in range(len(found.generators[:_SHOWN]))],
            left_out=max(0, len(found.generators) - _SHOWN),
        )
    )


def _pictures(found: Findings, place: int) -> dict[str, Any]:
    """Return a generator with its pictures, which are made of numbers and escaped names."""
    generator, names = found.generators[place], [plain(name) for name in found.space]
    matrix = generator.matrix / generator.matrix.abs().max()
    pairs = list(combinations(range(len(names)), 2))
    moving = sorted(pairs, key=lambda pair: -float(matrix[list(pair)].abs().sum()))[:_PAIRS]
    return {
        "number": place + 1,
        "defect": generator.defect,
        "bound": generator.bound,
        "error": generator.error,
        "break_seen": generator.break_seen,
        "flow": words.flow(generator, found.space),
        "matrix": [[float(value) for value in row] for row in matrix[:-1]],
        "columns": [*names, "1"],
        "rows": names,
        "heat": Markup(pictures.heat(matrix[:-1])),  # noqa: S704 - made of numbers
        "flows": [
            (names[i], names[j], Markup(pictures.flow(matrix, i, j)))  # noqa: S704
            for i, j in sorted(moving)
        ],
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: plain(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: f"{value:.3f}"
    return environment
