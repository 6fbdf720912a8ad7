"""The judge: trained trials -> scores; nothing else sees the test split."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symbench.contract import Data, Metric, Model, Problem, Task, Trained, seeded
from symbench.draw import in_parts, test_data
from symbench.errors import PluginError
from symbench.fleet import Trial
from symbench.metrics import CORE
from symbench.record import TrialRecord
from symbench.registry import Registry


def metrics_for(registry: Registry, task: Task, model: Model) -> list[Metric]:
    """Return the core's metrics and the plugins' that apply to the pair."""
    chosen: list[Metric] = [metric() for metric in CORE]
    chosen += [registry.card("metric", name).load()() for name in registry.metrics]
    return [metric for metric in chosen if metric.applies(task, model)]


def score(
    trial: Trial,
    task: Task,
    model: Model,
    problem: Problem,
    metrics: Sequence[Metric],
    *,
    thorough: bool = True,
) -> TrialRecord:
    """Return the trial's record; a diverged one has no scores."""
    test = test_data(task).to(_device(trial.module))
    started = time.perf_counter()
    prediction = predict(trial.module, test)
    seconds = time.perf_counter() - started
    cost = {
        "parameters": float(sum(p.numel() for p in trial.module.parameters())),
        "train_seconds": trial.seconds,
        "samples_per_second": len(test) / max(seconds, 1e-9),
    }
    key = trial.key
    if trial.diverged or not bool(prediction.isfinite().all()):
        return TrialRecord(n_train=key.n_train, seed=key.seed, status="diverged", cost=cost)
    trained = Trained(
        trial.module, model, problem, key.n_train, key.seed, test, prediction, thorough
    )
    scores: dict[str, float] = {}
    for metric in metrics:
        generator = seeded(task.name, task.version, key.seed, "score", metric.name)
        scores.update(_named(metric, metric.score(trained, task, generator)))
    return TrialRecord(n_train=key.n_train, seed=key.seed, status="ok", scores=scores, cost=cost)


def _device(module: nn.Module) -> torch.device:
    tensors = [*module.parameters(), *module.buffers()]
    return tensors[0].device if tensors else torch.device("cpu")


@torch.no_grad()
def predict(module: nn.Module, data: Data) -> Tensor:
    """Return the module's outputs [n, *output_shape] on the inputs of data, in evaluation mode."""
    return torch.cat([module.eval()(part) for part in in_parts(data.x)])


def _named(metric: Metric, value: float | dict[str, float]) -> dict[str, float]:
    """Refuse a plugin metric that would write under another score's name."""
    scores = value if isinstance(value, dict) else {metric.name: value}
    own = {name: float(number) for name, number in scores.items()}
    if type(metric) not in CORE:
        foreign = [name for name in own if name.split(".")[0] != metric.name]
        if foreign:
            raise PluginError(
                f"metric {metric.name} returned {foreign[0]!r}: names must start with its own"
            )
    return own
