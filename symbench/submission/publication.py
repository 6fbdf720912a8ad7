"""A directory that holds a submission, and its tables in every format of documents."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from symbench import report
from symbench.errors import InputError
from symbench.report.clean import markdown
from symbench.submission.document import FILE_NAME, Submission

_VERSIONS = ("symbench", "git", "python", "torch", "machine", "device")


def files(submission: Submission) -> dict[str, str]:
    """Return the text of each file of a publication by its name."""
    board = submission.leaderboard
    return {
        FILE_NAME: submission.to_json(),
        "README.md": _readme(submission),
        "leaderboard.csv": report.render(board, "csv"),
        "leaderboard.tex": report.render(board, "latex"),
        "leaderboard.json": report.render(board, "json"),
    }


def write(submission: Submission, directory: Path) -> list[Path]:
    """Write the files of a publication, in place of those of an earlier one, and return them.

    Raises:
        InputError: the directory holds something else, or cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()) and not (directory / FILE_NAME).is_file():
            raise InputError(
                f"{directory} holds no {FILE_NAME}: give a new directory, or one of an earlier "
                "publication"
            )
        return [_written(directory / name, text) for name, text in files(submission).items()]
    except OSError as error:
        raise InputError(f"cannot write {directory}: {error.strerror or error}") from error


def differing_files(submission: Submission, directory: Path) -> list[str]:
    """Return the names of the files that are not what this version writes for the submission."""
    return [
        name
        for name, text in files(submission).items()
        if name != FILE_NAME and not _holds(directory / name, text)
    ]


def _written(path: Path, text: str) -> Path:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(text.encode())
    os.replace(temporary, path)
    return path


def _holds(path: Path, text: str) -> bool:
    expected = text.encode()
    try:
        with path.open("rb") as file:
            return file.read(len(expected) + 1) == expected
    except OSError:
        return False


def _readme(submission: Submission) -> str:
    parts = [
        f"# symbench leaderboard, tier {submission.tier}",
        "\n".join(f"- {line}" for line in _facts(submission)),
        report.render(submission.leaderboard, "md").rstrip("\n"),
        f"`symbench verify {FILE_NAME}` runs cells of it again. SHA-256 of the submission: "
        f"`{submission.hashes.whole}`.",
    ]
    return "\n\n".join(parts) + "\n"


def _facts(submission: Submission) -> list[str]:
    made = submission.provenance
    facts = [f"{name}: {_listed(getattr(made, name))}" for name in _VERSIONS]
    plugins = [f"{name} {' '.join(versions)}" for name, versions in made.plugins.items()]
    facts.append(f"plugins: {_listed(plugins)}")
    facts.append(f"cells started: {_listed(made.started, ' to ')}; {made.seconds:.0f} s in all")
    if submission.absent:
        count = len(submission.absent)
        facts.append(f"{count} pairs of these tasks and models have no current record")
    return facts


def _listed(texts: Sequence[str], between: str = ", ") -> str:
    return between.join(markdown(text) for text in texts) or "unknown"
