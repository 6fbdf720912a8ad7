"""The rows of a leaderboard, from which every table, file and page of results is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast


class Part(BaseModel):
    """A frozen part of a published JSON document; fields of later versions are preserved."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


def known(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not None: one that does not apply is absent from a document."""
    return {name: value for name, value in fields.items() if value is not None}


Flag = Literal[
    "built in", "extrapolates", "over budget", "unconnected", "separate validation", "experiment",
    "published", "other machine", "not converged",
]  # fmt: skip
UNRANKED: frozenset[Flag] = frozenset({"over budget", "experiment", "not converged"})


class Estimate(Part):
    """A median over ``n`` seeds with its 95 % interval (None: too few seeds, or an open end).

    ``censored`` marks a bound: the truth is ``above`` or ``below`` the value. ``spread`` marks
    seeds that disagree; ``low`` and ``high`` are then the least and largest value. ``greyed`` marks
    a score that is not compared: a symmetry score of a model that has not learned the task, an
    announced one no better than a guess, a conservation error of a poor trajectory. ``at`` is the
    n_train of a score that is not that of the largest. The other fields annotate the score:

    - ``chance``: of random directions, or of the same model untrained;
    - ``guess``: of the better guess that looks at no label;
    - ``reference``: of a reference fit, which can be exceeded;
    - ``floor``: what the score can show for reasons other than the model;
    - ``truth``: the number that there is to find;
    - ``bound``: the one-sided 95 % bound over test points;
    - ``untrained``: of the same network before training;
    - ``sampling``: the standard error of ln(score) from the choice of test inputs;
    - ``inputs``: how well inputs are told from moved inputs, above chance;
    - ``inputs_limit``: up to what that is chance, where there are few inputs.

    Records of earlier releases have ``ceiling`` for the reference, and ``explicit``: 1 for
    generators that the model announces, 0 for those extracted from its function.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int
    chance: float | None = None
    guess: float | None = None
    reference: float | None = None
    ceiling: float | None = None
    floor: float | None = None
    truth: float | None = None
    bound: float | None = None
    untrained: float | None = None
    sampling: float | None = None
    inputs: float | None = None
    inputs_limit: float | None = None
    explicit: float | None = None
    at: int | None = None
    censored: Literal["above", "below"] | None = None
    spread: Literal["bimodal"] | None = None
    greyed: bool = False


class Point(Part):
    """The learning curve at one size; ``data_ratio`` is absent for a task without a baseline."""

    n_train: int
    error: Estimate
    data_ratio: Estimate | None = None


class Rank(Part):
    """The range of ranks consistent with the variation across seeds; 1 is the smallest error."""

    low: int
    high: int


class Row(Part):
    """One (task, model): a summary of its newest current record.

    ``headline`` names the score that orders the rows of a task without an error, highest first.
    ``tuning`` is the number of attempts of the search, on the valid split, that found the
    configuration; absent for a model as its author configured it. ``diverged`` counts trials
    whose error is replaced by the error of chance. ``flags`` qualify the results; a row with one of
    ``UNRANKED`` is not compared with others. ``separate_validation`` is why labels
    beyond n_train were used for choosing. ``absent`` holds the reason for each score that a
    metric could not measure. ``threshold_note`` is why few learning curves cross the threshold on
    the ladder, as the task says. ``learned`` is true if the error is at most half that of chance.
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
    scores: dict[str, Estimate] = {}
    cost: dict[str, Estimate] = {}
    curve: list[Point] = []
    rank: Rank | None = None
    group: str | None = None
    headline: str | None = None
    tuning: int | None = None
    flags: list[Flag] = []
    separate_validation: str | None = None
    threshold_note: str | None = None
    absent: dict[str, str] = {}
    learned: bool = False


class EqualSize(Part):
    """A comparison at equal size: parameter counts within a ``factor`` of the ``references``.

    ``references`` holds the reference count of each task, ``left_out`` by task the counts of the
    models outside (None: unknown).
    """

    factor: float
    references: dict[str, int]
    left_out: dict[str, dict[str, int | None]]

    def only(self, task: Callable[[str], bool], model: Callable[[str], bool]) -> EqualSize:
        """Return the part that concerns the matching tasks and models."""
        return EqualSize(
            factor=self.factor,
            references={name: count for name, count in self.references.items() if task(name)},
            left_out={
                name: {one: count for one, count in models.items() if model(one)}
                for name, models in self.left_out.items()
                if task(name)
            },
        )


class FalseFindings(Part):
    """The trials on controls in which a model found a symmetry, of all its trials on controls.

    ``low`` and ``high`` are the ends of the 95 % interval of the rate (Clopper and Pearson 1934).
    """

    model: str
    found: int
    trials: int
    controls: list[str]
    low: float
    high: float


class Coverage(Part):
    """Numbers of cells, planned or (without a plan) with a record; declined ones are finished."""

    planned: int
    finished: int
    failed: int
    stale: int


class Leaderboard(Part):
    """All rows of one tier, by task and then by error."""

    schema_: Literal[1] = 1
    tier: str
    coverage: Coverage
    rows: Annotated[list[Row], FailFast()]
    equal_size: EqualSize | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it has no row, and no model was left out because of its size."""
        left_out = {} if self.equal_size is None else self.equal_size.left_out
        return not self.rows and not any(left_out.values())

    def document(self) -> dict[str, Any]:
        """Return the JSON document; a field that does not apply is absent, not null."""
        body = self.model_dump(mode="json", exclude_unset=True, exclude={"schema_"})
        return {"schema": self.schema_, **body}

    def only(self, task: Callable[[str], bool], model: Callable[[str], bool]) -> Leaderboard:
        """Return the rows of the matching tasks and models; their ranks and gains are unchanged."""
        rows = [row for row in self.rows if task(row.task) and model(row.model)]
        size = None if self.equal_size is None else self.equal_size.only(task, model)
        return self.model_copy(update={"rows": rows, **known(equal_size=size)})
