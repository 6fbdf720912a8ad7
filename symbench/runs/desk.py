"""The cells that a run has not finished, and the store in which their records are put."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from symbench.records.declined import declined_record
from symbench.records.record import FINISHED, Failure, Record
from symbench.records.store import Store
from symbench.registry import Registry
from symbench.runs.executors.capacity import Costs
from symbench.runs.options import Options
from symbench.runs.parts import Parts
from symbench.runs.plan import Cell
from symbench.runs.staleness import has_changed_metrics
from symbench.training.setup import Progress


@dataclass(frozen=True)
class Desk:
    """The unfinished cells of a run: executors claim them here and report their progress.

    ``unfinished`` holds the cells without a record in this run, by key. ``claims`` says of
    each cell that the executor has asked for, by key, whether it has got it.
    """

    registry: Registry
    store: Store
    options: Options
    unfinished: dict[str, Cell]
    claims: dict[str, bool] = field(default_factory=dict)

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self.registry, self.store, self.options)

    @classmethod
    def of(cls, registry: Registry, options: Options, cells: Iterable[Cell]) -> Desk:
        """Return a desk whose unfinished cells are ``cells``.

        Raises:
            StoreError: the store cannot be written.
        """
        store = Store(options.store.absolute())  # a plugin may change the directory
        store.check_writable()
        return cls(registry, store, options, {cell.key: cell for cell in cells})

    def in_parts(self, cells: Sequence[Cell], workers: int, known: Costs) -> list[Cell]:
        """Return the cells, the long ones in parts, for so many workers.

        A part is claimed, computed and yielded like a cell.

        Args:
            cells: those that the executor was given.
            workers: how many compute at a time.
            known: what cells cost, by which the long ones are chosen (``symbench.runs.parts.cut``).
        """
        return self._parts.handed_out(cells, known, workers)

    def claim(self, cell: Cell) -> bool:
        """Claim a cell or a part of it, and return whether this run is to compute it.

        False if another run is computing the cell, or its record is in the store. A claimed cell
        counts as started.
        """
        if cell.part is not None and cell.key in self.claims:
            return self.claims[cell.key] and cell.key in self.unfinished
        self.claims[cell.key] = cell.reason is not None or self._claimed(cell)
        if not self.claims[cell.key]:
            return False
        self.registry.emit("symbench_cell_started", cell=cell)
        return True

    def _claimed(self, cell: Cell) -> bool:
        if not self.store.claim(cell.key):
            return False
        if self._usable(cell) is None:
            return True
        self.store.release(cell.key)
        return False

    def progressed(self, cell: Cell, progress: Progress) -> None:
        """Report the progress of the training of a cell or a part of it."""
        whole = self._parts.of_cell(cell, progress)
        self.registry.emit("symbench_cell_progressed", cell=cell, progress=whole)

    def earlier(self) -> Sequence[Record]:
        """Return all records of the store, from which the cost of cells can be estimated."""
        return self.store.records()

    def blocked(self) -> Iterator[Record]:
        """Yield a failure for each cell whose record in the store only a newer symbench can read.

        Such a cell counts as finished, and its record stays.
        """
        for cell in list(self.unfinished.values()):
            if cell.reason is None and (why := self.store.newer(cell.key)) is not None:
                del self.unfinished[cell.key]
                failure = Failure(type="NewerRecord", message=why)
                yield Record(identity=cell.identity, status="failed", error=failure)

    def declined(self) -> Iterator[tuple[Record, bool]]:
        """Yield the record of each declined cell, and whether the store had it; they are finished.

        Those of an experiment are not stored, because it replaces no result.
        """
        cells = [one for one in self.unfinished.values() if one.reason and one.error is None]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        records = [declined_record(cell.identity, cell.reason or "", now) for cell in cells]
        accepted = [one.identity for one in self.unfinished.values() if one.reason is None]
        if any(one.protocol.get("experiment") for one in [*accepted, *(c.identity for c in cells)]):
            new = {record.key for record in records}
        else:
            new = {record.key for record in self.store.declined.update(records, accepted)}
        for record in records:
            del self.unfinished[record.key]
            yield record, record.key not in new

    def reused(self) -> Iterator[Record]:
        """Yield the usable records in the store, and mark their cells as finished."""
        for cell in list(self.unfinished.values()):
            if cell.error is None and (record := self._usable(cell)) is not None:
                del self.unfinished[cell.key]
                self._parts.forget(record)  # a run that was killed may have left them
                yield record

    def put(self, record: Record) -> Record | None:
        """Store a new record of a cell, mark the cell as finished, and return the record.

        The record of a part waits for those of the other parts: until then None is returned. It is
        dropped if another part has failed, and with it the cell.
        """
        if record.key not in self.unfinished or (whole := self._parts.complete(record)) is None:
            return None
        self.store.write(whole)
        self._parts.forget(whole)
        self.store.release(whole.key)
        del self.unfinished[whole.key]
        return whole

    def expects(self, record: Record) -> bool:
        """Whether the record is of an unfinished cell, or of a part that was handed out."""
        return record.key in self.unfinished or self._parts.has(record)

    def _usable(self, cell: Cell) -> Record | None:
        """Return the stored record of a cell, or None if the cell must be computed.

        A record that a changed metric has scored is not usable.
        """
        record = None if self.options.fresh else self.store.read(cell.key)
        if record is not None and has_changed_metrics(self.registry, record):
            return None
        if record is None or record.status in FINISHED:
            return record
        again = record.status == "interrupted" or self.options.retry_failed
        return None if again else record
