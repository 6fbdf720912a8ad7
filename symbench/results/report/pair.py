"""The comparison of two models: sentences and a table for the terminal, markdown, CSV or JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text
from tabulate import tabulate

from symbench.results.leaderboard.pair import Paired, SharedTask
from symbench.results.report import check_format
from symbench.results.report.escape import markdown, plain, spreadsheet
from symbench.results.report.numbers import interval, number
from symbench.results.report.printing import printed
from symbench.results.statistics import LEVEL

FORMATS = ("table", "md", "csv", "json")
LEGEND = (
    "Errors: the median over the shared seeds at the largest n_train, with its 95 % interval. "
    "Ratios are of paired seeds, and errors above that of chance count as chance. The test is the "
    "signed-rank test, stratified by task, of the page that compares two models on a published "
    "site. There its p value is corrected for all pairs of the ranking (Holm). Here it is that of "
    "these two alone: choose them before you see the results."
)
_MOST = 20  # tasks that the terminal shows


def render(paired: Paired, form: str, width: int = 120, *, colour: bool = False) -> str:
    """Return the comparison in one of ``FORMATS``; width and colour are the terminal's.

    Raises:
        InputError: another format.
    """
    check_format(form, FORMATS)
    if form == "table":
        return printed(_parts(paired), width, colour=colour)
    if form == "md":
        return _markdown(paired)
    if form == "csv":
        return _csv(paired)
    return json.dumps(paired.document(), indent=1, allow_nan=False) + "\n"


def sentences(paired: Paired) -> Iterator[str]:
    """Yield what the tasks and seeds say about the two models, the conclusion first."""
    yield _verdict(paired)
    first, second = paired.first, paired.second
    yield (
        f"error of {second} ÷ error of {first}: {interval(paired.ratio)}, the geometric mean over "
        "tasks and seeds"
    )
    yield (
        f"a run of {first} has a smaller error than a run of {second} with probability "
        f"{interval(paired.improvement)}"
    )
    yield (
        f"the median error is smaller for {first} on {_wins(paired.tasks, 1)}, "
        f"for {second} on {_wins(paired.tasks, -1)} of {_count(len(paired.tasks), 'task')}"
    )
    yield _power(paired)


def _verdict(paired: Paired) -> str:
    p = f"p = {number(paired.p)}, signed ranks paired over seeds and tasks"
    if not paired.differ:
        return f"{paired.first} and {paired.second} are not distinguished: {p}"
    if paired.ratio.value == 1:
        return f"{paired.first} and {paired.second} differ, and neither is better on average: {p}"
    better, worse = (paired.first, paired.second)[:: 1 if paired.ratio.value > 1 else -1]
    return f"{better} has smaller errors than {worse}: {p}"


def _power(paired: Paired) -> str:
    """Return the smallest difference that these seeds could have shown."""
    runs = _count(sum(task.seeds for task in paired.tasks), "paired run")
    if paired.smallest_p > LEVEL:
        smallest = number(paired.smallest_p)
        return f"no difference can show: {runs} allow no p below {smallest}; run more seeds"
    if paired.detectable_ratio is None:
        return f"{runs} show no error ratio up to a million with power 80 %; run more seeds"
    if paired.detectable_ratio == 1:
        return f"{runs} show any difference that is the same on every task: they do not vary"
    return (
        f"{runs} show, with power 80 %, an error ratio of {number(paired.detectable_ratio, 3)} "
        "that is the same on every task; smaller differences may be real and remain unseen"
    )


def _wins(tasks: Sequence[SharedTask], sign: int) -> int:
    return sum(sign * (task.second.value - task.first.value) > 0 for task in tasks)


def _count(number_of: int, what: str) -> str:
    return f"{number_of} {what}{'' if number_of == 1 else 's'}"


def _title(paired: Paired) -> str:
    tasks = _count(len(paired.tasks), "task")
    seeds = sorted({task.seeds for task in paired.tasks})
    spread = f"{seeds[0]}–{seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
    return f"{paired.first} and {paired.second} · {paired.tier} · {tasks} · {spread} seeds"


def _headings(paired: Paired) -> tuple[str, ...]:
    first, second = paired.first, paired.second
    return "task", "n_train", "seeds", first, second, f"{second} ÷ {first}"


def _cells(task: SharedTask) -> list[str]:
    figures = [interval(one) for one in (task.first, task.second, task.ratio)]
    return [task.task, str(task.n_train), str(task.seeds), *figures]


def _left_out(paired: Paired) -> Iterator[str]:
    """Yield the tasks that are not compared, one sentence for each reason."""
    by_reason = sorted(paired.left_out.items(), key=lambda entry: (entry[1], entry[0]))
    for why, group in groupby(by_reason, key=lambda entry: entry[1]):
        names = [task for task, _ in group]
        more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
        yield f"not compared: {', '.join(names[:_MOST])}{more} ({why})"


def _parts(paired: Paired) -> Iterator[RenderableType]:
    yield Text(plain(_title(paired)), style="bold")
    for place, sentence in enumerate(sentences(paired)):
        style = "green" if place == 0 and paired.differ else ""
        yield Padding(Text(plain(sentence, 1000), style=style), (0, 0, 0, 2))
    yield ""
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    for place, heading in enumerate(_headings(paired)):
        grid.add_column(Text(plain(heading)), justify="right" if place else "left", overflow="fold")
    for task in paired.tasks[:_MOST]:
        grid.add_row(*(Text(plain(cell)) for cell in _cells(task)))
    yield grid
    if (more := len(paired.tasks) - _MOST) > 0:
        yield Text(f"  and {more} tasks on which they differ less; --format csv has them all")
    yield ""
    for note in _left_out(paired):
        yield Padding(Text(plain(note, 4000), style="dim"), (0, 0, 0, 2))
    yield Text(LEGEND, style="dim")


def _markdown(paired: Paired) -> str:
    rows = [[markdown(cell) for cell in _cells(task)] for task in paired.tasks]
    headings = [markdown(heading) for heading in _headings(paired)]
    align = ["left", *["right"] * (len(headings) - 1)]
    parts = [
        f"### {markdown(_title(paired))}",
        "\n".join(f"- {markdown(sentence, 1000)}" for sentence in sentences(paired)),
        tabulate(rows, headings, tablefmt="github", disable_numparse=True, colalign=align),
        "\n".join(f"- {markdown(note, 4000)}" for note in _left_out(paired)),
        markdown(LEGEND, None),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _csv(paired: Paired) -> str:
    """Return one line per compared task, in full precision."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    figures = [f"{name}.{part}" for name in ("first", "second", "ratio")
               for part in ("value", "low", "high")]  # fmt: skip
    writer.writerow(["task", "tier", "first", "second", "n_train", "seeds", *figures])
    for task in paired.tasks:
        names = [spreadsheet(text)
                 for text in (task.task, paired.tier, paired.first, paired.second)]  # fmt: skip
        values = [getattr(one, part) for one in (task.first, task.second, task.ratio)
                  for part in ("value", "low", "high")]  # fmt: skip
        known = ["" if value is None else value for value in values]
        writer.writerow([*names, task.n_train, task.seeds, *known])
    return out.getvalue()
