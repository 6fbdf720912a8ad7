"""One cell from start to record: draw, train, score."""

from __future__ import annotations

import resource
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

import torch
from torch import Tensor

from symbench.contract import Model, Problem, Task
from symbench.errors import InputError
from symbench.records.record import Failure, Record, Status, TrialRecord
from symbench.registry import Registry
from symbench.registry.source_hash import source_sha256
from symbench.registry.view import make_problem
from symbench.runs.plan import Cell
from symbench.runs.provenance import machine
from symbench.runs.score import metrics_for, score
from symbench.training.setup import FleetChoice, Progress, Schooling, Trial, TrialKey, quiet
from symbench.training.train import train

_MESSAGE_LIMIT = 2000
_TENSOR_BYTES = 2**26


def run_cell(
    registry: Registry,
    cell: Cell,
    device: str = "cpu",
    fleet: FleetChoice = "auto",
    progress: Progress = quiet,
    on_error: Callable[[Exception], None] = quiet,
) -> Record:
    """Train and score the cell; whatever goes wrong inside it becomes a record with a status."""
    started, clock = datetime.now(UTC), time.perf_counter()
    trials: list[TrialRecord] = []
    failure: Failure | None = None
    extra: dict[str, Any] = {}
    tensors: dict[str, Tensor] = {}
    status: Status = "declined"
    if device.startswith("cuda"):  # ten bits of mantissa would stand in the scores' way
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if cell.reason is None:
        try:
            trials, extra, tensors = _run(registry, cell, torch.device(device), fleet, progress)
            status = _status(trials)
        except Exception as error:  # a model may raise anything; its cell alone is lost
            on_error(error)
            status, failure = _failure(error)
    else:
        failure = Failure(type="Declined", message=cell.reason)
    provenance = {
        **machine(device),
        **_plugin(registry, cell),
        **extra,
        "started": started.isoformat(timespec="seconds"),
        "seconds": time.perf_counter() - clock,
    }
    return Record(
        identity=cell.identity, status=status, error=failure, trials=trials,
        provenance=provenance, tensors=tensors,
    )  # fmt: skip


def _run(
    registry: Registry, cell: Cell, device: torch.device, fleet: FleetChoice, progress: Progress
) -> tuple[list[TrialRecord], dict[str, Any], dict[str, Tensor]]:
    task = registry.task(cell.task).for_tier(cell.identity.tier)
    # planning has drawn for it; a process of its own need not draw again
    vars(task).setdefault("_fingerprint", cell.identity.task_fingerprint)
    model_class = registry.model(cell.model)
    model = model_class(model_class.Config(**cell.identity.config))
    view = partial(make_problem, registry, task, model)
    if reason := model.accepts(view()):
        raise InputError(f"{model.name} declines {task.name}: {reason}")
    identity = cell.identity
    updates, validations = (int(identity.protocol[name]) for name in ("updates", "validations"))
    school = Schooling(task, model, view, updates, device, validations, fleet, progress)
    keys = [TrialKey(n, seed) for n in identity.sizes for seed in identity.seeds]
    trained = train(school, keys)
    records = _score_all(registry, task, model, trained, view, whole=identity.tier == "full")
    peak = _peak_bytes(device)
    for record in records:
        record.cost["peak_bytes"] = peak
    extra: dict[str, Any] = {"fleet": max(trial.stacked for trial in trained)}
    if (choice := trained[0].choice) is not None:
        extra["fleet_choice"] = asdict(choice)
    if captures := [trial.capture for trial in trained if trial.capture is not None]:
        extra["capture"] = asdict(min(captures, key=lambda capture: capture.captured))
    return records, extra, learned_generators(task, model, trained)


def _score_all(
    registry: Registry,
    task: Task,
    model: Model,
    trained: Sequence[Trial],
    view: Callable[[], Problem],
    *,
    whole: bool,
) -> list[TrialRecord]:
    metrics = metrics_for(registry, task, model)
    cheap = [metric for metric in metrics if metric.along_curve]
    last, told = max(trial.key.n_train for trial in trained), view()
    records: dict[TrialKey, TrialRecord] = {}
    for chosen, dear in ((metrics, True), (cheap, False)):
        trials = [trial for trial in trained if (whole or trial.key.n_train == last) is dear]
        found = score(trials, task, model, told, chosen, thorough=whole)
        records |= {trial.key: record for trial, record in zip(trials, found, strict=True)}
    return [records[trial.key] for trial in trained]


def learned_generators(task: Task, model: Model, trained: Sequence[Trial]) -> dict[str, Tensor]:
    """Return the explicit generators of a model that discovers, to be stored and drawn.

    ``learned.<seed>`` [k, d, d] at the largest n_train, in float32, as many seeds as fit 64 MiB;
    beside them the declared group's algebra, ``truth`` [k*, d, d], and ``pixel_order`` [d].
    """
    if model.prior != "discovers" or task.symmetry is None:
        return {}
    last = max(trial.key.n_train for trial in trained)
    found: dict[str, Tensor] = {}
    for trial in trained:
        L = None if trial.key.n_train < last else model.generators(trial.module)
        if L is not None and len(L):
            found[f"learned.{trial.key.seed}"] = L.detach().cpu().float().contiguous().clone()
        if sum(t.nbytes for t in found.values()) > _TENSOR_BYTES:
            found.popitem()
            break
    if not found:
        return {}
    order = task.pixel_order()
    truth = {"truth": task.symmetry.group.algebra.float()}
    return found | truth | ({} if order is None else {"pixel_order": order.long()})


def _status(trials: Sequence[TrialRecord]) -> Status:
    """A cell is diverged only as a whole; some diverged trials leave it ok, and are counted."""
    counts = Counter(trial.status for trial in trials)
    return "ok" if counts["ok"] else "diverged"


def _failure(error: Exception) -> tuple[Status, Failure]:
    memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    text = "".join(traceback.format_exception(error))
    failure = Failure(
        type=type(error).__name__, message=str(error)[:_MESSAGE_LIMIT], traceback=text[-10_000:]
    )
    return "oom" if memory else "failed", failure


def _peak_bytes(device: torch.device) -> float:
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _plugin(registry: Registry, cell: Cell) -> dict[str, Any]:
    card = registry.card("model", cell.model)
    versions = {info.name: info.version for info in registry.plugins}
    return {
        "plugin": card.plugin,
        "plugin_version": versions.get(card.plugin, ""),
        "plugin_source_sha256": source_sha256(registry.model(cell.model)),
    }
