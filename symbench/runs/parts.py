"""Long cells in parts: one part for each n_train, which several workers can compute."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import Any

from safetensors.torch import save

from symbench.errors import StoreError
from symbench.records.record import Provenance, Record
from symbench.records.store import Store
from symbench.registry import Registry
from symbench.runs.cell import status_of
from symbench.runs.executors.capacity import Costs
from symbench.runs.networks import merged as merged_networks
from symbench.runs.options import Options
from symbench.runs.plan import Cell
from symbench.runs.staleness import has_changed_metrics
from symbench.training.setup import Progress

LONG = 0.5  # of all work ÷ workers
_FOLDER = "parts"
_TRAINED: frozenset[str] = frozenset({"ok", "diverged"})  # the statuses of records with trials


def cut(
    cells: Iterable[Cell], known: Costs, workers: int, begun: Container[str] = ()
) -> list[Cell]:
    """Return the cells in order, the long ones in parts, the largest n_train first.

    A cell is long if it takes more than half of all work ÷ workers. Cutting others would gain no
    time: if the longest start first, all ends soon after all work ÷ workers anyway. Cells of
    unknown cost stay whole.

    Args:
        cells: from a plan.
        known: what they are expected to cost.
        workers: how many compute at a time.
        begun: keys of cells that are cut in any case.
    """
    cells = list(cells)
    costs = [known.seconds(cell) for cell in cells]
    limit = LONG * sum(filter(math.isfinite, costs)) / workers
    found: list[Cell] = []
    for cell, seconds in zip(cells, costs, strict=True):
        long = workers > 1 and math.isfinite(seconds) and seconds > limit
        several = cell.reason is None and len(cell.identity.sizes) > 1
        found += in_parts(cell) if several and (long or cell.key in begun) else [cell]
    return found


def in_parts(cell: Cell) -> list[Cell]:
    """Return the parts of a cell, the largest n_train first."""
    return [replace(cell, part=(n,)) for n in sorted(cell.identity.sizes, reverse=True)]


class Parts:
    """The parts that a run has handed out, and the records of those that are done.

    The records wait in ``parts/`` of the store until those of all parts are there, so that a later
    run computes only the others.
    """

    def __init__(self, registry: Registry, store: Store, options: Options) -> None:
        self._registry = registry
        self._store = store
        self._options = options
        self._folder = store.path / _FOLDER
        self._cut: set[str] = set()
        self._done: dict[str, dict[int, Record]] = {}
        self._progress: dict[str, dict[int, float]] = defaultdict(dict)

    def handed_out(self, cells: Iterable[Cell], known: Costs, workers: int) -> list[Cell]:
        """Return the cells like ``cut``, without the parts that earlier runs have computed.

        At least one part of every cell is returned, since the last to arrive makes the record.
        """
        stored = self._folder.glob("*/cells/*.json")
        begun = set() if self._options.fresh else {path.stem for path in stored}
        found = cut(cells, known, workers, begun)
        parted = {one.key: one for one in found if one.part is not None}
        self._cut |= parted.keys()
        for one in found:  # what another run has stored or finished since an earlier call counts
            self._done.pop(one.key, None)
        for key, part in parted.items():
            self._done[key] = self._stored(part) if key in begun else {}
        return [one for one in found if one.part is None or one.part[0] not in self._done[one.key]]

    def has(self, record: Record) -> bool:
        """Whether the record's cell was handed out in parts."""
        return record.key in self._cut

    def complete(self, record: Record) -> Record | None:
        """Return the record of a cell when that of its last part arrives; until then None.

        A part that has failed is the record of its cell.

        Raises:
            StoreError: the record of a part cannot be stored.
        """
        if (done := self._done.get(record.key)) is None or not record.trials:
            return record
        n_train = record.trials[0].n_train
        done[n_train] = record
        if len(done) < len(record.identity.sizes):
            self._place(n_train).write(record)
            return None
        return merged(list(done.values()))

    def forget(self, record: Record) -> None:
        """Delete the stored parts of a cell with a record; those of a failed one can be resumed."""
        self._done.pop(record.key, None)
        if record.trials and self._folder.is_dir():
            for n_train in record.identity.sizes:
                self._place(n_train).remove(record.key)

    def of_cell(self, cell: Cell, progress: Progress) -> Progress:
        """Return the progress of a cell from that of a part."""
        if cell.part is None:
            return progress
        done = self._progress[cell.key]
        done.update(dict.fromkeys(self._done.get(cell.key, {}), 1.0))
        done[cell.part[0]] = progress.done
        return replace(progress, done=sum(done.values()) / len(cell.identity.sizes))

    def _stored(self, cell: Cell) -> dict[int, Record]:
        """Return the usable records of a cell's parts, by n_train; if all are there, one less."""
        found = {n: self._read(cell, n) for n in cell.identity.sizes}
        usable = {n: record for n, record in found.items() if record is not None}
        if len(usable) == len(found):
            del usable[min(usable)]
        return usable

    def _read(self, cell: Cell, n_train: int) -> Record | None:
        place = self._place(n_train)
        record = place.read(cell.key)
        if record is None or not self._is_usable(record, n_train):
            return None
        kept = record.provenance.networks
        try:
            networks = (
                save(place.read_networks(record)) if kept is not None and kept.trials else b""
            )
            files = {"tensors": place.read_tensors(cell.key), "networks": networks}
        except StoreError:
            return None
        return record.model_copy(update=files)

    def _is_usable(self, record: Record, n_train: int) -> bool:
        """Whether this run would make such a record of the part."""
        trials = [(trial.n_train, trial.seed) for trial in record.trials]
        if record.status not in _TRAINED or trials != [
            (n_train, seed) for seed in record.identity.seeds
        ]:
            return False
        made, options = record.provenance, self._options
        if (made.networks.which if made.networks is not None else "none") != options.keep_networks:
            return False
        if options.device != "auto" and (options.device == "cpu") != (made.device == "cpu"):
            return False
        return not has_changed_metrics(self._registry, record)

    def _place(self, n_train: int) -> Store:
        return Store(self._folder / str(n_train))


