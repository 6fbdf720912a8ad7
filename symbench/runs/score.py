"""Score trained trials; only scoring uses the test split."""

from __future__ import annotations

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from symbench.contract import Data, Metric, Model, Problem, Task, Trained, seeded
from symbench.contract.batches import in_parts
from symbench.contract.modules import copied
from symbench.draws import Draws
from symbench.errors import PluginError
from symbench.metrics import CORE
from symbench.metrics.inputs import inputs_told_apart
from symbench.metrics.temperature import calibrated
from symbench.records.record import Identity, TrialRecord
from symbench.registry import Registry
from symbench.registry.card import one_line
from symbench.registry.registration import CORE_SCORES
from symbench.runs.protocol import SymmetryAt
from symbench.training.outside import Outside
from symbench.training.setup import TrainingSetup, Trial, seeded_globally, wait_for

T = TypeVar("T")
_log = logging.getLogger(__name__)
_ROUNDING = 1e-3  # of the largest output: two evaluations on a GPU may differ by it
_TOGETHER = 32  # largest number of trials evaluated at a time, and of their parameters: memory
_PARAMETERS = 2**22


def metrics_for(
    registry: Registry, task: Task, model: Model, asked: Sequence[str] = ()
) -> list[Metric]:
    """Return the metrics of the core and of plugins that apply to the pair.

    A plugin's metric that cannot be asked is left out with a warning. ``asked`` names metrics that
    the run asked for; see ``Registry.metrics_of``.
    """
    core: list[Metric] = [metric() for metric in CORE]
    metrics = [metric for metric in core if metric.applies(task, model)]
    for name in registry.metrics_of(task.name, model.name, asked):
        made = _guarded(name, partial(_of_plugin, registry, name, task, model), None)
        metrics += [] if made is None else [made]
    return metrics


def _of_plugin(registry: Registry, name: str, task: Task, model: Model) -> Metric | None:
    metric: Metric = registry.card("metric", name).load()()
    return metric if metric.applies(task, model) else None


def _guarded(name: str, call: Callable[[], T], otherwise: T) -> T:
    """Return what a call into a plugin's metric returns; if it raises, warn and go on without.

    After Ctrl-C, ``run_cell`` raises KeyboardInterrupt.
    """
    try:
        return call()
    except BaseException as error:  # a plugin may raise anything
        _warn_once(f"metric {name}: {one_line(error)}; its score is missing")
        return otherwise


@lru_cache
def _warn_once(message: str) -> None:
    _log.warning(message)


def score(  # noqa: PLR0913 - public arguments
    trials: Sequence[Trial],
    draws: Draws,
    problem: Problem,
    metrics: Sequence[Metric],
    *,
    thorough: bool = True,
    symmetry_at: SymmetryAt = "all",
    sampler: str = "group",
    largest: int | None = None,
) -> Scored:
    """Score a cell's trials; diverged trials have no scores.

    Trials of one n_train that trained together are scored together, as many as fit the memory. So
    scores do not depend on which sizes are scored in the same call. The core scores
    every trial before a metric of a plugin is called.

    Args:
        trials: those of the cell, or of some of its sizes.
        draws: the data of the task.
        problem: what the model was shown of the task.
        metrics: those that apply to the pair.
        thorough: whether slow scores are computed at every n_train.
        symmetry_at: at which n_train symmetry scores are computed.
        sampler: the law of the group elements.
        largest: the largest n_train of the cell; None means that of the trials.

    Raises:
        PluginError: the test data were changed, or what a network keeps outside of itself changes
            the outputs of another.
    """
    outside = Outside(trials[0].model)
    largest = largest or max(trial.key.n_train for trial in trials)
    scoring = _Scoring(trials, draws, problem, metrics, thorough, symmetry_at, sampler, largest)
    records = scoring.records()
    _require_unchanged(scoring.test, draws, trials[0].model)
    _require_independent(scoring.finite, outside, draws.task)
    return Scored(records, scoring.absent)


