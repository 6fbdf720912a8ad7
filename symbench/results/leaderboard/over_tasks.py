"""Records -> one ranking over tasks for all models, and one for each prior class."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import combinations
from typing import Any

from symbench.errors import InputError
from symbench.records.record import Identity, Record
from symbench.results import statistics
from symbench.results.leaderboard.equal_size import ParameterWindow, at_equal_size
from symbench.results.leaderboard.false_findings import false_findings
from symbench.results.leaderboard.normalised import NormalisedErrors, normalised_errors
from symbench.results.leaderboard.per_task import RANKED_SEEDS
from symbench.results.leaderboard.rows import EqualSize, FalseFindings
from symbench.results.leaderboard.selection import by_task, newest
from symbench.results.statistics import Interval, Nemenyi, Panel, Place

CLASSES = ("none", "told", "discovers")
THRESHOLDS = tuple(float(f"{10 ** (step / 4 - 6):.4g}") for step in range(25))  # of the profile
MOST_MODELS, MOST_TASKS, _MOST_RUNS = 300, 200, 4000  # so that a summary takes seconds
FEW_TASKS = 4  # with fewer, the interval of an interquartile mean covers less than 95 %


@dataclass(frozen=True)
class Standing:
    """One model over the tasks of a ranking; ``place`` and ``group`` only if it is ranked.

    ``covered`` counts the tasks on which it has errors, also outside the ranking. ``seeds`` is the
    smallest number of seeds on a task. ``at_floor`` names the tasks with errors too small to
    distinguish from 0, ``built_in`` those on which a model that was not told the symmetry is
    equivariant without having learned it. ``tuning`` lists the distinct tuning budgets on the
    tasks, in attempts.
    """

    model: str
    prior: str | None
    covered: int
    seeds: int
    diverged: int
    at_floor: list[str]
    built_in: list[str]
    tuning: list[int]
    iqm: Interval
    mean: Interval
    profile: list[Interval]
    place: Place | None = None
    group: str | None = None


@dataclass(frozen=True)
class Versus:
    """P(error of ``model`` < error of ``other``), and the paired test's p value after Holm."""

    model: str
    other: str
    improvement: Interval
    p: float


@dataclass(frozen=True)
class Comparisons:
    """Comparisons of the ranked models; ``seeds`` counts the paired seeds on each task.

    ``smallest_p`` is the smallest p value that the paired test can give, before Holm's correction.
    """

    seeds: list[int]
    smallest_p: float
    pairs: list[Versus]
    detectable_ratio: float | None
    nemenyi: Nemenyi | None


@dataclass(frozen=True)
class Ranking:
    """Models that share tasks: ranked ones by mean rank, then the others by their IQM.

    ``available`` counts the tasks on which any model has errors. ``outside`` names the models that
    are not in the ranking, with the tasks that each lacks. ``separate_validation`` holds the tasks
    that allow labels beyond n_train for choosing, with whose protocol that is.
    """

    name: str
    tasks: list[str]
    available: int
    standings: list[Standing]
    comparisons: Comparisons | None
    outside: dict[str, list[str]]
    separate_validation: dict[str, str]


@dataclass(frozen=True)
class Summary:
    """The rankings of one tier, and how often each model finds a symmetry on the controls."""

    tier: str
    rankings: list[Ranking]
    equal_size: EqualSize | None = None
    false_findings: list[FalseFindings] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        rankings = [asdict(ranking) for ranking in self.rankings]
        for ranking in rankings:
            if ranking["comparisons"] and ranking["comparisons"]["nemenyi"]:
                del ranking["comparisons"]["nemenyi"]["tasks"]  # the same as those of the ranking
        whole = {"schema": 1, "tier": self.tier, "thresholds": list(THRESHOLDS), "boards": rankings}
        if self.false_findings:
            whole["false_findings"] = [one.model_dump(mode="json") for one in self.false_findings]
        if self.equal_size is not None:
            whole["equal_size"] = self.equal_size.model_dump(mode="json")
        return whole


_Models = Mapping[str, Mapping[str, NormalisedErrors]]  # by model, then by task


def summarise(
    records: Iterable[Record],
    tier: str,
    stale: Callable[[Record], bool] = lambda _: False,
    selects: Callable[[Identity], bool] = lambda _: True,
    window: ParameterWindow | None = None,
) -> Summary:
    """Return the rankings of one tier, from the newest current record of each pair.

    Errors are those at the largest n_train ÷ the chance error of the task, clipped to [floor, 1].
    Of the sets of tasks that two or more models share, a ranking takes the one for which
    models × tasks is largest, and every model that has all of its tasks.

    Args:
        records: of any tier, from any number of stores.
        stale: whether the task, model, protocol or metrics of a record have changed.
        selects: which cells the rankings are made from.
        window: compare only models of these sizes; ``equal_size`` names the others.

    Raises:
        InputError: more models or tasks than can be compared in bounded time.
    """
    current, _ = newest(records, tier, stale)
    current, equal_size = [record for record in current if selects(record.identity)], None
    if window is not None:
        current, equal_size = at_equal_size(by_task(current).values(), window)
    models: dict[str, dict[str, NormalisedErrors]] = defaultdict(dict)
    for task, of_task in sorted(by_task(current).items()):
        for model, errors in normalised_errors(of_task).items():
            models[model][task] = errors
    _check_size(models)
    rankings = [_ranking("overall", models)] if models else []
    for prior in CLASSES:
        mine = {m: t for m, t in models.items() if next(iter(t.values())).prior == prior}
        if mine and len(mine) < len(models):
            rankings.append(_ranking(prior, mine))
    return Summary(tier, rankings, equal_size, false_findings(current))


