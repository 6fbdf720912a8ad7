"""A published directory: the submission, and its tables in every document format.

The compact form, for version control, has the submission compressed, a README, and pictures.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from symbench.errors import InputError
from symbench.files import write_atomic
from symbench.publish.submission.contradictions import is_of_earlier_protocol
from symbench.publish.submission.readme import earlier_readme, readme
from symbench.results import report
from symbench.results.published.document import COMPRESSED, FILE_NAME, Submission
from symbench.results.published.pictures import FILE_NAME as PICTURES
from symbench.results.published.pictures import packed
from symbench.results.published.publication import is_publication
from symbench.results.published.reading import LARGEST, parse_foreign
from symbench.results.report.long_csv import render_long

SCORES = "scores.csv"
README = "README.md"
_OWN = (
    README, "leaderboard.csv", "leaderboard.tex", "leaderboard.json", SCORES, FILE_NAME, COMPRESSED,
    PICTURES,
)  # fmt: skip
# Files of an earlier publication's site that the new site may no longer have.
_FRONT = tuple(
    f"{name}.html"
    for name in ("index", "results", "tasks", "models", "compare", "discovery", "about")
)
_MARK = b'<meta name="generator" content="symbench">'
_NAME = r"[a-z0-9][a-z0-9.-]{0,63}"
_PAGES = {
    **dict.fromkeys(("boards", "tasks", "models"), re.compile(rf"{_NAME}\.html")),
    "figures": re.compile(
        rf"(task|board)-{_NAME}\.svg|[0-9a-f]{{12}}\.svg|(ranks|profiles)-\d+\.svg"
        r"|[0-9a-f]{16}-\d+\.png"
    ),
    "static": re.compile(
        r"icon\.svg|site\.css|(charts|compare|figure|model|overview|results|tables|task|theme)\.js"
    ),
    "static/vendor": re.compile(r"(d3|plot)-[\d.]+\.min\.js|LICENSES\.txt"),
}


def files(submission: Submission) -> dict[str, str]:
    """Return the text of each file of a publication, by file name."""
    leaderboard = submission.leaderboard
    return {
        FILE_NAME: submission.to_json(),
        README: readme(submission),
        "leaderboard.csv": report.render(leaderboard, "csv"),
        "leaderboard.tex": report.render(leaderboard, "latex"),
        "leaderboard.json": report.render(leaderboard, "json"),
        SCORES: render_long(submission.records),
    }


def compact_files(
    submission: Submission, pictures: Mapping[str, Sequence[bytes]]
) -> dict[str, bytes]:
    """Return the content of each file of a publication in compact form, by file name."""
    text = submission.to_json().encode()
    compact = {COMPRESSED: gzip.compress(text, mtime=0), README: readme(submission).encode()}
    return compact | ({PICTURES: packed(pictures)} if pictures else {})


def write(
    submission: Submission,
    directory: Path,
    site: Mapping[str, bytes] | None = None,
    compact: Mapping[str, Sequence[bytes]] | None = None,
) -> list[Path]:
    """Write the files of a publication and return their paths; those of an earlier one go.

    Of the files of a site only the front page is returned.

    Args:
        submission: what the tables are made from.
        directory: a new one, or that of an earlier publication; other files in it are unchanged.
        site: the files of the site by path; pages of an earlier site are removed.
        compact: write the compact form, with these pictures by the key of their record.

    Raises:
        InputError: the directory holds something else, or cannot be written.
    """
    if compact is None:
        own = {name: text.encode() for name, text in files(submission).items()}
    else:
        own = compact_files(submission, compact)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _refuse_links(directory)
        if any(directory.iterdir()) and not is_publication(directory):
            raise InputError(
                f"{directory} holds no {FILE_NAME}: give a new directory, or one of an earlier "
                "publication"
            )
        written = [write_atomic(directory / name, content) for name, content in own.items()]
        pages = {directory / name: content for name, content in (site or {}).items()}
        for leftover in set(_pages(directory)) - set(pages):
            leftover.unlink()
        for name in set(_OWN) - set(own):
            (directory / name).unlink(missing_ok=True)
        for path, content in pages.items():
            write_atomic(path, content)
        return [*written, directory / "index.html"] if pages else written
    except OSError as error:
        raise InputError(f"cannot write {directory}: {error.strerror or error}") from error


def _refuse_links(directory: Path) -> None:
    """Refuse a directory whose own folders or files are links or no files.

    Raises:
        InputError: there is one; a page would be deleted or written outside of the directory.
    """
    for folder in _PAGES:
        place = directory / folder
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise InputError(f"{place} is a link or no folder: remove it, or give a new directory")
    files = [directory / name for name in (*_OWN, *_FRONT)]
    for file in (*files, *(path for folder in _PAGES for path in (directory / folder).glob("*"))):
        if file.is_symlink() or not (file.is_file() or file.is_dir() or not file.exists()):
            raise InputError(f"{file} is a link or no file: remove it, or give a new directory")


def differing_files(submission: Submission, directory: Path) -> list[str]:
    """Return the names of the files whose content is not what this version would write.

    Differences that change no result are accepted: the layout of JSON, the comments of LaTeX, the
    wording of the README's legend, and a README of all tables, as earlier versions wrote it. Tables
    of an earlier protocol are not compared. Earlier versions wrote no ``scores.csv``, and the
    compact form has no table but the README.
    """
    if is_of_earlier_protocol(submission):
        return []
    optional = {SCORES}
    if (directory / COMPRESSED).exists():
        optional |= {*_OWN} - {README}
    return [
        name
        for name, text in files(submission).items()
        if name != FILE_NAME
        and not (name in optional and not (directory / name).exists())
        and not _agrees(directory / name, text)
        and not (name == README and _agrees(directory / name, earlier_readme(submission)))
    ]


def _pages(directory: Path) -> Iterator[Path]:
    """Yield the files of an earlier site; a page that symbench did not make is none."""
    paths = [directory / name for name in _FRONT]
    for folder, pattern in _PAGES.items():
        inside = sorted((directory / folder).glob("*"))
        paths += [path for path in inside if pattern.fullmatch(path.name)]
    for path in paths:
        if path.is_file() and (path.suffix != ".html" or _MARK in path.read_bytes()):
            yield path


def _agrees(path: Path, expected: str) -> bool:
    try:
        if not path.is_file():  # a pipe would wait for a writer
            return False
        with path.open("rb") as file:
            content = file.read(LARGEST)
        if path.suffix == ".json":
            return bool(parse_foreign(content) == parse_foreign(expected.encode()))
        text = content.decode()
    except (OSError, InputError, UnicodeDecodeError):
        return False
    if path.suffix == ".tex":
        return _without_comments(text) == _without_comments(expected)
    if path.suffix == ".md":
        return _without_prose(text) == _without_prose(expected)
    return text == expected


def _without_comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("%")]


def _without_prose(text: str) -> list[str]:
    """Return the headings, lists and tables of a Markdown text."""
    return [line for line in text.splitlines() if line.startswith(("#", "-", "|"))]
