"""A submission -> a verdict, and how it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import typer

from symbench.errors import InputError
from symbench.publish import submission
from symbench.publish.submission import Bench, CellVerdict, Submission, Verdict
from symbench.records.record import Identity
from symbench.results.report.escape import plain

_LIMIT = 600  # characters of a line; what it quotes is of unknown origin
_HOW = {"exact": "every figure within 1e-6", "spread": "within the spread of the seeds"}


def verdict(path: Path, bench: Bench, cells: int, seed: int) -> Verdict:
    """Return what is to be said of a submission, or of a directory that publish wrote.

    The drawn cells are named on stderr as they start.

    Raises:
        InputError: there is no such file.
    """
    directory = path if path.is_dir() else None
    file = path if directory is None else directory / "submission.json"
    if not file.is_file():
        raise InputError(f"no submission at {str(file)!r}: give the file that publish wrote")
    try:
        found = submission.read(file)
    except InputError as error:
        return submission.refusal(str(error))
    if directory is not None and (names := _edited(found, directory)):
        return submission.refusal(
            f"{', '.join(names)}: not what this version of symbench writes for the submission"
        )
    return submission.verify(found, bench, cells, seed, _announce)


def _edited(found: Submission, directory: Path) -> list[str]:
    """A submission at odds with itself has no tables to compare with."""
    return [] if submission.problems(found) else submission.differing_files(found, directory)


def page(found: Verdict) -> str:
    """Return the verdict as lines of plain text, the one to paste first."""
    return "".join(f"{plain(line, _LIMIT)}\n" for line in _lines(found))


def _lines(found: Verdict) -> Iterator[str]:
    yield found.line
    if found.sha256:
        yield f"submission sha256 {found.sha256}, drawn with seed {found.seed}"
    for cell in found.cells:
        if cell.how is not None:
            yield f"{cell.task} {cell.model}: {cell.outcome}, {cell.why or _HOW[cell.how]}"
    for why, count in _obstacles(found.cells).most_common():
        yield f"not checkable here: {count} of {found.of} cells, {why}"


def _obstacles(cells: tuple[CellVerdict, ...]) -> Counter[str]:
    return Counter(cell.why for cell in cells if cell.how is None)


def _announce(identity: Identity) -> None:
    typer.echo(plain(f"running {identity.task} {identity.model} again"), err=True)
