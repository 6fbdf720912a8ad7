"""The README of a publication: its best models in one table, and how to read and check the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from symbench.results import report
from symbench.results.leaderboard.discovery import discovery_board
from symbench.results.leaderboard.matrix import Line, matrix
from symbench.results.published.document import FILE_NAME, PROVENANCE, Submission
from symbench.results.report import discovery
from symbench.results.report import matrix as lines_of
from symbench.results.report.escape import markdown
from symbench.results.report.tables import coverage

_MOST = 16  # tasks in the table


def readme(submission: Submission) -> str:
    """Return the text: about thirty lines, however many tasks there are."""
    lines = matrix(submission.leaderboard, submission.records)
    board = discovery_board(submission.records, submission.tier)
    said = [_size(submission), lines_of.sentence(lines) or discovery.sentence(board)]
    parts = [
        f"# symbench leaderboard, tier {submission.tier}",
        " ".join(sentence for sentence in said if sentence),
        *(_matrix(submission, lines) if lines else ()),
        "\n".join(f"- {line}" for line in _steps(submission)),
    ]
    return "\n\n".join(parts) + "\n"


def earlier_readme(submission: Submission) -> str:
    """Return the text with the tables of all tasks, which earlier versions wrote."""
    parts = [
        f"# symbench leaderboard, tier {submission.tier}",
        "\n".join(f"- {line}" for line in _facts(submission)),
        report.render(submission.leaderboard, "md").rstrip("\n"),
        f"`symbench verify {FILE_NAME}` runs cells of it again. SHA-256 of the submission: "
        f"`{submission.hashes.whole}`.",
    ]
    return "\n\n".join(parts) + "\n"


def _size(submission: Submission) -> str:
    trained = [record for record in submission.records if record.trials]
    seeds = sorted({len(record.identity.seeds) for record in trained})
    count = " to ".join(map(str, dict.fromkeys((seeds[0], seeds[-1])))) if seeds else "no"
    tasks = len({record.identity.task for record in trained})
    models = len({record.identity.model for record in trained})
    return (
        f"{len(trained)} trained pairs of {tasks} tasks and {models} models, with {count} seeds. "
        f"{coverage(submission.leaderboard)}"
    )


def _matrix(submission: Submission, lines: Sequence[Line]) -> Iterator[str]:
    ran = Counter(row.task for row in submission.leaderboard.rows if row.status == "ok")
    ordered = sorted(lines, key=lambda one: (-len(one.best), -ran[one.task]))
    most = {line.task for line in ordered[:_MOST]}
    yield lines_of.table([line for line in lines if line.task in most])
    rest = len(lines) - len(most)
    left_out = f" These are the {_MOST} tasks with the most classes; {rest} are left out."
    yield lines_of.LEGEND + (left_out if rest else "")


def _steps(submission: Submission) -> Iterator[str]:
    """Yield what to do with the publication, and what it was made by."""
    yield "`symbench leaderboard --store .` prints all tables, with `--format csv` for programs"
    yield "`symbench verify .` runs cells of it again"
    yield f"SHA-256 of the submission: `{submission.hashes.whole}`"
    yield from _facts(submission)


def _facts(submission: Submission) -> Iterator[str]:
    made = submission.provenance
    for name in PROVENANCE:
        yield f"{name}: {_joined(getattr(made, name))}"
    plugins = [f"{name} {' '.join(versions)}" for name, versions in made.plugins.items()]
    yield f"plugins: {_joined(plugins)}"
    yield f"cells started: {_joined(made.started, ' to ')}; {made.seconds:.0f} s in all"
    if submission.absent:
        count = len(submission.absent)
        yield f"{count} pairs of these tasks and models have no current record"


def _joined(texts: Sequence[str], between: str = ", ") -> str:
    return between.join(markdown(text) for text in texts) or "unknown"