def _check_size(models: _Models) -> None:
    tasks = {task for results in models.values() for task in results}
    runs = max((sum(len(one.errors) for one in r.values()) for r in models.values()), default=0)
    for count, most, what, option in (
        (len(models), MOST_MODELS, "models", "-m"),
        (len(tasks), MOST_TASKS, "tasks", "-t"),
        (runs, _MOST_RUNS, "runs of a model", "-t"),
    ):
        if count > most:
            raise InputError(f"{count} {what}: rank at most {most} together; choose with {option}")


def _ranking(name: str, models: _Models) -> Ranking:
    tasks = _shared_tasks([frozenset(results) for results in models.values()])
    inside = {model: results for model, results in models.items() if set(tasks) <= set(results)}
    seeds = {task: _common_seeds([one[task] for one in inside.values()]) for task in tasks}
    paired = {
        model: [[results[task].errors[seed] for seed in seeds[task]] for task in tasks]
        for model, results in inside.items()
        if all(seeds[task] and set(seeds[task]) <= set(results[task].errors) for task in tasks)
    }
    ranked = Panel.of(paired) if len(paired) > 1 else None
    compared = None if ranked is None else statistics.compare(ranked)
    places = {} if ranked is None else statistics.places(ranked)
    groups = {} if compared is None else compared.groups
    standings = [
        _standing(model, results, tasks, places.get(model), groups.get(model))
        for model, results in inside.items()
    ]
    return Ranking(
        name=name,
        tasks=tasks,
        available=len({task for results in models.values() for task in results}),
        standings=sorted(standings, key=_order),
        comparisons=None if ranked is None or compared is None else _comparisons(ranked, compared),
        outside={m: [t for t in tasks if t not in r] for m, r in models.items() if m not in inside},
        separate_validation={
            task: reason
            for task in tasks
            for results in inside.values()
            if (reason := results[task].separate_validation) is not None
        },
    )


def _shared_tasks(sets: Sequence[frozenset[str]]) -> list[str]:
    """Return the tasks for which tasks × models with all of them is largest; then most tasks."""
    names = sorted(set().union(*sets))
    bits = {name: 1 << place for place, name in enumerate(names)}
    times = Counter(sum(bits[name] for name in one) for one in sets)
    worth: dict[tuple[bool, int, int], list[int]] = defaultdict(list)
    for tasks in {*times, *(a & b for a, b in combinations(times, 2))}:
        models = sum(count for one, count in times.items() if tasks & one == tasks)
        size = tasks.bit_count()
        worth[models > 1 and size > 0, models * size, size].append(tasks)
    return max([name for name in names if tasks & bits[name]] for tasks in worth[max(worth)])


def _common_seeds(results: Sequence[NormalisedErrors]) -> list[int]:
    """Return the seeds, at least five, that most models share; none if no model has five."""
    sets = Counter(frozenset(one.errors) for one in results if len(one.errors) >= RANKED_SEEDS)
    worth = [
        (sum(times for other, times in sets.items() if seeds <= other), len(seeds), sorted(seeds))
        for seeds in sets
    ]
    return max(worth, default=(0, 0, []))[-1]


def _standing(
    model: str,
    results: Mapping[str, NormalisedErrors],
    tasks: Sequence[str],
    place: Place | None,
    group: str | None,
) -> Standing:
    errors = tuple(tuple(results[task].errors.values()) for task in tasks)
    iqm, mean, profile = _over_tasks(errors)
    return Standing(
        model=model,
        prior=results[tasks[0]].prior,
        covered=len(results),
        seeds=min(len(task) for task in errors),
        diverged=sum(results[task].diverged for task in tasks),
        at_floor=[task for task in tasks if results[task].at_floor],
        built_in=[task for task in tasks if results[task].built_in],
        tuning=sorted({results[task].tuning for task in tasks}),
        iqm=iqm,
        mean=mean,
        profile=list(profile),
        place=place,
        group=group,
    )


@lru_cache(maxsize=512)  # a model is in two rankings
def _over_tasks(
    errors: tuple[tuple[float, ...], ...],
) -> tuple[Interval, Interval, tuple[Interval, ...]]:
    """Return the interquartile mean, the mean and the profile of errors by task and seed."""
    profile = statistics.profile(errors, THRESHOLDS)
    return statistics.interquartile_mean(errors), statistics.mean_error(errors), tuple(profile)


def _comparisons(ranked: Panel, compared: statistics.Comparison) -> Comparisons:
    seeds = [task.shape[1] for task in ranked.errors]
    place = {model: i for i, model in enumerate(ranked.models)}
    chances = statistics.improvements(ranked, [(place[a], place[b]) for a, b in compared.p_values])
    pairs = [
        Versus(a, b, chance, p)
        for ((a, b), p), chance in zip(compared.p_values.items(), chances, strict=True)
    ]
    smallest, ratio = statistics.smallest_p(seeds), statistics.detectable_ratio(ranked)
    return Comparisons(seeds, smallest, pairs, ratio, statistics.nemenyi(ranked))


def _order(standing: Standing) -> tuple[float, float, str]:
    rank = standing.place.mean.value if standing.place else math.inf
    return rank, standing.iqm.value, standing.model
