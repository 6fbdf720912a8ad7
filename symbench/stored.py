"""Stored results as objects: their records, data frames of them, and trained networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from symbench import registry as registries
from symbench.contract import Metric, Task
from symbench.errors import InputError, SymbenchError
from symbench.records.archive import Archive
from symbench.records.record import Record
from symbench.records.store import Store, started
from symbench.registry import Registry
from symbench.registry.card import one_line
from symbench.registry.given import add_given
from symbench.registry.settings import guarded
from symbench.results.published.publication import Publication
from symbench.results.sources import open_source
from symbench.runs.networks import name_of, rebuilt
from symbench.runs.rescore import metric_of, rescored
from symbench.runs.setup import setup_of
from symbench.runs.staleness import is_stale
from symbench.training.setup import TrialKey

if TYPE_CHECKING:
    from pandas import DataFrame


def load(
    store: str | Path,
    *,
    tasks: Sequence[Task] = (),
    plugin_files: Sequence[Path | str] = (),
    blocked: Sequence[str] = (),
) -> Stored:
    """Return the results of earlier runs.

    Args:
        store: the directory of a store, or of a publication, which keeps no networks.
        tasks: tasks that no plugin registers, such as a ``TableTask``, to rebuild their networks.
        plugin_files: plugins besides the installed ones, to rebuild networks of their models.
        blocked: installed plugins that are left out.

    Raises:
        InputError: there is neither a store nor a publication.
    """
    source = open_source(store)
    registry = registries.load(tuple(plugin_files), tuple(blocked))
    for task in tasks:
        if not isinstance(task, Task):
            raise InputError(f"task {task!r}: give a task itself, such as a symbench.TableTask")
        add_given(registry, task)
    return Stored(source, registry)


@dataclass(frozen=True)
class Rescored:
    """A record after scoring its networks: how many trials have the score, or ``why`` none has."""

    record: Record
    trials: int
    why: str


class Stored:
    """The results of a store or publication; ``records`` are sorted by task, model and tier."""

    def __init__(self, store: Store | Archive | Publication, registry: Registry) -> None:
        self.store, self.registry = store, registry

    @cached_property
    def records(self) -> list[Record]:
        """The usable records, read once."""
        return self.store.records()

    def __repr__(self) -> str:
        kept = sum(map(self.store.has_networks, self.records))
        return (
            f"Stored({str(self.store.path)!r}: {len(self.records)} records, {kept} with networks)"
        )

    def cells(self) -> DataFrame:
        """Return a data frame with one row for each cell."""
        import pandas as pd

        return pd.DataFrame.from_records([self._cell(record) for record in self.records])

    def trials(self) -> DataFrame:
        """Return a data frame in long form, with one row for each trial and score or cost.

        Its column ``kind`` is ``score`` or ``cost``. A score that a trial does not have has no row.
        """
        import pandas as pd

        columns = [
            "task", "model", "tier", "key", "n_train", "seed", "status", "kind", "score", "value",
        ]  # fmt: skip
        rows = [row for record in self.records for row in _trials(record)]
        return pd.DataFrame.from_records(rows, columns=columns)

    def network(
        self, task: str, model: str, n_train: int, seed: int = 0, *, tier: str | None = None
    ) -> nn.Module:
        """Return a trained network, rebuilt on the CPU and in evaluation mode.

        Its outputs are compared with those that were kept. Of several records of the pair, the one
        that was started last counts.

        Raises:
            InputError: there is no such trial, its network was not kept or cannot be rebuilt.
            StoreError: the file of the networks is missing, damaged or that of another record.
        """
        record, key = self._record(task, model, tier), TrialKey(n_train, seed)
        identity = record.identity
        if n_train not in identity.sizes or seed not in identity.seeds:
            raise InputError(
                f"{task} {model} has no trial of n_train {n_train} and seed {seed}: its sizes are "
                f"{identity.sizes}, its seeds {identity.seeds}"
            )
        known = record.provenance.networks
        if known is not None and name_of(key) not in known.trials:
            why = known.declined.get(name_of(key), f"the run kept {known.which} only")
            raise InputError(f"the network of n_train {n_train}, seed {seed} is not kept: {why}")
        tensors = self.store.read_networks(record)
        if task not in self.registry.tasks:
            raise InputError(
                f"task {task} is of no plugin: give it to load, such as "
                f"symbench.load(store, tasks=[symbench.TableTask(…)])"
            )
        if missing := self.registry.task(task).available():
            raise InputError(f"the network needs data of its task to be rebuilt: {missing}")
        with guarded(self.registry.card("model", model).plugin):
            try:
                setup = setup_of(self.registry, identity, torch.device("cpu"))
                return rebuilt(setup, key, tensors).module
            except Exception as error:  # a plugin may raise anything
                changed = is_stale(self.registry, identity)
                since = "; the task, the model or the protocol has changed since" if changed else ""
                why = str(error) if isinstance(error, InputError) else one_line(error)
                raise InputError(f"the network cannot be rebuilt: {why}{since}") from error

    def score(
        self, metric: str, tasks: Sequence[str] = (), models: Sequence[str] = ()
    ) -> Iterator[Rescored]:
        """Score the kept networks by a metric, without training, and store the scores.

        A record is written as soon as it is scored. One that another run is writing, that is stale,
        or whose networks were not kept, is left as it is, and the reason is yielded.

        Args:
            metric: its name; it need not have existed when the networks were trained.
            tasks: names or globs; all if there are none.
            models: the same.

        Raises:
            UnknownNameError: there is no such metric.
            InputError: the results are those of a publication, which keeps no networks.
        """
        made, store = metric_of(self.registry, metric), self.store
        if not isinstance(store, Store):
            what = "an archive" if isinstance(store, Archive) else "a publication"
            raise InputError(f"{store.path} is {what}, which keeps no networks to score")
        for record in self.records:
            pair = record.identity.task, record.identity.model
            if record.trials and all(map(_matches, pair, (tasks, models))):
                yield self._scored(store, record, made)
        vars(self).pop("records", None)  # they have changed in the store

    def _scored(self, store: Store, record: Record, metric: Metric) -> Rescored:
        if not store.has_networks(record):
            return Rescored(record, 0, "no networks are kept: run it with --keep-networks --fresh")
        if not store.claim(record.key):
            return Rescored(record, 0, "another run is computing it")
        try:
            new = rescored(self.registry, store, record, metric)
            store.write(new)
        except KeyboardInterrupt:
            raise
        except Exception as error:  # a plugin may raise anything
            return Rescored(
                record, 0, str(error) if isinstance(error, SymbenchError) else one_line(error)
            )
        finally:
            store.release(record.key)
        return Rescored(new, _scored_trials(new, metric), "")

    def _record(self, task: str, model: str, tier: str | None) -> Record:
        """Return the record of a pair that was started last, one with networks if there is any.

        Raises:
            InputError: there is none, or there are some of several tiers and none is named.
        """
        pair = [
            record for record in self.records
            if (record.identity.task, record.identity.model) == (task, model)
        ]  # fmt: skip
        if not pair:
            raise InputError(
                f"{self.store.path} has no record of {task} {model}{self._near(task, model)}"
            )
        found = [record for record in pair if tier in (None, record.identity.tier)]
        if not found:
            known = ", ".join(sorted({record.identity.tier for record in pair}))
            raise InputError(
                f"{self.store.path} has no {tier} record of {task} {model}: its tiers are {known}"
            )
        with_networks = [record for record in found if self.store.has_networks(record)]
        tiers = sorted({record.identity.tier for record in with_networks})
        if len(tiers) > 1:
            raise InputError(
                f"{task} {model} has networks of the tiers {', '.join(tiers)}: name one by tier="
            )
        return max(with_networks or found, key=started)

    def _near(self, task: str, model: str) -> str:
        pairs = {f"{record.identity.task} {record.identity.model}" for record in self.records}
        near = get_close_matches(f"{task} {model}", sorted(pairs))
        return f": did you mean {', '.join(near)}?" if near else ""

    def _cell(self, record: Record) -> dict[str, Any]:
        identity, made = record.identity, record.provenance
        known = made.networks if self.store.has_networks(record) else None
        return {
            "task": identity.task, "model": identity.model, "tier": identity.tier,
            "key": record.key, "prior": identity.protocol.get("prior"), "status": record.status,
            "reason": "" if record.error is None else record.error.message,
            "trials": len(record.trials),
            "diverged": sum(trial.status == "diverged" for trial in record.trials),
            "networks": 0 if known is None else len(known.trials),
            "networks_bytes": 0 if known is None else known.bytes,
            "started": made.started, "seconds": made.seconds,
            "device": made.device, "machine": made.machine,
        }  # fmt: skip


def _scored_trials(record: Record, metric: Metric) -> int:
    names = [{name.partition(".")[0] for name in trial.scores} for trial in record.trials]
    return sum(metric.name in of_trial for of_trial in names)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _trials(record: Record) -> Iterator[tuple[Any, ...]]:
    identity = record.identity
    for trial in record.trials:
        one = (
            identity.task, identity.model, identity.tier, record.key, trial.n_train, trial.seed,
            trial.status,
        )  # fmt: skip
        for kind, values in (("score", trial.scores), ("cost", trial.cost)):
            yield from ((*one, kind, name, value) for name, value in values.items())
