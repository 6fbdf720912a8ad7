"""Run one cell: draw the data, train, score, and return the record."""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import torch
from torch import Tensor

from symbench.errors import InputError
from symbench.metrics.announced_unmoved import AnnouncedUnmoved
from symbench.records.record import Failure, Provenance, Record, Status, TrialRecord
from symbench.registry import Registry
from symbench.registry.settings import guarded
from symbench.registry.source_hash import model_sha256
from symbench.runs.interruption import only_the_user_interrupts
from symbench.runs.moved import train_on_moved_data
from symbench.runs.networks import kept
from symbench.runs.plan import Cell
from symbench.runs.protocol import KeepNetworks
from symbench.runs.provenance import loaded_plugins, machine
from symbench.runs.score import metrics_for, score_cell
from symbench.runs.setup import check_code, setup_of
from symbench.runs.staleness import code_of_metric
from symbench.runs.watch import watched
from symbench.training.setup import (
    FleetMode,
    ProgressCallback,
    TrainingSetup,
    Trial,
    TrialKey,
    quiet,
    repeatable,
    without_tf32,
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
    keep_networks: KeepNetworks = "none",
) -> Record:
    """Train and score the cell; an exception inside it becomes a record with a status.

    This holds for SystemExit and KeyboardInterrupt too. An interruption by the user (Ctrl-C) is
    passed on. The trials of different n_train do not affect each other's results, so that
    ``symbench.runs.parts.merged`` makes the same record of the parts of a cell.

    Args:
        registry: must hold the cell's task and model.
        cell: from a plan.
        device: a torch device, not ``auto``.
        fleet: whether the trials train together.
        run_by: provenance that the executor adds to the record.
        progress: called with the progress of the training.
        on_error: called with an exception of the cell before it becomes a record.
        keep_networks: whose trained networks the record brings along.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    if device.startswith("cuda"):
        without_tf32()
        torch.cuda.reset_peak_memory_stats(device)
    if cell.error is not None:  # in planning
        record = Record(identity=cell.identity, status="failed", error=cell.error)
    elif cell.reason is not None:
        declined = Failure(type="Declined", message=cell.reason)
        record = Record(identity=cell.identity, status="declined", error=declined)
    else:
        plugin = registry.models[cell.model].plugin
        with only_the_user_interrupts():
            try:
                with guarded(plugin, named=True), repeatable(torch.device(device)):
                    record = _run(
                        registry, cell, torch.device(device), fleet, progress,
                        keep_networks=keep_networks,
                    )  # fmt: skip
            except BaseException as error:  # a model may raise anything; only its cell fails
                if on_error is not None:
                    on_error(error)
                status, failure = failure_of(error)
                record = Record(identity=cell.identity, status=status, error=failure)
    made_by = machine(device).also(
        **(_plugin(registry, cell) if cell.error is None else Provenance()).known(),
        **record.provenance.known(),
        started=started.isoformat(timespec="seconds"),
        seconds=time.perf_counter() - clock,
        **(run_by or Provenance()).known(),
    )
    return record.model_copy(update={"provenance": made_by})


def _run(
    registry: Registry,
    cell: Cell,
    device: torch.device,
    fleet: FleetMode,
    progress: ProgressCallback,
    *,
    keep_networks: KeepNetworks,
) -> Record:
    """Train and score a cell; the provenance of its record states how the trials were trained."""
    identity = cell.identity
    setup = setup_of(registry, identity, device, fleet, progress)
    task, draws, model, problem = setup.task, setup.draws, setup.model, setup.make_problem(None)
    check_code(registry, identity, task, model)
    if reason := model.accepts(problem):
        raise InputError(f"{model.name} declines {task.name}: {reason}")
    keys = [TrialKey(n, seed) for n in cell.sizes for seed in identity.seeds]
    with watched(draws, model):
        trained = train(setup, keys)
        not_moved = train_on_moved_data(setup, trained)
        metrics = metrics_for(registry, task, model, identity.protocol.get("metrics", ()))
        tensors = learned_generators(setup, trained)  # before metrics of plugins see them
        scored = score_cell(identity, setup, trained, metrics)
        content, networks = b"", None
        if keep_networks != "none":
            content, networks = kept(setup, trained, keep_networks)
    peak = _peak_bytes(device)
    trials = [t.model_copy(update={"cost": {**t.cost, "peak_bytes": peak}}) for t in scored.trials]
    made = _trained_how(trained).also(metrics={m.name: code_of_metric(m) for m in metrics})
    absent = scored.absent | ({AnnouncedUnmoved.name: not_moved} if not_moved else {})
    made = made.also(absent=absent) if absent else made
    return Record(
        identity=identity, status=status_of(trials), trials=trials,
        provenance=made.also(networks=networks) if networks is not None else made,
        tensors=tensors, networks=content,
    )  # fmt: skip


def _trained_how(trained: Sequence[Trial]) -> Provenance:
    """Return how many trials trained together and why, and whether a CUDA graph was replayed."""
    how = Provenance(fleet=max(trial.stacked for trial in trained))
    if (decision := max(trained, key=lambda trial: trial.key.n_train).stacking) is not None:
        how = how.also(fleet_choice=asdict(decision))
    if captures := [trial.capture for trial in trained if trial.capture is not None]:
        how = how.also(capture=asdict(min(captures, key=lambda capture: capture.captured)))
    return how


def learned_generators(setup: TrainingSetup, trained: Sequence[Trial]) -> dict[str, Tensor]:
    """Return the tensors that a record stores of a model that holds explicit generators.

    ``learned.<seed>`` [k, d, d] are the generators at the largest n_train, in float32, of as many
    seeds as fit 64 MiB. ``truth`` [k*, d, d] is the algebra of the declared group. ``pixel_order``
    [d] is present for images.
    """
    task = setup.task
    if setup.model.prior != "discovers" or task.symmetry is None:
        return {}
    largest = setup.largest(trained)
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


def status_of(trials: Sequence[TrialRecord]) -> Status:
    """Return ``diverged`` if no trial is ok; a cell with some diverged trials is ok."""
    counts = Counter(trial.status for trial in trials)
    return "ok" if counts["ok"] else "diverged"


def failure_of(error: BaseException) -> tuple[Status, Failure]:
    """Return the status and the failure of a cell that has raised."""
    memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return "oom" if memory else "failed", Failure.of(error)


def _peak_bytes(device: torch.device) -> float:
    if device.type == "cuda":
        return float(torch.cuda.max_memory_reserved(device))  # with what the allocator keeps
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
