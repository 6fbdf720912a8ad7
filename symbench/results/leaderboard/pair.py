"""Records of two models -> their comparison over the tasks and seeds that they share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from symbench.errors import InputError, UnknownNameError
from symbench.records.record import Identity, Record
from symbench.results import statistics
from symbench.results.leaderboard.estimates import estimate
from symbench.results.leaderboard.normalised import NormalisedErrors, normalised_errors
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.rows import Estimate
from symbench.results.leaderboard.selection import by_task, newest
from symbench.results.statistics import Interval, Panel

_STALE = "stale: the task, the model or the protocol has changed since"
_OTHER_TERMS = "their data, sizes or budgets differ"
_NO_ERROR = "no error that can be divided by that of chance"


@dataclass(frozen=True)
class SharedTask:
    """One task of a comparison, at the largest n_train and over the seeds of both models.

    Attributes:
        task: its name.
        n_train: the largest size.
        seeds: those of both models.
        first: the median error of the first model.
        second: that of the second model.
        ratio: the median over seeds of second ÷ first, both clipped to [floor, chance].
    """

    task: str
    n_train: int
    seeds: int
    first: Estimate
    second: Estimate
    ratio: Estimate


@dataclass(frozen=True)
class Paired:
    """Two models over the tasks and seeds that they share.

    Attributes:
        tier: of every cell.
        first: the name of a model.
        second: that of the other.
        tasks: those of both, the one on which they differ most first.
        p: of the signed-rank test, stratified by task.
        smallest_p: that this test could have had with these seeds.
        improvement: the probability that a run of the first has the smaller error.
        ratio: the geometric mean over tasks and seeds of the error of the second ÷ the first.
        detectable_ratio: the smallest ratio that the test would have shown with power 80 %; None if
            no ratio up to 10⁶ would have shown.
        left_out: why a task is not compared, by task.
    """

    tier: str
    first: str
    second: str
    tasks: list[SharedTask]
    p: float
    smallest_p: float
    improvement: Interval
    ratio: Interval
    detectable_ratio: float | None
    left_out: dict[str, str]

    @property
    def differ(self) -> bool:
        """Whether the test tells the two apart at 5 %."""
        return self.p <= statistics.LEVEL

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        whole = asdict(self)
        for task, shown in zip(self.tasks, whole["tasks"], strict=True):
            shown |= {
                name: getattr(task, name).model_dump(mode="json", exclude_unset=True)
                for name in ("first", "second", "ratio")
            }
        return {"schema": 1, **whole}


def compare_pair(
    records: Iterable[Record],
    tier: str,
    models: tuple[str, str],
    stale: Callable[[Record], bool] = lambda _: False,
    selects: Callable[[Identity], bool] = lambda _: True,
) -> Paired:
    """Compare two models by their errors at the largest n_train, paired over tasks and seeds.

    Args:
        records: of any tier, from any number of stores.
        tier: whose records are compared.
        models: the names of the two.
        stale: whether the task, model, protocol or metrics of a record have changed.
        selects: which cells are compared.

    Raises:
        InputError: a model without records, the same model twice, or no task that both share.
    """
    first, second = models
    if first == second:
        raise InputError(f"{first!r} is given twice: give two models")
    chosen = [r for r in records if r.identity.tier == tier and selects(r.identity)]
    _require_models(chosen, tier, models)
    both = [record for record in chosen if record.identity.model in models]
    current, outdated = newest(both, tier, stale)
    left_out = {record.identity.task: _STALE for record in outdated}
    shared: dict[str, tuple[SharedTask, list[list[float]]]] = {}
    for task, of_task in sorted(by_task(current).items()):
        if task not in left_out:
            found = _shared(of_task, models)
            if isinstance(found, str):
                left_out[task] = found
            else:
                shared[task] = found
    if not shared:
        raise InputError(_nothing(models, left_out))
    errors = [errors for _, errors in shared.values()]
    panel = Panel.of({name: [pair[i] for pair in errors] for i, name in enumerate(models)})
    seeds = [task.shape[1] for task in panel.errors]
    return Paired(
        tier=tier,
        first=first,
        second=second,
        tasks=sorted((task for task, _ in shared.values()), key=_difference),
        p=next(iter(statistics.compare(panel).p_values.values())),
        smallest_p=statistics.smallest_p(seeds),
        improvement=statistics.improvements(panel, [(0, 1)])[0],
        ratio=statistics.mean_ratio(panel),
        detectable_ratio=statistics.detectable_ratio(panel),
        left_out=dict(sorted(left_out.items())),
    )


def _require_models(chosen: Sequence[Record], tier: str, models: Sequence[str]) -> None:
    """Raise InputError unless records of each model are among the chosen ones."""
    if not chosen:
        raise InputError(f"no {tier} record is of a task that -t selects")
    known = {record.identity.model for record in chosen}
    for name in models:
        if name not in known:
            kind = f"model of the {tier} records"
            raise UnknownNameError(kind, name, known, "symbench leaderboard")


def _shared(
    records: Sequence[Record], models: tuple[str, str]
) -> tuple[SharedTask, list[list[float]]] | str:
    """Return a task with the errors of both models by seed, or why it is not compared."""
    by_model = {record.identity.model: record for record in records}
    for name in models:
        if (record := by_model.get(name)) is None:
            return f"no record of {name}"
        if not record.trials:
            return f"{name}: {record.status}"
    summaries = [RecordSummary(by_model[name]) for name in models]
    if (why := _obstacle(summaries)) is not None:
        return why
    errors = normalised_errors(records)
    if not errors.keys() >= set(models):
        return _NO_ERROR
    of_both = [errors[name] for name in models]
    seeds = sorted(set(of_both[0].errors) & set(of_both[1].errors))
    return _one_task(summaries, of_both, seeds) if seeds else "no seed in common"


def _obstacle(summaries: Sequence[RecordSummary]) -> str | None:
    """Return why two records with trials are not compared; None if they are."""
    if len({summary.terms for summary in summaries}) > 1:
        return _OTHER_TERMS
    for summary in summaries:
        if summary.is_over_budget:
            return f"{summary.record.identity.model}: over budget"
        if summary.is_unconverged:
            return f"{summary.record.identity.model}: not converged"
    return None


def _one_task(
    summaries: Sequence[RecordSummary], errors: Sequence[NormalisedErrors], seeds: Sequence[int]
) -> tuple[SharedTask, list[list[float]]]:
    last, floor = summaries[0].sizes[-1], summaries[0].smallest_error
    first, second = (
        estimate([summary.errors[last, seed] for seed in seeds], floor=floor)
        for summary in summaries
    )
    paired = [[one.errors[seed] for seed in seeds] for one in errors]
    ratio = estimate([b / a for a, b in zip(*paired, strict=True)])
    task = summaries[0].record.identity.task
    return SharedTask(task, last, len(seeds), first, second, ratio), paired


def _difference(task: SharedTask) -> tuple[float, str]:
    return -abs(math.log(task.ratio.value)), task.task


def _nothing(models: tuple[str, str], left_out: dict[str, str]) -> str:
    whom = " and ".join(models)
    if not left_out:
        return f"{whom} share no task: run both on one, for example with `symbench run -t TASK`"
    task, why = next(iter(left_out.items()))
    others = f", and {len(left_out) - 1} more" if len(left_out) > 1 else ""
    return f"{whom} share no task with errors to compare ({task}: {why}{others}): run both on one"
