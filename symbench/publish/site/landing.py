"""The front page, the boards, and the catalogues of tasks and models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from symbench.plot import rank_diagram
from symbench.publish.site.content import Content
from symbench.publish.site.frame import inline, shell
from symbench.publish.site.render import page
from symbench.results.leaderboard.boards import Standings
from symbench.results.leaderboard.matrix import CLASSES
from symbench.results.report import boards, discovery, matrix, summaries

_FIRST = 3  # models of a board on the front page
_FINDINGS = 2  # of a board on the front page


def overview(content: Content) -> bytes:
    """Return the front page: findings, the matrix of tasks and classes, and the boards."""
    whole = [one for one in content.standings if len(one.tasks) > len(one.not_run)]
    won = matrix.sentence(content.matrix)
    discovers = won is None or any(one.board.ranks == "discovery" for one in whole)
    found = discovery.sentence(content.discovery) if discovers else None
    only = found is not None and all(one.board.ranks == "discovery" for one in whole)
    return page(
        "overview.html",
        **shell(content, "Overview", depth=0),
        asks="Which methods find symmetries" if only else "What a symmetry is worth",
        origin=content.origin,
        unfit=content.unfit,
        findings=_findings(content),
        standings=whole,
        partial=[one for one in content.standings if one not in whole],
        first=_FIRST,
        report=boards,
        matrix=content.matrix,
        classes=CLASSES,
        names=matrix.NAMES,
        cells=matrix,
        won=won,
        found=found,
    )


def board(content: Content, standings: Standings) -> bytes:
    """Return the page of one board."""
    shown = dict(content.findings).get(standings.board.name, [])
    ranks = boards.telling_ranks(standings)
    return page(
        "board.html",
        **shell(content, standings.board.question, depth=1),
        unfit=content.unfit,
        one=standings,
        report=boards,
        findings=[boards.sentence(finding) for finding in shown],
        notes=list(boards.legend(standings)),
        generality=boards.generality(standings),
        ranks=None if ranks is None else inline(rank_diagram(ranks)),
    )


def tasks(content: Content) -> bytes:
    """Return the catalogue of tasks, by family."""
    best = {line.task: line for line in content.matrix}
    entries = [
        {"name": name, "card": content.task(name), "line": best.get(name),
         "measured": sum(row.status == "ok" for row in rows)}
        for name, rows in content.of_task.items()
    ]  # fmt: skip
    return page(
        "tasks.html",
        **shell(content, "Tasks", depth=0),
        families=_by_family(entries),
        cells=matrix,
    )


def models(content: Content) -> bytes:
    """Return the catalogue of models, by family."""
    wins = Counter(line.best[line.first].model for line in content.matrix)
    entries = [
        {"name": name, "card": content.model(name), "prior": content.priors.get(name),
         "wins": wins[name], "measured": sum(row.status == "ok" for row in rows)}
        for name, rows in content.of_model.items()
    ]  # fmt: skip
    return page("models.html", **shell(content, "Models", depth=0), families=_by_family(entries))


def results(content: Content) -> bytes:
    """Return the page of every cell, and of false findings."""
    return page(
        "results.html",
        **shell(content, "Results", depth=0),
        false_findings=[(one, summaries.rate(one)) for one in content.false_findings],
        false_legend=summaries.FALSE_LEGEND,
        cells=content.cells(),
    )


def _findings(content: Content) -> list[tuple[str, str]]:
    """Return the first findings of each board as sentences, after the name of the board."""
    return [
        (name, boards.sentence(one))
        for name, shown in content.findings
        for one in shown[:_FINDINGS]
    ]


def _by_family(entries: list[dict[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    families: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        families.setdefault(entry["card"].family, []).append(entry)
    return sorted(families.items())
