"""The pages of tasks and models, of comparisons and of the origin, made only from the content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from symbench.plot import Chart
from symbench.plot.against import against_baseline
from symbench.plot.curves import learning_curves
from symbench.plot.sources import curves_of_rows, score_of
from symbench.publish.site.cards import TaskCard
from symbench.publish.site.content import Content
from symbench.publish.site.frame import inline, shell
from symbench.publish.site.render import ident, page
from symbench.results import statistics
from symbench.results.leaderboard import Row
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.report import discovery as boards
from symbench.results.report import numbers, summaries
from symbench.results.report.columns import Column
from symbench.results.report.tables import LEGEND, Table, tables

_PICTURED = 3  # methods with pictures on a task
_FIRST = ("#", "model", "prior", "flags", "error", "n to solve", "equivariance", "symmetric share")
_LAST = ("announced overlap", "generator cosine", "found")  # after the scores of the family
_OWN = "conservation_error."  # scores of a family that have a part in their name


def task(content: Content, name: str) -> bytes:
    """Return the page of one task."""
    rows = content.of_task[name]
    card = content.task(name)
    table = _table(content, name)
    return page(
        "task.html",
        **shell(content, name, depth=1),
        name=name,
        card=card,
        table=table,
        first=0 if table is None else sum(map(_is_first, table.columns)),
        legend=LEGEND,
        figure=inline(curves(content, name)),
        sizes=len({point.n_train for row in rows for point in row.curve}),
        published=_published(content, name),
        unfit=content.unfit,
        pictures=[
            (model, names, _found(content, name, model))
            for model, names in _best_pictures(content, name)
        ],
        sources=_sources(card),
        others=[row for row in rows if row.status != "ok" and not row.scores],
    )


def curves(content: Content, name: str) -> Chart | None:
    """Return the learning curves of a task; None without any."""
    records = [one for (task, _), one in content.record.items() if task == name]
    drawn = curves_of_rows(content.of_task[name])
    return learning_curves(drawn, f"{name}, {content.tier} tier", score_of(records))


def model(content: Content, name: str) -> bytes:
    """Return the page of one model."""
    rows = content.of_model[name]
    measured = [row for row in rows if row.scores or row.curve]
    records = {row.task: content.record.get((row.task, name)) for row in measured}
    configs: list[tuple[Any, list[str]]] = []
    for where, record in records.items():
        config = None if record is None else record.identity.config
        same = next((names for known, names in configs if known == config), None)
        if same is None:
            configs.append((config, [where]))
        else:
            same.append(where)
    return page(
        "model.html",
        **shell(content, name, depth=1),
        name=name,
        card=content.model(name),
        prior=content.priors.get(name),
        measured=measured,
        place=_place,
        false_findings=next(
            (summaries.rate(one) for one in content.false_findings if one.model == name),
            None,
        ),
        tasks=content.task,
        others=[row for row in rows if not (row.scores or row.curve)],
        figure=inline(_against_baseline(content, name, measured)),
        configs=[(config, names) for config, names in configs if config],
        pictures=_pictures(content, name),
    )


def compare(content: Content) -> bytes:
    """Return the page that compares two models on every task that both have."""
    names = list(content.of_model)
    places = {name: place for place, name in enumerate(names)}
    rows = [
        [places[row.model], ident(row.task), e.value, e.low, e.high, row.group or ""]
        for row in content.rows
        if (e := row.scores.get("error")) is not None
    ]
    return page(
        "compare.html",
        **shell(content, "Compare two models", depth=0),
        data={
            "models": [[ident(name), name, content.priors.get(name) or ""] for name in names],
            "tasks": {ident(name): name for name in content.of_task},
            "rows": rows,
        },
    )


def discovery(content: Content) -> bytes:
    """Return the page of the discovery board."""
    board = content.discovery
    sections = [
        {"task": task, "title": title.removeprefix(f"{task} · "),
         "rows": list(boards.of_task(board, task)), "pictures": _best_pictures(content, task)}
        for task, title in boards.titles(board)
    ]  # fmt: skip
    return page(
        "discovery.html",
        **shell(content, "Discovery", depth=0),
        methods=board.methods,
        kinds=list(board.methods[0].figures),
        rate=summaries.rate,
        legend=boards.LEGEND,
        headings=boards.TASK_HEADINGS,
        sections=sections,
    )


def about(content: Content) -> bytes:
    """Return the page on where the results come from and how to verify them."""
    protocols: dict[str, list[str]] = {}
    for record in content.records:
        for key, value in sorted(record.identity.protocol.items()):
            if isinstance(value, str | int | float):
                values = protocols.setdefault(key, [])
                text = f"{value:g}" if isinstance(value, float) else str(value)
                values += [] if text in values else [text]
    return page(
        "about.html",
        **shell(content, "About these results", depth=0),
        facts=content.facts,
        protocols=protocols,
        legend=LEGEND,
        trouble=[row for row in content.rows if row.status not in ("ok", "declined")],
    )


def _table(content: Content, name: str) -> Table | None:
    rows = content.of_task[name]
    leaderboard = content.leaderboard.only(lambda task: task == name, lambda _: True)
    table = next(iter(tables(leaderboard)), None) if rows else None
    if table is None:
        return None
    order = sorted(range(len(table.columns)), key=lambda index: _order(table.columns[index]))
    return replace(
        table,
        columns=tuple(table.columns[index] for index in order),
        rows=[[cells[index] for index in order] for cells in table.rows],
    )


def _order(column: Column) -> tuple[int, int]:
    """Sort the columns that answer most first, then the scores of the family, then the others."""
    if column.title in _FIRST:
        return 0, _FIRST.index(column.title)
    if column.title in _LAST:
        return 2, _LAST.index(column.title)
    return (1 if _is_first(column) else 3), 0


def _is_first(column: Column) -> bool:
    """Whether a column is shown before a reader asks for all of them."""
    own = column.block == "extra" and ("." not in column.title or column.title.startswith(_OWN))
    return own or column.title in (*_FIRST, *_LAST)


def _place(row: Row) -> str:
    if row.rank is None:
        return "*" if "error" in row.scores and row.status == "ok" else ""
    low, high = row.rank.low, row.rank.high
    return f"{low if low == high else f'{low}–{high}'} {row.group or ''}".strip()


def _published(content: Content, name: str) -> list[dict[str, Any]]:
    """Return each published result beside the median measured here, if there is one."""
    comparisons = []
    for result in content.task(name).published:
        record = content.record.get((name, result.model))
        for n, value in sorted(result.values.items()):
            ours = [] if record is None else RecordSummary(record).values(result.score, n)
            mine = statistics.interval(ours) if ours else None
            comparisons.append({
                "one": result, "n": n, "value": value, "measured": mine is not None,
                "ours": None if mine is None else numbers.interval(mine),
                "ratio": None if mine is None or value == 0 else mine.value / value,
            })  # fmt: skip
    return comparisons


def _sources(card: TaskCard) -> dict[str, list[str]]:
    """Return the labels of the published results by their source."""
    sources: dict[str, list[str]] = {}
    for result in card.published:
        sources.setdefault(result.source, []).append(result.label)
    return sources


def _against_baseline(content: Content, name: str, rows: Sequence[Row]) -> Chart | None:
    """Return the errors of a model beside those of the baselines and the smallest ones."""
    errors = {row.task: row.scores["error"] for row in rows if "error" in row.scores}
    return against_baseline(
        name,
        content.priors.get(name),
        errors,
        baselines=content.baseline_error,
        best=content.least_error,
    )


def _pictures(content: Content, name: str) -> list[tuple[str, list[str]]]:
    """Return the tasks on which a model has heat maps of generators, and their file names."""
    shown = [(row.task, _files(content, row.task, name)) for row in content.of_model[name]]
    return [(task, names) for task, names in shown if names]


def _best_pictures(content: Content, task: str) -> list[tuple[str, list[str]]]:
    """Return the methods with the largest overlaps on a task that have heat maps of generators."""
    models = [cells[0] for cells in boards.of_task(content.discovery, task)]
    shown = [(model, names) for model in models if (names := _files(content, task, model))]
    return shown[:_PICTURED]


def _found(content: Content, task: str, model: str) -> str:
    """Return how near the learned generators are to the truth, in words."""
    scores = next(row.scores for row in content.of_task[task] if row.model == model)
    for name, said in (("announced_overlap", "overlap"), ("generator_cosine", "cosine")):
        if (score := scores.get(name)) is not None:
            return f"{said} {score.value:.2f}"
    return ""


def _files(content: Content, task: str, model: str) -> list[str]:
    """Return the file names of the heat maps of a cell."""
    if (record := content.record.get((task, model))) is None:
        return []
    maps = content.details.pictures.get(record.key, ())
    return [f"{record.key}-{i}.png" for i in range(len(maps))]
