"""The searches of ``tune``: one a pair, the lines that tell of them, and the table at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from symbench.registry import Registry
from symbench.results.report.escape import plain
from symbench.results.report.listing import listing
from symbench.results.report.numbers import number
from symbench.tuning.search import Search, search
from symbench.tuning.study import Study

HEADINGS = ("task", "model", "trials", "untuned", "tuned", "what changed")


@dataclass(frozen=True)
class Outcome:
    """One pair: its search, or why there is none."""

    task: str
    model: str
    study: Study | None
    reason: str | None = None

    @property
    def failed(self) -> bool:
        """Whether a search found nothing that can be run."""
        return self.study is not None and self.study.best is None


def searches(
    registry: Registry, tasks: Sequence[str], models: Sequence[str], how: Search
) -> Iterator[Outcome]:
    """Search every pair of the chosen tasks and models with the same budget.

    Raises:
        InputError: an unknown name, or a search that cannot begin.
    """
    for task in registry.drop_broken("task", registry.select("task", tasks)):
        for model in registry.drop_broken("model", registry.select("model", models)):
            found = search(registry, task, model, how, _tell)
            if isinstance(found, Study):
                yield Outcome(task, model, found)
            else:
                yield Outcome(task, model, None, found)


def _tell(study: Study) -> None:
    done, last, best = len(study.trials), study.trials[-1], study.best
    fared = last.status if last.loss is None else number(last.loss)
    least = "" if best is None or best.loss is None else f", least {number(best.loss)}"
    why = "" if last.reason is None else f" ({last.reason})"
    pair = f"{study.plan.model} on {study.plan.task}"
    line = f"{pair}: trial {done} of {study.budget}: valid loss {fared}{least}{why}"
    typer.echo(plain(line), err=True)


def document(outcomes: Sequence[Outcome], how: Search) -> dict[str, Any]:
    """Return what ``tune --json`` prints."""
    return {
        "store": str(how.store),
        "tier": how.tier,
        "trials": how.trials,
        "searches": [_one(outcome) for outcome in outcomes],
        "exit": exit_code(outcomes),
    }


def _one(outcome: Outcome) -> dict[str, Any]:
    own = {"task": outcome.task, "model": outcome.model}
    if outcome.study is None:
        return {**own, "reason": outcome.reason}
    best, first = outcome.study.best, outcome.study.trials[0]
    return {
        **own,
        "trials": len(outcome.study.trials),
        "untuned_loss": first.loss,
        "loss": None if best is None else best.loss,
        "config": None if best is None else best.config,
    }


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """1 if some search found nothing that can be run, else 0."""
    return 1 if any(outcome.failed for outcome in outcomes) else 0


def page(outcomes: Sequence[Outcome], width: int, *, colour: bool) -> str:
    """Return a table with a line a pair: the valid loss before and after, and what changed."""
    return listing(HEADINGS, [_row(outcome) for outcome in outcomes], width, colour=colour)


def _row(outcome: Outcome) -> list[str]:
    study = outcome.study
    if study is None:
        return [outcome.task, outcome.model, "0", "", "", outcome.reason or ""]
    first, best = study.trials[0], study.best
    untuned = first.status if first.loss is None else number(first.loss)
    tuned = "failed" if best is None or best.loss is None else number(best.loss)
    config = {} if best is None else best.config
    changed = [
        f"{name} {_shown(value)}"
        for name, value in config.items()
        if value != study.plan.base.get(name)
    ]
    told = ", ".join(changed) or ("nothing" if best else study.trials[-1].reason or "")
    return [outcome.task, outcome.model, str(len(study.trials)), untuned, tuned, told]


def _shown(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value)
