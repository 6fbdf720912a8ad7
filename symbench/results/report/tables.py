"""Rows -> one table per task, in plain text; the formats differ only in how they draw it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from symbench.results.leaderboard import EqualSize, Leaderboard, Row
from symbench.results.report import numbers
from symbench.results.report.columns import Cell, Column, chosen, columns, spread

LEGEND = (
    "Median over seeds at the largest n_train, with its 95 % interval. "
    f"{numbers.DISAGREE}: the seeds disagree; the braces hold the least and the largest value. "
    "#: the range of ranks that is consistent with the variation across seeds, and the tie group; "
    "*: fewer than 5 seeds, never ranked.",
    "symmetric share: the part of the error that averaging over the group would remove. "
    "data ratio: training examples that the baseline needs for the same error ÷ those of the model "
    "(at n, if not the largest; ≥, ≤: the baseline's ladder ends). "
    "n to solve: n_train at which the error reaches the task's threshold (> n: not reached on the "
    "ladder; open: the seeds do not bound it). curve area: mean log10 error over the ladder.",
    "equivariance: 0 is exact; untrained: of the same network before training; extrapolates: the "
    "group moves inputs out of the law of the data. overlap, generator cosine, found: of "
    "generators extracted from the trained function. announced: of those that the model itself "
    "states. In parentheses: (chance, reference), or (chance, best guess without labels, "
    "reference). e: announced, in records of earlier releases. found: at the tolerances 0.02, 0.05 "
    "and 0.1, of the true number. A defect is 0 for a symmetry; defect floor: what the function's "
    "own error causes; announced defect: on the exact target; own defect: on the model's function. "
    "n to discover, n to announce: n_train from which on the generators are the right ones.",
    "In parentheses, and not compared: stale results; announced generators no better than a guess; "
    "generators that the model also announces after training on moved data (announced_unmoved); "
    "what a model conserves whose rollout error is more than twice the least, or hardly less than "
    "that of standing still (rollout_error.still), or whose rollout moves less than a quarter as "
    "far as the true one (rollout_motion); symmetry scores of a model that has not learned the "
    "task.",
    "prior: what the model knew of the symmetry beforehand. Compare across priors with care. "
    "tuning: configurations tried on the valid split; empty: as its author configured it.",
)
_ALWAYS = ("#", "model", "prior")  # columns that are shown even if they are empty
_OF_CURVES = ("n_to_", "data_", "curve_area")  # scores of several sizes
_REASONS = 10  # for declining one task; with more, a note lists only the models
_SHORT = 2  # sizes of a ladder between which few thresholds can lie
_MEANING = {
    "experiment": "made with other options than the tier's, and not ranked",
    "over budget": "more updates or forward passes than the budget allows, and not ranked",
    "not converged": "twice the updates lower its error more than 1.5 times, and not ranked",
    "built in": "not told the symmetry, and equivariant or announcing it without learning it",
    "published": "read from a publication, not run here",
    "other machine": "its times are of another class of machines, and not compared",
    "unconnected": "announces generators that its own function does not keep",
    "extrapolates": "the group moves inputs out of the law of the data, so the equivariance error "
    "is one of extrapolation and about 1 means nothing",
}


@dataclass(frozen=True)
class Table:
    """One task: headings, cells, and the sentences below them."""

    title: str
    columns: tuple[Column, ...]
    rows: list[list[Cell]]
    notes: list[str]


def tables(leaderboard: Leaderboard, names: Sequence[str] = ()) -> list[Table]:
    """Return one table per task.

    Args:
        leaderboard: its rows.
        names: of the columns, or their headings. Without any, all columns are shown but those that
            are empty in all rows of the task.

    Raises:
        InputError: an unknown name.
    """
    asked = chosen(leaderboard.rows, names) if names else None
    by_task = {
        task: list(rows) for task, rows in groupby(leaderboard.rows, key=lambda row: row.task)
    }
    size = leaderboard.equal_size
    whole = by_task if size is None else sorted({*by_task, *size.references})
    all_tables = []
    for task in whole:
        table = _table(task, leaderboard.tier, by_task.get(task, []), asked)
        if size is not None and task in size.references:
            table.notes.insert(0, equal_size(size, task))
        all_tables.append(table)
    return all_tables


def equal_size(size: EqualSize, task: str) -> str:
    """Return the sentence on the size to compare at, and on the models that are left out."""
    left = size.left_out.get(task, {})
    named = ", ".join(f"{m} {'unknown' if n is None else f'{n:,}'}" for m, n in left.items())
    within = f"within a factor of {size.factor:g} of {size.references[task]:,} parameters"
    return f"compared at equal size, {within}; left out: {named or 'none'}"


def coverage(leaderboard: Leaderboard) -> str:
    """Return one sentence on how many cells of the plan are finished, failed and stale."""
    counts = leaderboard.coverage
    declined = sum(row.status == "declined" for row in leaderboard.rows)
    finished = f"{counts.finished} of {counts.planned} cells finished"
    of_these = f" ({declined} of them declined)" if declined else ""
    return f"{finished}{of_these}, {counts.failed} failed, {counts.stale} stale."


def _table(
    task: str, tier: str, rows: Sequence[Row], asked: Sequence[Column] | None = None
) -> Table:
    shown = [row for row in rows if row.scores or row.status not in ("declined", "stale")]
    possible = columns(shown) if asked is None else asked
    grid = [[column.cell(row) for column in possible] for row in shown]
    filled = [
        index
        for index, column in enumerate(possible)
        if asked or column.title in _ALWAYS or any(cells[index].text for cells in grid)
    ]
    return Table(
        _title(task, tier, shown),
        tuple(possible[index] for index in filled),
        [[cells[index] for index in filled] for cells in grid],
        list(_notes(task, rows)),
    )


def _title(task: str, tier: str, rows: Sequence[Row]) -> str:
    parts = [task, tier]
    if sizes := sorted({point.n_train for row in rows for point in row.curve}):
        parts.append(f"n_train {sizes[-1]}")
    if seeds := sorted({row.scores["error"].n for row in rows if "error" in row.scores}):
        parts.append(f"{spread(seeds[0], seeds[-1])} seeds")
    if thresholds := sorted({row.threshold for row in rows if row.threshold is not None}):
        parts.append(f"solved at error {numbers.number(thresholds[0])}")
    return " · ".join(parts)


def _notes(task: str, rows: Sequence[Row]) -> Iterator[str]:
    reasons = sorted((row.status, row.reason, row.model) for row in rows if row.reason)
    declined = [entry for entry in reasons if entry[0] == "declined"]
    if len({reason for _, reason, _ in declined}) > _REASONS:
        names = ", ".join(sorted(model for *_, model in declined))
        yield f"declined: {names} (`symbench show {task}` tells why)"
        reasons = [entry for entry in reasons if entry[0] != "declined"]
    for (status, reason), models in groupby(reasons, key=lambda entry: entry[:2]):
        yield f"{status}: {', '.join(model for *_, model in models)} ({reason})"
    yield from _threshold_note(rows)
    yield from _flag_notes(rows)
    yield from _absent_notes(rows)
    yield from _partial_notes(rows)
    diverged = [f"{row.model} {row.diverged}" for row in rows if row.diverged]
    if diverged:
        yield f"diverged trials, counted as a guess: {', '.join(diverged)}"
    timed = sorted((row.machine, row.model) for row in rows if row.machine and row.cost)
    for machine, group in groupby(timed, key=lambda entry: entry[0]):
        timed_here = [model for _, model in group]
        of = "" if len(timed_here) == len(timed) else f" of {', '.join(timed_here)}"
        yield f"s/trial{of}: {machine}"


def _threshold_note(rows: Sequence[Row]) -> Iterator[str]:
    """Yield why ``n_to_threshold`` says little, if few models cross the threshold on the ladder."""
    solved = [row.scores["n_to_threshold"] for row in rows if row.learned and _has_ladder(row)]
    inside = sum(estimate.censored is None for estimate in solved)
    if 2 * inside < len(solved):
        few = sum(estimate.censored == "below" for estimate in solved)
        why = next((row.threshold_note for row in rows if row.threshold_note), _short_ladder(rows))
        yield (
            f"threshold: of {len(solved)} models that have learned the task {inside} reach it "
            f"inside the ladder, {few} at the smallest size, {len(solved) - inside - few} "
            f"nowhere{f' ({why})' if why else ''}"
        )


def _short_ladder(rows: Sequence[Row]) -> str | None:
    """Return that the ladder is too short to cross anything on, if it has two sizes."""
    sizes = sorted({point.n_train for row in rows for point in row.curve})
    if len(sizes) != _SHORT:
        return None
    return f"the ladder has the sizes {sizes[0]} and {sizes[1]} only"


def _has_ladder(row: Row) -> bool:
    return len(row.curve) > 1 and "n_to_threshold" in row.scores


def _flag_notes(rows: Sequence[Row]) -> Iterator[str]:
    for flag, meaning in _MEANING.items():
        flagged = sorted(row.model for row in rows if flag in row.flags)
        if flagged:
            whom = "all" if len(flagged) == len(rows) else ", ".join(flagged)
            yield f"{flag}: {whom} ({meaning})"
    validated = sorted((row.separate_validation, row.model) for row in rows
                       if row.separate_validation)  # fmt: skip
    for why, group in groupby(validated, key=lambda entry: entry[0]):
        models = [model for _, model in group]
        whom = "all" if len(models) == len(rows) else ", ".join(models)
        yield f"labels beyond n_train are allowed for choosing: {whom} ({why})"


def _absent_notes(rows: Sequence[Row]) -> Iterator[str]:
    """Yield why scores are absent, one sentence for each reason.

    The reason of a trial at a smaller size does not concern a score that the table shows.
    """
    absent = sorted(
        (why, score, row.model)
        for row in rows
        for score, why in row.absent.items()
        if score not in row.scores
    )
    for why, group in groupby(absent, key=lambda entry: entry[0]):
        entries = list(group)
        scores = ", ".join(sorted({score for _, score, _ in entries}))
        models = ", ".join(sorted({model for *_, model in entries}))
        yield f"no {scores} of {models}: {why}"


def _partial_notes(rows: Sequence[Row]) -> Iterator[str]:
    """Yield which scores only some trials have, although all of them have an error.

    The median over those trials may say less, or better, than that over all.
    """
    for row in rows:
        if (error := row.scores.get("error")) is None:
            continue
        few: dict[int, list[str]] = {}
        trials = error.n - row.diverged
        for name, estimate in row.scores.items():
            if estimate.n < trials and not name.startswith(_OF_CURVES):
                few.setdefault(estimate.n, []).append(name.partition(".")[0])
        for n, names in sorted(few.items()):
            scores = ", ".join(dict.fromkeys(sorted(names)))
            yield f"{scores} of {row.model}: {n} of {trials} trials"
