"""Run one cell: draw the data, train, score, and return the record."""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial

import torch
from torch import Tensor

from symbench.contract import Model, Recipe, Task
from symbench.draws import Draws
from symbench.errors import InputError
from symbench.records.record import Failure, Identity, Provenance, Record, Status, TrialRecord
from symbench.registry import Registry
from symbench.registry.problem import make_problem
from symbench.registry.settings import guarded
from symbench.registry.source_hash import model_sha256, source_sha256
from symbench.runs.interruption import only_the_user_interrupts
from symbench.runs.moved import train_on_moved_data
from symbench.runs.plan import Cell
from symbench.runs.provenance import loaded_plugins, machine
from symbench.runs.score import metrics_for, score
from symbench.runs.staleness import code_of_metric
from symbench.runs.watch import watched
from symbench.training.setup import (
    FleetMode,
    ProgressCallback,
    TrainingSetup,
    Trial,
    TrialKey,
    quiet,
)
from symbench.training.train import train

_TENSOR_BYTES = 2**26


def run_cell(  # noqa: PLR0913 - public arguments
    registry: Registry,
    cell: Cell,
    device: str = "cpu",
    fleet: FleetMode = "auto",
    run_by: Provenance | None = None,
    *,
    progress: ProgressCallback = quiet,
    on_error: Callable[[BaseException], None] | None = None,
) -> Record:
    """Train and score the cell; an exception inside it becomes a record with a status.

    This holds for SystemExit and KeyboardInterrupt too. An interruption by the user (Ctrl-C) is
    passed on.

    Args:
        registry: must hold the cell's task and model.
        cell: from a plan.
        device: a torch device, not ``auto``.
        fleet: whether the trials train together.
        run_by: provenance that the executor adds to the record.
        progress: called with the progress of the training.
        on_error: called with an exception of the cell before it becomes a record.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    if device.startswith("cuda"):  # TF32 rounds to ten bits of mantissa, which scores would show
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if cell.error is not None:  # in planning
        record = Record(identity=cell.identity, status="failed", error=cell.error)
    elif cell.reason is not None:
        declined = Failure(type="Declined", message=cell.reason)
        record = Record(identity=cell.identity, status="declined", error=declined)
    else:
        with only_the_user_interrupts():
            try:
                with guarded(registry.models[cell.model].plugin, named=True):
                    record = _run(registry, cell, torch.device(device), fleet, progress)
            except BaseException as error:  # a model may raise anything; only its cell fails
                if on_error is not None:
                    on_error(error)
                status, failure = failure_of(error)
                record = Record(identity=cell.identity, status=status, error=failure)
    made_by = machine(device).also(
        **(_plugin(registry, cell) if cell.error is None else Provenance()).model_dump(),
        **record.provenance.model_dump(),
        started=started.isoformat(timespec="seconds"),
        seconds=time.perf_counter() - clock,
        **(run_by or Provenance()).model_dump(),
    )
    return record.model_copy(update={"provenance": made_by})


def _run(
    registry: Registry,
    cell: Cell,
    device: torch.device,
    fleet: FleetMode,
    progress: ProgressCallback,
) -> Record:
    """Train and score a cell; the provenance of its record states how the trials were trained."""
    identity = cell.identity
    task = registry.task(cell.task).for_tier(identity.tier)
    draws = Draws(task, identity.task_fingerprint)
    model_class = registry.model(cell.model)
    # a copy, because a model may change a list or a dictionary of its configuration
    model = model_class(model_class.Config(**deepcopy(identity.config)))
    check_code(registry, identity, task, model)
    problem = partial(make_problem, registry, task, model)
    if reason := model.accepts(problem()):
        raise InputError(f"{model.name} declines {task.name}: {reason}")
    updates, validations = (int(identity.protocol[name]) for name in ("updates", "validations"))
    setup = TrainingSetup(
        draws, model, problem, updates, device, validations, fleet, progress,
        recipe=Recipe(**identity.protocol["recipe"]),
    )  # fmt: skip
    keys = [TrialKey(n, seed) for n in identity.sizes for seed in identity.seeds]
    with watched(draws, model):
        trained = train(setup, keys)
        train_on_moved_data(setup, trained)
        metrics = metrics_for(registry, task, model, identity.protocol.get("metrics", ()))
        tensors = learned_generators(task, model, trained)  # before metrics of plugins see them
        scored = score(
            trained, draws, problem(), metrics,
            thorough=identity.tier == "full", symmetry_at=identity.protocol["symmetry_at"],
            sampler=identity.protocol.get("sampler", "group"),
        )  # fmt: skip
    peak = _peak_bytes(device)
    trials = [t.model_copy(update={"cost": {**t.cost, "peak_bytes": peak}}) for t in scored.trials]
    made = _trained_how(trained).also(metrics={m.name: code_of_metric(m) for m in metrics})
    return Record(
        identity=identity, status=_status(trials), trials=trials,
        provenance=made.also(absent=scored.absent) if scored.absent else made,
        tensors=tensors,
    )  # fmt: skip


def check_code(registry: Registry, identity: Identity, task: Task, model: Model) -> None:
    """Raise InputError if the code of task or model differs from that of the plan.

    This process has imported the code later than the process that planned the cell.
    """
    planned = identity.task_source_sha256, identity.model_source_sha256
    found = source_sha256(task), model_sha256(registry, model)
    for name, one, other in zip((task.name, model.name), planned, found, strict=True):
        if one is not None and one != other:
            raise InputError(
                f"the source of {name} differs from the planned one: it was edited during the "
                "run, or this machine has another version; start the run again"
            )


def _trained_how(trained: Sequence[Trial]) -> Provenance:
    """Return how many trials trained together and why, and whether a CUDA graph was replayed."""
    how = Provenance(fleet=max(trial.stacked for trial in trained))
    if (decision := trained[0].stacking) is not None:
        how = how.also(fleet_choice=asdict(decision))
    if captures := [trial.capture for trial in trained if trial.capture is not None]:
        how = how.also(capture=asdict(min(captures, key=lambda capture: capture.captured)))
    return how


def learned_generators(task: Task, model: Model, trained: Sequence[Trial]) -> dict[str, Tensor]:
    """Return the tensors that a record stores of a model that holds explicit generators.

    ``learned.<seed>`` [k, d, d] are the generators at the largest n_train, in float32, of as many
    seeds as fit 64 MiB. ``truth`` [k*, d, d] is the algebra of the declared group. ``pixel_order``
    [d] is present for images.
    """
    if model.prior != "discovers" or task.symmetry is None:
        return {}
    largest = max(trial.key.n_train for trial in trained)
    learned: dict[str, Tensor] = {}
    for trial in trained:
        L = None if trial.key.n_train < largest else trial.model.generators(trial.module)
        if L is not None and len(L):
            learned[f"learned.{trial.key.seed}"] = L.detach().cpu().float().contiguous().clone()
        if sum(t.nbytes for t in learned.values()) > _TENSOR_BYTES:
            learned.popitem()
            break
    if not learned:
        return {}
    learned["truth"] = task.symmetry.group.algebra.float().contiguous()
    if (order := task.pixel_order()) is not None:
        learned["pixel_order"] = order.long().contiguous()
    return learned


def _status(trials: Sequence[TrialRecord]) -> Status:
    """Return ``diverged`` if no trial is ok; a cell with some diverged trials is ok."""
    counts = Counter(trial.status for trial in trials)
    return "ok" if counts["ok"] else "diverged"


def failure_of(error: BaseException) -> tuple[Status, Failure]:
    """Return the status and the failure of a cell that has raised."""
    memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return "oom" if memory else "failed", Failure.of(error)


def _peak_bytes(device: torch.device) -> float:
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _plugin(registry: Registry, cell: Cell) -> Provenance:
    card = registry.card("model", cell.model)
    versions = {info.name: info.version for info in registry.plugins}
    cls = registry.model(cell.model)
    return Provenance(
        plugin=card.plugin,
        plugin_version=versions.get(card.plugin, ""),
        plugin_source_sha256=model_sha256(registry, cls(cls.Config(**cell.identity.config))),
        plugins=loaded_plugins(registry),
    )
