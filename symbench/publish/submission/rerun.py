"""Runs submitted cells again, with the plugins that are registered here."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from symbench.metrics import CORE
from symbench.records.record import Identity, Record
from symbench.registry import Registry
from symbench.registry.registry import OWN_DISTRIBUTION
from symbench.runs.options import Options
from symbench.runs.plan import Cell, Selection, Tuned, make_plan
from symbench.runs.run import execute
from symbench.runs.staleness import has_changed_metrics
from symbench.tuning.space import Categories, Range, search_space

_SEEDS, _TRIALS = 100, 1000
_SEARCH = {"trials", "seeds", "n_train", "sampler_seed"}
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

    A submission decides nothing about the limits. ``timeout`` is in wall seconds per cell, by
    default the tier's; ``memory`` in GiB per cell, by default a share of this machine. ``local``
    runs a cell in a process of its own; only that executor enforces them.
    """

    registry: Registry
    executor: Literal["inline", "local"] = "local"
    timeout: float | None = None
    memory: float | None = None

    def obstacles(self, identities: Sequence[Identity]) -> dict[str, str | None]:
        """Return by key why each cell cannot be repeated here; None if it can.

        The cells of one task are planned together if nothing in their plan fails.
        """
        reasons = {identity.key: self._before_planning(identity) for identity in identities}
        groups: dict[tuple[object, ...], list[Identity]] = defaultdict(list)
        for identity in identities:
            if reasons[identity.key] is None:
                shape = identity.task, identity.tier, *identity.sizes, len(identity.seeds)
                groups[(*shape, _asked(identity))].append(identity)
        for group in groups.values():
            planned = self._planned(group)
            for identity in group:
                reasons[identity.key] = self._after_planning(identity, planned.get(identity.model))
        return reasons

    def _before_planning(self, identity: Identity) -> str | None:
        if identity.task not in self.registry.tasks:
            return f"the task is not registered here ({_missing(identity)})"
        if identity.model not in self.registry.models:
            return "the model is not registered here (plugin missing)"
        try:
            task = self.registry.task(identity.task)
            if not task.is_local():
                return "the task's data are not here"
            largest = max(size for sizes in task.sizes.values() for size in sizes)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may raise any exception
            return _unanswered(error)
        return _too_large(identity, largest) or self._untunable(identity)

    def _untunable(self, identity: Identity) -> str | None:
        """Return why no search gives the configuration of a tuned cell, if it is one."""
        if (stated := identity.protocol.get("tuning")) is None:
            return None
        if not isinstance(stated, dict) or not _is_search(stated):
            return "its protocol describes no search"
        try:
            model = self.registry.model(identity.model).for_tier(identity.tier)
            space, own = search_space(model), model.config_dict()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may raise any exception
            return _unanswered(error)
        if identity.config.keys() != own.keys():
            return "the model's settings are others here"
        for name, value in identity.config.items():
            if not (value == own[name] and type(value) is type(own[name])) and not (
                name in space and _inside(space[name], value)
            ):
                return f"the search space of the model does not hold its setting {name}"
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
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may raise any exception
            return _unanswered(error)

    def unknown_scores(self, submitted: Record) -> str | None:
        """Return why scores of the record cannot be checked: no such metric here, or another."""
        known = {metric.name for metric in CORE} | self.registry.metrics.keys()
        if unknown := sorted(name for name in _families(submitted) if name not in known):
            return f"no metric registered here makes its score {unknown[0]} (plugin missing)"
        try:
            if submitted.provenance.metrics and has_changed_metrics(self.registry, submitted):
                return "a metric of its scores is another here"
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may raise any exception
            return _unanswered(error)
        return None

    def run(self, submitted: Record) -> Record:
        """Train and score the cell again, in a temporary store.

        The number of cells at a time is the submitted one, because it decides how many threads a
        cell has. So is the fleet, which could be decided differently here. Scores by metrics of
        other plugins than symbench's are left out if the submitted record has none of them,
        because the plugin need not have been installed there.

        Raises:
            KeyboardInterrupt: the run was interrupted.
        """
        made = submitted.provenance
        jobs = 1 if made.executor == "inline" else made.concurrent or 1
        with TemporaryDirectory(prefix="symbench-verify-") as place:
            options = Options(
                store=Path(place),
                device="cpu" if made.device == "cpu" else "auto",
                executor=self.executor,
                jobs=min(max(jobs, 1), os.cpu_count() or 1),
                fleet="auto" if made.fleet is None else "on" if made.fleet > 1 else "off",
                timeout=self.timeout,
                memory=self.memory,
            )
            run = execute(self.registry, _selection([submitted.identity]), options)
        if run.interrupted:
            raise KeyboardInterrupt
        (record,) = run.records
        return self._without_foreign(record, _families(submitted))

    def _without_foreign(self, here: Record, submitted: set[str]) -> Record:
        own = {info.name for info in self.registry.plugins if info.source == OWN_DISTRIBUTION}
        foreign = {
            name for name, card in self.registry.metrics.items()
            if card.plugin not in own and name not in submitted
        }  # fmt: skip
        trials = [
            trial.model_copy(
                update={
                    "scores": {
                        name: value for name, value in trial.scores.items()
                        if _family(name) not in foreign
                    }
                }
            )
            for trial in here.trials
        ]  # fmt: skip
        return here.model_copy(update={"trials": trials})


