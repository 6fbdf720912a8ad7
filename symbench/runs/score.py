"""Score trained trials; nowhere else do networks meet the test split."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from copy import copy
from functools import lru_cache, partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from symbench.contract import Data, Metric, Model, Problem, Task, Trained, seeded
from symbench.contract.batches import in_parts
from symbench.draws import Draws
from symbench.errors import PluginError
from symbench.metrics import CORE
from symbench.records.record import TrialRecord
from symbench.registry import Registry
from symbench.registry.card import one_line
from symbench.registry.registration import CORE_SCORES
from symbench.runs import judge
from symbench.training.setup import Trial

T = TypeVar("T")
_log = logging.getLogger(__name__)
_TOGETHER = 8  # largest number of trials evaluated at a time, to limit memory


def metrics_for(registry: Registry, task: Task, model: Model) -> list[Metric]:
    """Return the metrics of the core and of plugins that apply to the pair.

    A plugin's metric that cannot be asked is left out with a warning.
    """
    core: list[Metric] = [metric() for metric in CORE]
    metrics = [metric for metric in core if metric.applies(task, model)]
    for name in registry.metrics:
        made = _guarded(name, partial(_of_plugin, registry, name, task, model), None)
        metrics += [] if made is None else [made]
    return metrics


def _of_plugin(registry: Registry, name: str, task: Task, model: Model) -> Metric | None:
    metric: Metric = registry.card("metric", name).load()()
    return metric if metric.applies(task, model) else None


def _guarded(name: str, call: Callable[[], T], otherwise: T) -> T:
    """Return what a call into a plugin's metric returns; if it raises, warn and go on without."""
    try:
        return call()
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        _warn_once(f"metric {name}: {one_line(error)}; its score is missing")
        return otherwise


@lru_cache
def _warn_once(message: str) -> None:
    _log.warning(message)


def score(
    trials: Sequence[Trial],
    draws: Draws,
    model: Model,
    problem: Problem,
    metrics: Sequence[Metric],
    *,
    thorough: bool = True,
) -> list[TrialRecord]:
    """Return the records of a cell's trials in the same order; diverged trials have no scores.

    Trials that trained together are scored together, at most eight at a time.

    Raises:
        PluginError: the test data were changed, or a function that scores was replaced.
    """
    _require_own_code()
    test = draws.test()
    costs: list[dict[str, float]] = []
    finite: dict[int, Trained] = {}
    cell_memo: dict[str, Any] = {}
    for place, trial in enumerate(trials):
        test = test.to(_device(trial.module))
        started = time.perf_counter()
        prediction = predict(trial.module, test)
        seconds = time.perf_counter() - started
        costs.append({
            "parameters": float(sum(p.numel() for p in trial.module.parameters())),
            "train_seconds": trial.seconds,
            "samples_per_second": len(test) / max(seconds, 1e-9),
        })  # fmt: skip
        if not trial.diverged and bool(prediction.isfinite().all()):
            n, seed = trial.key.n_train, trial.key.seed
            finite[place] = Trained(
                trial.module, model, problem, n, seed, test, prediction, thorough,
                cell_memo=cell_memo,
            )  # fmt: skip
    together = all(trial.stacking is not None and trial.stacking.stacked for trial in trials)
    at_once = _TOGETHER if together else 1
    places = list(finite)
    scores: dict[int, dict[str, float]] = {}
    for chunk in (places[i : i + at_once] for i in range(0, len(places), at_once)):
        values = _scores([finite[place] for place in chunk], draws, metrics)
        scores |= zip(chunk, values, strict=True)
    _require_unchanged(test, draws, model)
    _require_own_code()
    return [
        TrialRecord(
            n_train=trial.key.n_train, seed=trial.key.seed,
            status="ok" if place in finite else "diverged",
            scores=scores.get(place, {}), cost=costs[place],
        )
        for place, trial in enumerate(trials)
    ]  # fmt: skip


def _scores(
    trials: Sequence[Trained], draws: Draws, metrics: Sequence[Metric]
) -> list[dict[str, float]]:
    """Return the scores of each trial by all metrics.

    Where a plugin's metric raises, its scores are missing.
    """
    task = draws.task
    scores: list[dict[str, float]] = [{} for _ in trials]
    for metric in metrics:
        generators = [seeded(task.name, task.version, t.seed, "score", metric.name) for t in trials]
        own = type(metric) in CORE
        call = partial(_together, metric, trials if own else _copies(trials), task, generators)
        nothing: list[dict[str, float]] = [{} for _ in trials]
        named = call() if own else _guarded(metric.name, call, nothing)
        for collected, values in zip(scores, named, strict=True):
            collected.update(values)
    return scores


def _require_own_code() -> None:
    if (name := judge.replaced()) is not None:
        raise PluginError(
            f"{name} is not the function of symbench: a plugin has replaced it; leave it out"
        )


def _copies(trials: Sequence[Trained]) -> list[Trained]:
    """Return the trials with copies of the test data and predictions, which a metric may change."""
    test, shown = trials[0].test.clone(), [copy(trained) for trained in trials]
    for trained in shown:  # not by ``replace``, so that the float64 module is not copied again
        vars(trained).update(test=test, prediction=trained.prediction.clone())
    return shown


def _require_unchanged(test: Data, draws: Draws, model: Model) -> None:
    drawn = draws.test().to(test.x.device)
    if not (torch.equal(test.x, drawn.x) and torch.equal(test.y, drawn.y)):
        raise PluginError(
            f"the test data of {draws.task.name} were changed while {model.name} was scored: "
            "clone a tensor before writing into it, in the methods of the model and of the task"
        )


def _device(module: nn.Module) -> torch.device:
    tensors = [*module.parameters(), *module.buffers()]
    return tensors[0].device if tensors else torch.device("cpu")


@torch.no_grad()
def predict(module: nn.Module, data: Data) -> Tensor:
    """Return the module's outputs [n, *output_shape] on the inputs of data, in evaluation mode."""
    return torch.cat([module.eval()(part.clone()) for part in in_parts(data.x)])


def _together(
    metric: Metric, trials: Sequence[Trained], task: Task, generators: Sequence[torch.Generator]
) -> list[dict[str, float]]:
    values = metric.score_together(trials, task, generators)
    if type(metric) in CORE:
        return [_numbers(metric, value) for value in values]
    if len(values) != len(trials):
        raise PluginError(f"it returned {len(values)} scores of {len(trials)} trials")
    return [_of_its_own(metric, value) for value in values]


def _numbers(metric: Metric, value: float | dict[str, float]) -> dict[str, float]:
    """Return scores by name."""
    scores = value if isinstance(value, dict) else {metric.name: value}
    return {name: float(number) for name, number in scores.items()}


def _of_its_own(metric: Metric, value: float | dict[str, float]) -> dict[str, float]:
    """Return the scores of a plugin's metric: finite, and by names that begin with its own."""
    numbers = _numbers(metric, value)
    for name, number in numbers.items():
        if not isinstance(name, str) or name.split(".")[0] != metric.name or name in CORE_SCORES:
            raise PluginError(
                f"it returned {name!r}: name it {metric.name} or {metric.name}.<part>"
            )
        if not math.isfinite(number):
            raise PluginError(f"{name} is {number}")
    return numbers
