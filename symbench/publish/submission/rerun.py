"""Runs submitted cells again, with the plugins that are registered here."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from symbench.records.record import Identity, Record
from symbench.registry import Registry
from symbench.runs.options import Options
from symbench.runs.plan import Cell, Selection, Tuned, make_plan
from symbench.runs.run import execute

_SEEDS = 100
_PARTS = {
    "task_version": "another version of the task is registered here",
    "task_fingerprint": "the task draws other data here",
    "task_source_sha256": "the task's source is another here",
    "model_version": "another version of the model is registered here",
    "model_source_sha256": "the model's source is another here",
    "config": "the model's settings are others here",
    "protocol": "the protocol is another here",
}


@dataclass(frozen=True)
class Rerunner:
    """Runs cells again with the registered plugins.

    ``executor`` "as submitted" is that of the record. ``timeout`` is in wall seconds per cell.
    """

    registry: Registry
    executor: Literal["as submitted", "inline", "local"] = "as submitted"
    timeout: float | None = None

    def obstacles(self, identities: Sequence[Identity]) -> dict[str, str | None]:
        """Return by key why each cell cannot be repeated here; None if it can.

        The cells of one task are planned together if nothing in their plan fails.
        """
        reasons = {identity.key: self._before_planning(identity) for identity in identities}
        groups: dict[tuple[object, ...], list[Identity]] = defaultdict(list)
        for identity in identities:
            if reasons[identity.key] is None:
                shape = identity.task, identity.tier, *identity.sizes, len(identity.seeds)
                groups[shape].append(identity)
        for group in groups.values():
            planned = self._planned(group)
            for identity in group:
                reasons[identity.key] = self._after_planning(identity, planned.get(identity.model))
        return reasons

    def _before_planning(self, identity: Identity) -> str | None:
        if identity.task not in self.registry.tasks:
            return "the task is not registered here (plugin missing)"
        if identity.model not in self.registry.models:
            return "the model is not registered here (plugin missing)"
        try:
            task = self.registry.task(identity.task)
            if not task.is_local():
                return "the task's data are not here"
            largest = max(size for sizes in task.sizes.values() for size in sizes)
        except Exception as error:  # a plugin may raise any exception
            return _unanswered(error)
        if max(identity.sizes) > largest or len(identity.seeds) > _SEEDS:
            return f"it asks for more than {largest} examples or {_SEEDS} seeds"
        return None

    def _planned(self, group: Sequence[Identity]) -> dict[str, Cell]:
        """Return the cells of one task by model; empty if one of them cannot be planned."""
        try:
            return {cell.model: cell for cell in make_plan(self.registry, _selection(group))}
        except Exception:  # the cause is found by planning each cell on its own
            return {}

    def _after_planning(self, identity: Identity, cell: Cell | None) -> str | None:
        try:
            if cell is None:
                (cell,) = make_plan(self.registry, _selection([identity]))
            return _disagreement(identity, cell)
        except Exception as error:  # a plugin may raise any exception
            return _unanswered(error)

    def run(self, submitted: Record) -> Record:
        """Train and score the cell again, in a temporary store.

        The executor and the number of cells at a time are the submitted ones, because they decide
        how many threads a cell has. So is the fleet, which could be decided differently here.
        """
        made, executor = submitted.provenance, self.executor
        if executor == "as submitted":
            executor = "inline" if made.executor == "inline" else "local"
        with TemporaryDirectory(prefix="symbench-verify-") as place:
            options = Options(
                store=Path(place),
                device="cpu" if made.device == "cpu" else "auto",
                executor=executor,
                jobs=min(max(made.concurrent or 1, 1), os.cpu_count() or 1),
                fleet="auto" if made.fleet is None else "on" if made.fleet > 1 else "off",
                timeout=self.timeout,
            )
            (record,) = execute(self.registry, _selection([submitted.identity]), options).records
        return record


def _unanswered(error: Exception) -> str:
    return f"the plugin cannot be asked: {type(error).__name__}: {error}"


def _disagreement(identity: Identity, cell: Cell) -> str | None:
    if cell.error is not None:
        return f"the plugin cannot be asked: {cell.reason}"
    ours, theirs = cell.identity.model_dump(), identity.model_dump()
    for part, reason in _PARTS.items():
        if ours.get(part) != theirs.get(part):
            return reason
    if cell.reason is not None:
        return f"declined here: {cell.reason}"
    return None if cell.key == identity.key else "its identity has fields unknown here"


def _selection(identities: Sequence[Identity]) -> Selection:
    """Return the selection of cells of one task, with equal sizes and numbers of seeds."""
    first = identities[0]
    tuned = {
        (identity.task, identity.model): Tuned(identity.config, budget)
        for identity in identities
        if isinstance(budget := identity.protocol.get("tuning"), dict)
    }
    models = tuple(identity.model for identity in identities)
    return Selection((first.task,), models, first.tier, tuple(first.sizes), len(first.seeds), tuned)
