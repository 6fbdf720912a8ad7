"""Boards: suites that answer one question by ranking models over a fixed list of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from symbench.errors import InputError

Ranks = Literal["error", "headline", "discovery"]

_LAST = 1000  # the order of a board that states none
_FINDING = {"claim": str, "larger": str, "smaller": str, "score": str, "tasks": list}
_NEEDED = ("claim", "larger", "smaller")
RATIO = "{ratio}"  # in a claim, replaced by the ratio and its interval


@dataclass(frozen=True)
class Finding:
    """A claim that a score of one model exceeds that of another, stated only if records support it.

    Attributes:
        claim: a sentence without its full stop, in which ``{ratio}`` stands for larger ÷ smaller.
        larger: the model with the larger score.
        smaller: the model with the smaller score.
        tasks: those over which the ratio is averaged.
        score: the name of the score.
    """

    claim: str
    larger: str
    smaller: str
    tasks: tuple[str, ...]
    score: str = "error"


@dataclass(frozen=True)
class Board:
    """A question, and the tasks on which models are ranked to answer it.

    Attributes:
        name: that of the suite.
        question: its summary.
        tasks: their names; a model that declines one is charged a guess.
        ranks: what is averaged over the tasks: ``error`` is error ÷ chance error, ``headline`` the
            number of found things of tasks that count them, ``discovery`` the figure of merit of
            methods of discovery.
        order: boards are shown in this order, and then by name.
        findings: the claims that records may support.
    """

    name: str
    question: str
    tasks: tuple[str, ...]
    ranks: Ranks
    order: int = _LAST
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, name: str, suite: Mapping[str, Any]) -> Board | None:
        """Return the board of a suite; None if the suite does not say what it ranks by.

        Raises:
            InputError: a wrong value, no tasks, or globs instead of names.
        """
        if "ranks" not in suite:
            if extra := sorted({"findings", "order"} & set(suite)):
                raise InputError(f"suite {name!r}: {extra[0]} needs ranks, which makes it a board")
            return None
        where, ranks, tasks = f"board {name!r}", suite["ranks"], tuple(suite.get("tasks", ()))
        if ranks not in get_args(Ranks):
            raise InputError(f"{where}: ranks must be one of {', '.join(get_args(Ranks))}")
        if not tasks or any(set(task) & set("*?[") for task in tasks):
            raise InputError(f"{where}: tasks must be a list of names, without globs")
        if len(set(tasks)) < len(tasks):
            raise InputError(f"{where}: a task is named twice")
        order, findings = suite.get("order", _LAST), suite.get("findings", [])
        if type(order) is not int:
            raise InputError(f"{where}: order must be a whole number")
        if not isinstance(findings, Sequence) or not all(isinstance(f, Mapping) for f in findings):
            raise InputError(f"{where}: findings must be tables")
        made = tuple(_finding(where, finding, tasks) for finding in findings)
        question = str(suite.get("summary", ""))
        return cls(name, question, tasks, cast("Ranks", ranks), order, made)


def _finding(where: str, finding: Mapping[str, Any], tasks: Sequence[str]) -> Finding:
    if unknown := sorted(set(finding) - set(_FINDING)):
        raise InputError(f"{where}: a finding has no key {unknown[0]!r}")
    for key in _NEEDED:
        if key not in finding:
            raise InputError(f"{where}: a finding needs {', '.join(_NEEDED)}")
    for key, value in finding.items():
        if not isinstance(value, _FINDING[key]):
            raise InputError(f"{where}: {key} of a finding must be a {_FINDING[key].__name__}")
    if RATIO not in finding["claim"]:
        raise InputError(f"{where}: the claim {finding['claim']!r} has no {RATIO}")
    chosen = tuple(finding.get("tasks") or tasks)
    if outside := [task for task in chosen if task not in tasks]:
        raise InputError(f"{where}: {outside[0]!r} of a finding is no task of the board")
    return Finding(
        finding["claim"], finding["larger"], finding["smaller"], chosen,
        finding.get("score", "error"),
    )  # fmt: skip