def score_cell(
    identity: Identity, setup: TrainingSetup, trials: Sequence[Trial], metrics: Sequence[Metric]
) -> Scored:
    """Score trials of a cell as its identity says; raises like ``score``."""
    return score(
        trials, setup.draws, setup.make_problem(None), metrics,
        thorough=identity.tier == "full", symmetry_at=identity.protocol["symmetry_at"],
        sampler=identity.protocol.get("sampler", "group"), largest=max(identity.sizes),
    )  # fmt: skip


@dataclass(frozen=True)
class Scored:
    """The records of a cell's trials in order, and why a score is absent, by its name."""

    trials: list[TrialRecord]
    absent: dict[str, str]


@dataclass
class _Scoring:
    """The trials of a cell while they are scored."""

    trials: Sequence[Trial]
    draws: Draws
    problem: Problem
    metrics: Sequence[Metric]
    thorough: bool
    symmetry_at: SymmetryAt
    sampler: str
    largest: int
    finite: list[Trained] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    @cached_property
    def test(self) -> Data:
        """The test data, on the device of the trials."""
        return self.draws.test().to(_device(self.trials[0].module))

    @cached_property
    def memo(self) -> dict[str, Any]:
        """What the trials share: how well the inputs of the task are told from moved ones."""
        if not any(metric.symmetry for metric in self.metrics):
            return {}
        return {"inputs": self.draws.kept("inputs", inputs_told_apart)}

    def records(self) -> list[TrialRecord]:
        """Return the records of the trials in order."""
        seen = [self._seen(trial) for trial in self.trials]
        self.finite = [trained for _, trained in seen if trained is not None]
        scores = self._scores(self.finite)
        for trained in self.finite:
            self.absent.update(trained.notes)
        return [
            TrialRecord(
                n_train=trial.key.n_train, seed=trial.key.seed,
                status="diverged" if trained is None else "ok",
                scores=scores[id(trained)] if trained is not None else {}, cost=cost,
            )
            for trial, (cost, trained) in zip(self.trials, seen, strict=True)
        ]  # fmt: skip

    def _seen(self, trial: Trial) -> tuple[dict[str, float], Trained | None]:
        """Return the cost of a trial, and what the metrics see of it unless it diverged."""
        wait_for(trial.data.x.device)
        started = time.perf_counter()
        with seeded_evaluation(self.draws.task, trial.key.seed, trial.module):
            prediction = predict(trial.module, self.test)
        wait_for(trial.data.x.device)
        cost = {
            "parameters": _parameters(trial.module),
            "train_seconds": trial.seconds,
            "samples_per_second": len(self.test) / max(time.perf_counter() - started, 1e-9),
        }
        if (spent := trial.spent) is not None:
            cost |= {"steps": float(spent.steps), "passes": float(spent.passes)}
            cost |= {"over_budget": 1.0} if spent.over else {}
        if trial.diverged or not bool(prediction.isfinite().all()):
            return cost, None
        n, seed = trial.key.n_train, trial.key.seed
        trained = Trained(
            trial.module, trial.model, self.problem, n, seed, self.test, prediction, self.thorough,
            at_largest=n == self.largest, initial=trial.initial, moved=trial.moved,
            temperature=_temperature(trial, self.draws), sampler=self.sampler, cell_memo=self.memo,
        )  # fmt: skip
        return cost, trained

    def _applies(self, metric: Metric, trained: Trained) -> bool:
        """Whether the score is to be computed at the trial's n_train."""
        if metric.symmetry:
            return trained.at_largest or self.symmetry_at == "all"
        return trained.at_largest or self.thorough or metric.along_curve

    def _scores(self, trials: Sequence[Trained]) -> dict[int, dict[str, float]]:
        """Return the scores by all metrics, by the ``id`` of the trial.

        The core scores every trial before a metric of a plugin is called, which can change all that
        trials share. Where a plugin's metric raises, its scores are missing.
        """
        scores: dict[int, dict[str, float]] = defaultdict(dict)
        for own in (True, False):
            metrics = [metric for metric in self.metrics if (type(metric) in CORE) is own]
            for chunk in self._chunks(trials):
                for metric in metrics:
                    scored = [trained for trained in chunk if self._applies(metric, trained)]
                    values = _by(metric, scored, self.draws) if scored else []
                    for trained, named in zip(scored, values, strict=True):
                        scores[id(trained)].update(named)
        return scores

    def _chunks(self, trials: Sequence[Trained]) -> list[Sequence[Trained]]:
        """Return the trials in groups that are evaluated together, each of one n_train."""
        size = _parameters(self.trials[0].module)
        most = min(_TOGETHER, max(1, int(_PARAMETERS // max(1, size))))
        apart = {t.key.n_train for t in self.trials if t.stacking is None or not t.stacking.stacked}
        chunks: list[Sequence[Trained]] = []
        for n_train in dict.fromkeys(trained.n_train for trained in trials):
            group = [trained for trained in trials if trained.n_train == n_train]
            at_once = 1 if n_train in apart else most
            chunks += [group[i : i + at_once] for i in range(0, len(group), at_once)]
        return chunks


def _by(metric: Metric, trials: Sequence[Trained], draws: Draws) -> list[dict[str, float]]:
    task = draws.task
    generators = [seeded(task.name, task.version, t.seed, "score", metric.name) for t in trials]
    own = type(metric) in CORE
    call = partial(_together, metric, trials if own else _copies(trials), task, generators)
    with seeded_evaluation(task, trials[0].seed, trials[0].module):
        return call() if own else _guarded(metric.name, call, [{} for _ in trials])


def seeded_evaluation(task: Task, seed: int, module: nn.Module) -> AbstractContextManager[None]:
    """Seed the global generators, from which a network may draw when it is evaluated.

    A network that draws from them is scored alone, so that its scores depend on its own seed.
    """
    own = seeded(task.name, task.version, seed, "evaluation").initial_seed()
    return seeded_globally(own, _device(module))


def _temperature(trial: Trial, draws: Draws) -> float:
    if draws.task.loss != "cross-entropy":
        return 1.0
    valid = draws.valid(trial.key.seed).to(_device(trial.module))
    with seeded_evaluation(draws.task, trial.key.seed, trial.module):
        logits = predict(trial.module, valid)
    return calibrated(logits, valid.y) if bool(logits.isfinite().all()) else 1.0


def _parameters(module: nn.Module) -> float:
    return float(sum(p.numel() for p in module.parameters()))


def _copies(trials: Sequence[Trained]) -> list[Trained]:
    """Return the trials with copies of all that a metric may change: data, module and memos."""
    test, shown = trials[0].test.clone(), [copy(trained) for trained in trials]
    for trained in shown:  # not by ``replace``, so that the float64 module is not copied again
        vars(trained).update(
            test=test, prediction=trained.prediction.clone(), module=copied(trained.module),
            memo=dict(trained.memo), cell_memo=dict(trained.cell_memo),
        )  # fmt: skip
    return shown


def _require_unchanged(test: Data, draws: Draws, model: Model) -> None:
    drawn = draws.test().to(test.x.device)
    if not (torch.equal(test.x, drawn.x) and torch.equal(test.y, drawn.y)):
        raise PluginError(
            f"the test data of {draws.task.name} were changed while {model.name} was scored: "
            "clone a tensor before writing into it, in the methods of the model and of the task"
        )


def _require_independent(trials: Sequence[Trained], outside: Outside, task: Task) -> None:
    """Raise PluginError if outputs depend on the trials that were scored before."""
    changed = outside.changed()
    for trained in trials if changed else ():
        outside.restore()
        with seeded_evaluation(task, trained.seed, trained.module):
            gap = (predict(trained.module, trained.test) - trained.prediction).abs().max()
        if gap > _ROUNDING * trained.prediction.abs().max():
            raise PluginError(
                f"{'.'.join(changed[0])} changes while {trained.model.name} is scored, and changes "
                "the outputs of its other trials: keep it in the module, by register_buffer"
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
