"""The rows of a leaderboard: what every table, file and site of results is made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", protected_namespaces=())


class Figure(_Part):
    """A median over ``n`` seeds with its 95 % interval (None: not known for so few).

    ``censored`` says that the value is a bound: ``above`` (the truth is larger) or ``below``.
    ``greyed`` marks a symmetry score of a model that has not learned the task. Annotations of the
    score stand beside it (``truth``: the number to be found; ``explicit``: 1 for generators that
    the model holds, 0 for extracted ones).
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int
    chance: float | None = None
    ceiling: float | None = None
    floor: float | None = None
    truth: float | None = None
    explicit: float | None = None
    censored: Literal["above", "below"] | None = None
    greyed: bool = False


class Point(_Part):
    """The learning curve at one size."""

    n_train: int
    error: Figure


class Rank(_Part):
    """The places that the seeds leave open; 1 is the smallest error."""

    low: int
    high: int


class Row(_Part):
    """One (task, model): its newest current record, summarised.

    ``headline`` names the score that orders the rows of a task without an error, highest first.
    ``tuning``: the trials of the search, on the valid split, that its configuration comes from;
    absent for the model as its author configured it. ``diverged`` trials count as a guess.
    """

    task: str
    model: str
    prior: str | None
    status: str
    reason: str | None = None
    params: int | None = None
    machine: str | None = None
    threshold: float | None = None
    diverged: int = 0
    scores: dict[str, Figure] = {}
    cost: dict[str, Figure] = {}
    curve: list[Point] = []
    rank: Rank | None = None
    group: str | None = None
    headline: str | None = None
    tuning: int | None = None


class EqualSize(_Part):
    """A comparison at equal size: parameter counts within a ``factor`` of the ``references``.

    ``references`` gives each task's count; ``left_out`` the counts of the models outside (None:
    unknown), by task.
    """

    factor: float
    references: dict[str, int]
    left_out: dict[str, dict[str, int | None]]

    def only(self, task: Callable[[str], bool], model: Callable[[str], bool]) -> EqualSize:
        """Return what concerns some tasks and models."""
        return EqualSize(
            factor=self.factor,
            references={name: count for name, count in self.references.items() if task(name)},
            left_out={
                name: {one: count for one, count in models.items() if model(one)}
                for name, models in self.left_out.items()
                if task(name)
            },
        )


class Coverage(_Part):
    """Cells of the plan (or, without one, cells seen): finished includes declined ones."""

    planned: int
    finished: int
    failed: int
    stale: int


class Leaderboard(_Part):
    """All rows of one tier, by task and then by error."""

    schema_: Literal[1] = 1
    tier: str
    coverage: Coverage
    rows: list[Row]
    equal_size: EqualSize | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no model to show, nor one that was left out by its size."""
        left_out = {} if self.equal_size is None else self.equal_size.left_out
        return not self.rows and not any(left_out.values())

    def document(self) -> dict[str, Any]:
        """Return the JSON document; a field that does not apply is absent, not null."""
        body = self.model_dump(mode="json", exclude_unset=True, exclude={"schema_"})
        return {"schema": self.schema_, **body}

    def only(self, task: Callable[[str], bool], model: Callable[[str], bool]) -> Leaderboard:
        """Return the rows of some tasks and models; what they were compared with stays the same."""
        chosen = self.model_copy()
        chosen.rows = [row for row in self.rows if task(row.task) and model(row.model)]
        if self.equal_size is not None:
            chosen.equal_size = self.equal_size.only(task, model)
        return chosen
