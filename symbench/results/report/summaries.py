"""The summary over tasks: one table per ranking for the terminal, markdown or JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text
from tabulate import tabulate

from symbench.results.leaderboard import RANKED_SEEDS, EqualSize, FalseFindings
from symbench.results.leaderboard.over_tasks import (
    FEW_TASKS,
    Comparisons,
    Ranking,
    Standing,
    Summary,
)
from symbench.results.report import SUMMARY_FORMATS, check_format
from symbench.results.report.escape import markdown, plain, spreadsheet
from symbench.results.report.numbers import interval, number
from symbench.results.report.printing import printed
from symbench.results.statistics import LEVEL

_HEADINGS = ("#", "model", "prior", "IQM", "mean rank", "tie group", "tasks")
_CONTROLS = "false findings on controls"
_FALSE_HEADINGS = ("model", "found a symmetry", "controls")
_PARTS = ("value", "low", "high")  # of an interval in a CSV
_COUNTS = ("tasks", "covered", "seeds", "diverged", "tuning")
_NAMES = 5  # that a sentence lists; of more it gives the number
LEGEND = (
    "IQM: mean of the middle half of error ÷ chance error, clipped to [floor, 1], over tasks and "
    "seeds; 0 is perfect, 1 is chance. Intervals: 95 %, seeds resampled within each task; they say "
    "nothing about other tasks.",
    "#: the range of places, by mean rank, that is consistent with the variation across seeds. "
    "Models that share a letter are not distinguished by paired signed-rank tests over tasks and "
    f"seeds (5 % over all pairs, Holm). *: fewer than {RANKED_SEEDS} seeds shared with the others "
    "on some task, never ranked. tasks: compared tasks, of those that the model has.",
)

FALSE_LEGEND = (
    "found a symmetry: trials on controls (tasks without a symmetry) in which the model announced "
    "a generator, or, of models that announce none, one was extracted with a relative defect below "
    "0.1. In brackets the 95 % interval of the rate (Clopper and Pearson)."
)


def render(summary: Summary, form: str, width: int = 120, *, colour: bool = False) -> str:
    """Return the summary in one of ``SUMMARY_FORMATS``; width and colour are the terminal's.

    Raises:
        InputError: another format.
    """
    check_format(form, SUMMARY_FORMATS)
    if form == "table":
        return printed(_parts(summary), width, colour=colour)
    if form == "md":
        return _markdown(summary)
    if form == "csv":
        return _csv(summary)
    return json.dumps(summary.document(), indent=1, allow_nan=False) + "\n"


def _csv(summary: Summary) -> str:
    """Return one line per model of each ranking, in full precision."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    figures = [f"{name}.{part}" for name in ("iqm", "mean", "mean_rank") for part in _PARTS]
    places = ("rank_low", "rank_high", "group")
    writer.writerow(
        ["board", "tier", "model", "prior", *places, *figures, *_COUNTS, "separate_validation"]
    )
    for ranking in summary.rankings:
        allowed = "; ".join(f"{t} ({why})" for t, why in ranking.separate_validation.items())
        for one in ranking.standings:
            names = (ranking.name, summary.tier, one.model, one.prior or "")
            place = one.place
            ranks = ("", "") if place is None else (place.low, place.high)
            values = [
                "" if interval is None or getattr(interval, part) is None
                else getattr(interval, part)
                for interval in (one.iqm, one.mean, None if place is None else place.mean)
                for part in _PARTS
            ]  # fmt: skip
            counts = (len(ranking.tasks), one.covered, one.seeds, one.diverged)
            tuning = "; ".join(map(str, one.tuning)) if any(one.tuning) else ""
            labels = [spreadsheet(name) for name in names]
            figures_of = (*ranks, one.group or "", *values, *counts, tuning)
            writer.writerow([*labels, *figures_of, spreadsheet(allowed)])
    return out.getvalue()


def _parts(summary: Summary) -> Iterator[RenderableType]:
    for ranking in summary.rankings:
        yield Text(plain(_title(summary, ranking)), style="bold")
        if ranking.standings:
            yield _grid(ranking)
        yield ""
        for note in sentences(ranking):
            yield Padding(Text(plain(note, 1000), style="dim"), (0, 0, 0, 2))
        yield ""
    if summary.false_findings:
        yield Text(_CONTROLS, style="bold")
        yield _false_grid(summary)
        yield ""
    for line in _foot(summary):
        yield Text(plain(line, None), style="dim")


