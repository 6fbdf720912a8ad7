"""Runs submitted cells again, with what is registered here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from symbench.records.record import Identity, Record
from symbench.registry import Registry
from symbench.runs import plan
from symbench.runs.options import Options
from symbench.runs.plan import Selection, Tuned
from symbench.runs.run import execute

_SEEDS = 100
_PARTS = {
    "task_version": "another version of the task is registered here",
    "task_fingerprint": "the task draws other data here",
    "model_version": "another version of the model is registered here",
    "model_source_sha256": "the model's source is another here",
    "config": "the model's settings are others here",
    "protocol": "the protocol is another here",
}


@dataclass(frozen=True)
class Bench:
    """Where cells are run again: the registered plugins, and how each cell is run.

    ``executor`` "as submitted" takes the record's own. ``timeout`` is wall seconds a cell.
    """

    registry: Registry
    executor: Literal["as submitted", "inline", "local"] = "as submitted"
    timeout: float | None = None
    plugin_files: tuple[Path, ...] = ()
    blocked: tuple[str, ...] = ()
    _reasons: dict[str, str | None] = field(default_factory=dict)

    def obstacle(self, identity: Identity) -> str | None:
        """Return why the cell cannot be run again here as it was; None if it can."""
        if identity.key not in self._reasons:
            self._reasons[identity.key] = self._obstacle(identity)
        return self._reasons[identity.key]

    def _obstacle(self, identity: Identity) -> str | None:
        if identity.task not in self.registry.tasks:
            return "the task is not registered here (plugin missing)"
        if identity.model not in self.registry.models:
            return "the model is not registered here (plugin missing)"
        try:
            return self._disagreement(identity)
        except Exception as error:  # a plugin may raise anything
            return f"the plugin cannot be asked: {type(error).__name__}: {error}"

    def _disagreement(self, identity: Identity) -> str | None:
        task = self.registry.task(identity.task)
        if not task.is_local():
            return "the task's data are not here"
        largest = max(size for sizes in task.sizes.values() for size in sizes)
        if max(identity.sizes) > largest or len(identity.seeds) > _SEEDS:
            return f"it asks for more than {largest} examples or {_SEEDS} seeds"
        (cell,) = plan.make_plan(self.registry, _selection(identity))
        ours, theirs = cell.identity.model_dump(), identity.model_dump()
        for part, reason in _PARTS.items():
            if ours[part] != theirs[part]:
                return reason
        if cell.reason is not None:
            return f"declined here: {cell.reason}"
        return None if cell.key == identity.key else "its identity has fields unknown here"

    def run(self, submitted: Record) -> Record:
        """Train and score the cell again, in a store of its own that is then thrown away.

        The executor and the number of cells at a time are the submitted ones, since they set how
        many threads a cell has; so is the fleet, since timing could decide on it otherwise here.
        """
        executor, jobs = self.executor, submitted.provenance.get("concurrent")
        if executor == "as submitted":
            executor = "inline" if submitted.provenance.get("executor") == "inline" else "local"
        most = os.cpu_count() or 1
        with TemporaryDirectory(prefix="symbench-verify-") as place:
            options = Options(
                store=Path(place),
                device="cpu" if submitted.provenance.get("device") == "cpu" else "auto",
                executor=executor,
                jobs=min(max(jobs, 1), most) if isinstance(jobs, int) else 1,
                fleet=_fleet(submitted.provenance.get("fleet")),
                timeout=self.timeout,
            )
            (record,) = execute(self.registry, _selection(submitted.identity), options).records
        return record


def _fleet(trials: object) -> Literal["auto", "on", "off"]:
    """Return the route of a record that says how many trials trained together."""
    if not isinstance(trials, int):
        return "auto"
    return "on" if trials > 1 else "off"


def _selection(identity: Identity) -> Selection:
    tuning = identity.protocol.get("tuning")
    tuned = {}
    if isinstance(tuning, dict):
        tuned = {(identity.task, identity.model): Tuned(identity.config, tuning)}
    return Selection(
        (identity.task,), (identity.model,), identity.tier, tuple(identity.sizes),
        len(identity.seeds), tuned,
    )  # fmt: skip
