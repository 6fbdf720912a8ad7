"""The glossary of the documentation: what the words and the columns of the tables mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# The wheel holds a copy of the page beside this module; a source tree has only the page.
_PAGES = (
    Path(__file__).with_name("glossary.md"),
    Path(__file__).parents[2] / "docs" / "glossary.md",
)
_ENTRY = re.compile(r"^- \*\*(.+?)\*\*(?: \(`(.+?)`\))?: (.+?)(?=^- |^#|\Z)", re.M | re.S)


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes:
        kind: a word, or a column of the tables.
        name: the word, or the heading of the column.
        score: the column's name in records, CSV and JSON; empty where it is the heading.
        meaning: one or two sentences, on one line.
    """

    kind: Literal["word", "column"]
    name: str
    score: str
    meaning: str


def entries() -> list[Entry]:
    """Return all entries, the words first."""
    page = next(path for path in _PAGES if path.is_file()).read_text(encoding="utf-8")
    words, columns = page.split("\n## Columns of the tables\n")
    return [*_read("word", words), *_read("column", columns)]


def find(name: str) -> list[Entry]:
    """Return the entries of a word, a heading or the name of a score; capitals do not matter."""
    return [one for one in entries() if _plain(name) in (_plain(one.name), _plain(one.score))]


def _read(kind: Literal["word", "column"], text: str) -> Iterator[Entry]:
    for name, score, meaning in _ENTRY.findall(text):
        yield Entry(kind, name, score, " ".join(meaning.split()))


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")
