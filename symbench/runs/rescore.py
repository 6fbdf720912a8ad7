"""Scores the kept networks of a record by another metric, without training."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

import torch
from torch import nn

from symbench.contract import Data, Metric
from symbench.errors import InputError, UnknownNameError
from symbench.metrics import CORE
from symbench.records.record import Record, TrialRecord
from symbench.records.store import Store
from symbench.registry import Registry
from symbench.registry.settings import guarded
from symbench.runs.networks import Tensors, name_of, rebuilt
from symbench.runs.score import score_cell
from symbench.runs.setup import setup_of
from symbench.runs.staleness import code_of_metric, is_stale
from symbench.runs.watch import watched
from symbench.training.building import untrained
from symbench.training.setup import StackingDecision, TrainingSetup, Trial, TrialKey

T = TypeVar("T")


def metric_of(registry: Registry, name: str) -> Metric:
    """Return a metric of the core or of a plugin.

    Raises:
        UnknownNameError: there is no such metric.
    """
    core = {metric.name: metric for metric in CORE}
    if name in core:
        return core[name]()
    if name not in registry.metrics:
        raise UnknownNameError("metric", name, [*core, *registry.metrics])
    metric: Metric = registry.card("metric", name).load()()
    return metric


def rescored(registry: Registry, store: Store, record: Record, metric: Metric) -> Record:
    """Return the record with the scores of a metric, measured on its kept networks.

    They replace those that the metric has made before. The record names the metric with its version
    and source hash, as it does for the metrics of the run.

    Raises:
        InputError: the metric does not apply, the record is stale, its networks do not suffice, or
            nothing could be measured.
        StoreError: the networks were not kept, or their file cannot be used.
    """
    identity = record.identity
    tensors = store.read_networks(record)
    if is_stale(registry, identity):
        raise InputError("its task, model or protocol has changed since the run: run it again")
    with guarded(registry.card("model", identity.model).plugin, named=True):
        setup = setup_of(registry, identity, torch.device("cpu"))
        if not metric.applies(setup.task, setup.model):
            raise InputError(f"{metric.name} does not apply to it")
        trials = _trials(setup, record, tensors)
        with watched(setup.draws, setup.model):
            scored = score_cell(identity, setup, trials, [metric])
    found = {(trial.n_train, trial.seed): trial.scores for trial in scored.trials}
    absent = _own(metric, scored.absent)
    if not any(found.values()):
        raise InputError(f"{metric.name} has measured nothing{_because(absent)}")
    if left := [t for t in record.trials if t.status == "ok" and (t.n_train, t.seed) not in found]:
        absent.setdefault(metric.name, f"{len(left)} trials have no kept network")
    made = record.provenance
    provenance = made.also(
        metrics={**(made.metrics or {}), metric.name: code_of_metric(metric)},
        absent={**_others(metric, made.absent or {}), **absent},
        rescored={**(made.rescored or {}), metric.name: _now()},
    )
    new = [_with_scores(trial, metric, found) for trial in record.trials]
    return record.model_copy(update={"trials": new, "provenance": provenance})


def _trials(setup: TrainingSetup, record: Record, tensors: Tensors) -> list[Trial]:
    """Return the trials whose networks were kept, as they were after training.

    Raises:
        InputError: none is kept at the largest n_train, where most scores are measured.
    """
    known, largest = record.provenance.networks, max(record.identity.sizes)
    names = set() if known is None else set(known.trials)
    keys = [TrialKey(trial.n_train, trial.seed) for trial in record.trials]
    kept = [key for key in keys if name_of(key) in names]
    if not any(key.n_train == largest for key in kept):
        raise InputError("no network of its largest n_train is kept")
    choice = record.provenance.fleet_choice
    decision = None if choice is None else StackingDecision(**choice)
    return [
        _trial(setup, key, tensors, decision, at_largest=key.n_train == largest) for key in kept
    ]


def _trial(
    setup: TrainingSetup,
    key: TrialKey,
    tensors: Tensors,
    decision: StackingDecision | None,
    *,
    at_largest: bool,
) -> Trial:
    network = rebuilt(setup, key, tensors)
    return Trial(
        key, setup.draws.train(key.n_train, key.seed), lambda: _valid(setup, key), network.module,
        network.model, stacking=decision, initial=_initial(setup, key) if at_largest else None,
    )  # fmt: skip


def _valid(setup: TrainingSetup, key: TrialKey) -> Data:
    return setup.draws.valid(key.seed)


def _initial(setup: TrainingSetup, key: TrialKey) -> nn.Module | None:
    """Return the network before training, if the training has kept it."""
    if setup.task.symmetry is None or setup.task.loss == "none":
        return None
    try:
        return untrained(setup, key)[1].eval()
    except Exception:  # raised by a plugin; the training goes on without it, too
        return None


def _with_scores(
    trial: TrialRecord, metric: Metric, found: Mapping[tuple[int, int], Mapping[str, float]]
) -> TrialRecord:
    kept = _others(metric, trial.scores)
    return trial.model_copy(
        update={"scores": {**kept, **found.get((trial.n_train, trial.seed), {})}}
    )


def _own(metric: Metric, named: Mapping[str, T]) -> dict[str, T]:
    return {name: value for name, value in named.items() if name.partition(".")[0] == metric.name}


def _others(metric: Metric, named: Mapping[str, T]) -> dict[str, T]:
    return {name: value for name, value in named.items() if name.partition(".")[0] != metric.name}


def _because(absent: Mapping[str, str]) -> str:
    return "".join(f": {why}" for why in sorted(set(absent.values()))[:1])


def _now() -> str:
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    return f"{moment} torch {torch.__version__} cpu"