def _grid(ranking: Ranking) -> Grid:
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    for heading in _HEADINGS:
        grid.add_column(Text(heading), overflow="fold")
    for standing in ranking.standings:
        style = "bold green" if "a" in (standing.group or "") else ""
        grid.add_row(*(Text(plain(cell), style=style) for cell in _cells(standing, ranking)))
    return grid


def _false_grid(summary: Summary) -> Grid:
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    for heading in _FALSE_HEADINGS:
        grid.add_column(Text(heading), overflow="fold")
    for one in summary.false_findings:
        grid.add_row(*(Text(plain(cell)) for cell in _false_cells(one)))
    return grid


def _false_cells(one: FalseFindings) -> list[str]:
    return [one.model, rate(one), _listed(one.controls)]


def rate(one: FalseFindings) -> str:
    """Return ``3 of 10 [0.07, 0.65]``: false findings, trials, and the interval of the rate."""
    return f"{one.found} of {one.trials} [{one.low:.2f}, {one.high:.2f}]"


def _markdown(summary: Summary) -> str:
    parts: list[str] = []
    for ranking in summary.rankings:
        rows = [[markdown(cell) for cell in _cells(one, ranking)] for one in ranking.standings]
        parts.append(f"### {markdown(_title(summary, ranking))}")
        parts.append(tabulate(rows, headers=_HEADINGS, tablefmt="github", disable_numparse=True))
        parts.append("\n".join(f"- {_escaped(note)}" for note in sentences(ranking)))
    if summary.false_findings:
        rows = [[markdown(c) for c in _false_cells(one)] for one in summary.false_findings]
        parts.append(f"### {_CONTROLS}")
        parts.append(
            tabulate(rows, headers=_FALSE_HEADINGS, tablefmt="github", disable_numparse=True)
        )
    lines = [_escaped(line) for line in _foot(summary)]
    return "\n\n".join(part for part in (*parts, *lines) if part) + "\n"


def _escaped(sentence: str) -> str:
    """Return a sentence for markdown, escaped word by word, so that only long words are cut."""
    return " ".join(markdown(word) for word in sentence.split())


def _foot(summary: Summary) -> Iterator[str]:
    """Yield the size to compare at, and the legend or why there is no ranking."""
    if (size := summary.equal_size) is not None:
        within = f"parameter counts within a factor of {size.factor:g} of"
        counts = [f"{task} {count:,}" for task, count in sorted(size.references.items())]
        yield f"compared at equal size, {within}: {_listed(counts, len(counts))}"
        yield f"left out by size, with their counts: {'; '.join(_left_out(size)) or 'none'}"
    if summary.false_findings:
        yield FALSE_LEGEND
    if summary.rankings:
        yield from LEGEND
    else:
        tier = summary.tier
        yield f"nothing to summarise: no {tier} cell has errors of a task with a chance error"


def _left_out(size: EqualSize) -> Iterator[str]:
    """Yield each model that is left out on some task, with its parameter counts there."""
    by_model: dict[str, list[str]] = {}
    for task, models in sorted(size.left_out.items()):
        for model, count in models.items():
            text = f"{task} {'unknown' if count is None else f'{count:,}'}"
            by_model.setdefault(model, []).append(text)
    for model, counts in sorted(by_model.items()):
        yield f"{model} ({_listed(counts, len(counts))})"


def _title(summary: Summary, ranking: Ranking) -> str:
    name = ranking.name if ranking.name == "overall" else f"prior: {ranking.name}"
    seeds = sorted({standing.seeds for standing in ranking.standings})
    spread = f"{seeds[0]}–{seeds[-1]}" if len(seeds) > 1 else str(*seeds)
    tasks = f"{len(ranking.tasks)} of {ranking.available} tasks"
    return f"{name} · {summary.tier} · {tasks} · {spread} seeds"


def _cells(standing: Standing, ranking: Ranking) -> list[str]:
    place, rank = "*" if ranking.comparisons or standing.seeds < RANKED_SEEDS else "", ""
    if standing.place is not None:
        low, high = standing.place.low, standing.place.high
        place = str(low) if low == high else f"{low}–{high}"
        mean = standing.place.mean
        rank = f"{mean.value:.1f}"
        if mean.low is not None and mean.high is not None:
            rank += f" [{mean.low:.1f}–{mean.high:.1f}]"
    tasks = f"{len(ranking.tasks)}/{standing.covered}"
    iqm = interval(standing.iqm)
    return [place, standing.model, prior(standing), iqm, rank, standing.group or "", tasks]