def _too_large(identity: Identity, largest: int) -> str | None:
    if max(identity.sizes) > largest or len(identity.seeds) > _SEEDS:
        return f"it asks for more than {largest} examples or {_SEEDS} seeds"
    if len(identity.sizes) * len(identity.seeds) > _TRIALS:
        return f"it asks for more than {_TRIALS} trials"
    return None


def _families(record: Record) -> set[str]:
    """Return the names of the metrics that made the scores of a record."""
    return {_family(name) for trial in record.trials for name in trial.scores}


def _family(score: str) -> str:
    return score.partition(".")[0]


def _is_search(stated: dict[str, Any]) -> bool:
    numbers = all(type(value) is int and value >= 0 for value in stated.values())
    return stated.keys() == _SEARCH and numbers


def _inside(dimension: Range | Categories, value: object) -> bool:
    if isinstance(dimension, Categories):
        return any(value == one and type(value) is type(one) for one in dimension.values)
    whole = (int,) if dimension.kind == "whole" else (int, float)
    return type(value) in whole and dimension.low <= value <= dimension.high  # type: ignore[operator]


def _missing(identity: Identity) -> str:
    """Return what would register the task of an identity."""
    files = _files(identity)
    return f"give --table, the file {files}" if files else "plugin missing"


def _files(identity: Identity) -> str:
    """Return the data files of an identity, with the first digits of their checksums."""
    files = identity.protocol.get("files")
    known = files.items() if isinstance(files, dict) else ()
    return ", ".join(f"{name} of sha256 {str(sha256)[:12]}…" for name, sha256 in known)


def _unanswered(error: BaseException) -> str:
    return f"the plugin cannot be asked: {type(error).__name__}: {error}"


def _disagreement(identity: Identity, cell: Cell) -> str | None:
    if cell.error is not None:
        return f"the plugin cannot be asked: {cell.reason}"
    ours, theirs = cell.identity.model_dump(), identity.model_dump()
    if (files := _files(identity)) != _files(cell.identity):
        return f"its data are of another file here: submitted was {files or 'none'}"
    for part, reason in _PARTS.items():
        if ours.get(part) != theirs.get(part):
            return reason
    if cell.reason is not None:
        return f"declined here: {cell.reason}"
    return None if cell.key == identity.key else "its identity has fields unknown here"


def _selection(identities: Sequence[Identity]) -> Selection:
    """Return the selection of cells of one task, with equal sizes, metrics and numbers of seeds."""
    first = identities[0]
    tuned = {
        (identity.task, identity.model): Tuned(identity.config, budget)
        for identity in identities
        if isinstance(budget := identity.protocol.get("tuning"), dict)
    }
    models = tuple(identity.model for identity in identities)
    return Selection(
        (first.task,), models, first.tier, tuple(first.sizes), len(first.seeds), tuned=tuned,
        metrics=_asked(first),
    )  # fmt: skip


def _asked(identity: Identity) -> tuple[str, ...]:
    """Return the metrics that the run asked for; those of an unusable list are not asked for."""
    asked = identity.protocol.get("metrics", ())
    texts = isinstance(asked, list) and all(isinstance(name, str) for name in asked)
    return tuple(asked) if texts else ()