def merged(parts: Sequence[Record]) -> Record:
    """Return the record of a cell from those of all its parts, which ``run_cell`` has made.

    It is the record that ``run_cell`` makes of the whole cell, times and memory excepted: the
    seconds are the sum. If a part has failed, its record is that of the cell.
    """
    for part in parts:
        if part.status not in _TRAINED:
            return part
    whole = max(parts, key=lambda part: max(trial.n_train for trial in part.trials))
    identity = whole.identity
    found = {(trial.n_train, trial.seed): trial for part in parts for trial in part.trials}
    trials = [found[n, seed] for n in identity.sizes for seed in identity.seeds]
    tensors = {name: tensor for part in parts for name, tensor in part.tensors.items()}
    networks, provenance = b"", _provenance(whole.provenance, parts)
    files = [(p.networks, p.provenance.networks) for p in parts]
    if known := [(content, about) for content, about in files if about is not None]:
        networks, about = merged_networks(known)
        provenance = provenance.also(networks=about)
    return Record(
        identity=identity, status=status_of(trials), trials=trials, provenance=provenance,
        tensors=tensors, networks=networks,
    )  # fmt: skip


def _provenance(whole: Provenance, parts: Sequence[Record]) -> Provenance:
    """Return the provenance of the part with the largest n_train, with what the others add."""
    made = [part.provenance for part in parts]
    more: dict[str, Any] = {
        "started": min(one.started for one in made if one.started is not None),
        "seconds": sum(one.seconds or 0.0 for one in made),
        "fleet": max(one.fleet or 1 for one in made),
    }
    if any(one.metrics is not None for one in made):  # one may have been added between two parts
        more["metrics"] = {n: code for one in made for n, code in (one.metrics or {}).items()}
    if absent := {name: why for one in made for name, why in (one.absent or {}).items()}:
        more["absent"] = absent
    if captures := [one.capture for one in made if one.capture is not None]:
        more["capture"] = min(captures, key=lambda capture: bool(capture.get("captured")))
    return whole.also(**more)