def prior(standing: Standing) -> str:
    """Return the prior class, with a mark if the symmetry is built in on some task all the same."""
    return f"{standing.prior or ''}{', built in' if standing.built_in else ''}"


def sentences(ranking: Ranking) -> Iterator[str]:
    """Yield the sentences that a reader needs to judge the ranking."""
    yield f"tasks: {_listed(ranking.tasks, 20)}"
    for reason, tasks in _by_value(ranking.separate_validation):
        yield f"labels beyond n_train are allowed for choosing: {_listed(tasks, 20)} ({reason})"
    if ranking.comparisons is None:
        yield _unranked(ranking)
    else:
        yield from _compared(ranking, ranking.comparisons)
    if len(ranking.tasks) == 1:
        yield f"one task: nothing is averaged over tasks; the table of {ranking.tasks[0]} says more"
    elif len(ranking.tasks) < FEW_TASKS:
        yield f"fewer than {FEW_TASKS} tasks: the intervals of the IQM may fall short of 95 %"
    yield from _qualified(ranking)
    if ranking.outside:
        lacking = [f"{model} ({len(tasks)})" for model, tasks in ranking.outside.items()]
        yield f"not compared, with the number of tasks that each lacks: {_listed(lacking, 20)}"


def _by_value(reasons: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each reason with the tasks that have it, in order."""
    for reason in sorted(set(reasons.values())):
        yield reason, [task for task, one in reasons.items() if one == reason]


def _qualified(ranking: Ranking) -> Iterator[str]:
    """Yield what a reader must know of single models."""
    if diverged := [f"{one.model} {one.diverged}" for one in ranking.standings if one.diverged]:
        yield f"diverged trials, counted as a guess: {_listed(diverged)}"
    if tuned := [f"{one.model} {_budgets(one)}" for one in ranking.standings if any(one.tuning)]:
        budgets = _listed(tuned, len(tuned))
        yield f"tuned on the valid split, attempts per task: {budgets}; the others untuned"
    if exact := [f"{s.model} on {task}" for s in ranking.standings for task in s.at_floor]:
        yield (
            "errors of 0 or below the floor (1e-12; half a test sample for a classification) "
            f"count as the floor: {_listed(exact)}"
        )
    if built := [f"{s.model} on {task}" for s in ranking.standings for task in s.built_in]:
        whom = _listed(built)
        yield f"built in: not told the symmetry, and equivariant without learning it: {whom}"


def _unranked(ranking: Ranking) -> str:
    if len(ranking.standings) < 2:
        return "one model: nothing to compare it with on these tasks"
    return f"fewer than two models share {RANKED_SEEDS} seeds on every task: none is ranked"


def _compared(ranking: Ranking, compared: Comparisons) -> Iterator[str]:
    seeds = sorted(set(compared.seeds))
    paired = f"{seeds[0]}–{seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
    if compared.smallest_p * len(compared.pairs) > LEVEL:
        yield (
            f"no difference can show: {sum(compared.seeds)} paired runs allow no p below "
            f"{number(compared.smallest_p)}, and {len(compared.pairs)} pairs are compared"
        )
    elif all(pair.p == 1 and pair.improvement.value == 0.5 for pair in compared.pairs):
        yield "all errors are equal: every model ties with every other"
    elif compared.detectable_ratio is not None:
        yield (
            f"{len(ranking.tasks)} tasks of {paired} seeds show, with power 80 %, an error ratio "
            f"of {_ratio(compared.detectable_ratio)} that is the same on every task; smaller "
            "differences may be real and remain unseen"
        )
    if (ranks := compared.nemenyi) is not None:
        yield (
            f"on other tasks like these: mean ranks that differ by {ranks.difference:.1f} or more "
            f"would differ again (Nemenyi, 5 %; Friedman p {number(ranks.friedman)})"
        )


def _budgets(standing: Standing) -> str:
    low, high = standing.tuning[0], standing.tuning[-1]
    return str(low) if low == high else f"{low}–{high}"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 10 else number(value)


def _listed(names: Sequence[str], most: int = _NAMES) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
