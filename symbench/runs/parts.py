"""The record of a cell whose sizes were computed apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symbench.records.record import Provenance, Record
from symbench.runs.cell import status_of
from symbench.runs.networks import merged as merged_networks


def merged(parts: Sequence[Record]) -> Record:
    """Return the record of a cell from those of all its sizes, which ``run_cell`` has made.

    It is the record that ``run_cell`` makes of the whole cell, times and memory excepted: the
    seconds are the sum. If a part has failed, its record is that of the cell.
    """
    for part in parts:
        if part.status not in ("ok", "diverged"):
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
    if absent := {name: why for one in made for name, why in (one.absent or {}).items()}:
        more["absent"] = absent
    if captures := [one.capture for one in made if one.capture is not None]:
        more["capture"] = min(captures, key=lambda capture: bool(capture["captured"]))
    return whole.also(**more)
