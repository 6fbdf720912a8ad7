"""What must hold of a store and of the commands that wrote it, and what a soak counts."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soaking.commands import Command
from soaking.plugins import Faulty
from symbench.errors import StoreError
from symbench.records.record import Record
from symbench.records.store import Store

Finding = tuple[str, str]  # its kind, and what was found
Scores = tuple[tuple[tuple[str, str], ...], ...]  # of each trial: names and hexadecimal values
Cells = Mapping[tuple[str, str], Record]

HARMED = frozenset({"crashed", "timeout", "oom"})  # what blows and a busy machine do to a cell
_INTERRUPTED = (130, -signal.SIGINT)  # the second before the command line is there
_GOOD_CODES = (0, 1)


@dataclass
class Reference:
    """The scores of undisturbed good cells, by task and model, for each way of training."""

    together: Mapping[tuple[str, str], Scores] = field(default_factory=dict)
    apart: Mapping[tuple[str, str], Scores] = field(default_factory=dict)

    def of(self, record: Record) -> Scores:
        """Return what the scores of a record must be, by the way in which its trials trained."""
        route = self.apart if trained_apart(record) else self.together
        return route[record.identity.task, record.identity.model]


def trained_apart(record: Record) -> bool:
    """Whether the trials trained one by one, as after a crash."""
    return record.provenance.fleet == 1


def scores(record: Record) -> Scores:
    """Return the scores of a record, comparable to the last bit."""
    return tuple(
        tuple((name, value.hex()) for name, value in sorted(trial.scores.items()))
        for trial in record.trials
    )


def cells_of(path: Path) -> Cells:
    """Return the records of a store by task and model."""
    records = Store(path).records()
    return {(record.identity.task, record.identity.model): record for record in records}


def command_findings(command: Command, planned: int) -> Iterator[Finding]:
    """Yield what is wrong with the end of a command that planned so many cells."""
    code, hit = command.process.returncode, {blow.signal for blow in command.dealt}
    said = f"exit code {code}; {_last_line(command.err)}"
    if command.hung:
        yield "hang", said
        return
    if command.parent_hit and code in (*_INTERRUPTED, *(-one for one in hit)):
        return
    if code not in _GOOD_CODES:
        yield "exit code", said
        return
    document = command.document
    if document is None:
        yield "output", f"stdout is not one JSON document; {said}"
    elif len(document["cells"]) != planned:
        yield "plan", f"{len(document['cells'])} cells of {planned}; {said}"


def store_findings(path: Path) -> Iterator[Finding]:
    """Yield every file of a store that is torn, or taken for what it is not."""
    store = Store(path)
    records = store.records()
    files = sorted(store.cells.glob("*.json")) if store.cells.is_dir() else []
    for warning in store.warnings:
        yield "torn record", warning
    for file in store.set_aside():
        yield "torn record", f"{file} was set aside"
    if {file.stem for file in files} != {record.key for record in records}:
        yield "torn record", f"{len(files)} files hold {len(records)} records"
    for record in records:
        try:
            tensors = store.read_tensors(record.key)
        except StoreError as error:
            yield "torn tensors", str(error)
            continue
        keeps = record.identity.model == "soak-keeper" and record.status == "ok"
        if keeps and not tensors:
            yield "lost tensors", f"{record.identity.task} {record.key}"


def lost_findings(cells: Cells, commands: Sequence[Command]) -> Iterator[Finding]:
    """Yield every cell that a command has named as finished and whose record is not stored."""
    for command in commands:
        for pair, said in command.finished.items():
            stored = said - {"interrupted"}
            if stored and pair not in cells:
                yield "lost record", f"{' '.join(pair)}: {', '.join(stored)}, and no record"
            elif "ok" in stored and cells[pair].status != "ok":
                yield "lost record", f"{' '.join(pair)} was ok, now {cells[pair].status}"


def status_findings(
    cells: Cells, good: Sequence[str], faulty: Sequence[Faulty], *, harmed: bool
) -> Iterator[Finding]:
    """Yield every cell with a status that neither its own fault nor the blows explain.

    A cell of a task with a fault fails whatever its model; an undisturbed good cell is ok.
    """
    by_model = {one.model: one.statuses for one in faulty if one.model is not None}
    by_task = {one.task: one.statuses for one in faulty if one.task is not None}
    for (task, model), record in cells.items():
        known = by_task.get(task, by_model.get(model, frozenset({"ok"})))
        if task in by_task and model in by_model:
            known = known | by_model[model]
        allowed = known | (HARMED if harmed else frozenset())
        if record.status not in allowed:
            why = record.error.message if record.error else ""
            wanted = " or ".join(sorted(known))
            kind = "status of a good cell" if model in good else "status of a faulty cell"
            yield kind, f"{task} {model}: {record.status}, not {wanted}: {why}"


def score_findings(cells: Cells, reference: Reference) -> Iterator[Finding]:
    """Yield every good cell whose scores differ from those of the undisturbed run."""
    for pair, record in cells.items():
        if pair in reference.together and record.status == "ok":
            wanted, found = reference.of(record), scores(record)
            if found != wanted:
                names = sorted(
                    {
                        name
                        for one, two in zip(found, wanted, strict=False)
                        for name, _ in {*one} ^ {*two}
                    }
                )
                yield "unequal cell", f"{' '.join(pair)}: {', '.join(names) or 'trials'}"


def resumed_findings(
    before: Cells, command: Command, pairs: Sequence[tuple[str, str]]
) -> Iterator[Finding]:
    """Yield every good cell that the undisturbed run did not finish, or computed once more."""
    document = command.document or {"cells": []}
    outcomes = {(one["task"], one["model"]): one for one in document["cells"]}
    for pair in pairs:
        outcome = outcomes.get(pair, {"status": "absent", "reused": False})
        stored = before[pair].status if pair in before else "absent"
        if outcome["status"] != "ok":
            yield "unfinished cell", f"{' '.join(pair)}: {outcome['status']}"
        if (stored == "ok") != outcome["reused"]:
            said = "reused" if outcome["reused"] else "computed again"
            yield "not resumed", f"{' '.join(pair)}: {stored} before, {said}"


def tally(cells: Cells, pairs: Sequence[tuple[str, str]]) -> Counter[str]:
    """Return how many records there are, and how many good cells trained one by one."""
    good = [cells[pair] for pair in pairs if pair in cells]
    return Counter(
        {
            "records": len(cells),
            "good cells compared": len(good),
            "good cells computed again after a crash": sum(
                (record.provenance.attempts or 1) > 1 for record in good
            ),
        }
    )


def temporary_files(path: Path) -> int:
    """Return how many unfinished files killed commands have left in a store."""
    return len(list(path.glob("cells/.*.tmp")))


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "nothing on stderr"
