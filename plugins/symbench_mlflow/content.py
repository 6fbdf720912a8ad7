"""The content of a record that goes to MLflow, with names and texts that MLflow accepts."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")  # characters that not every MLflow store accepts in names
_LONGEST_NAME, _LONGEST_PARAM, _LONGEST_TAG = 150, 250, 1000
_STATUS = {"ok": "FINISHED", "declined": "FINISHED", "interrupted": "KILLED"}


def status(record: Any) -> str:
    """Return MLflow's run status; cells without a result, also diverged ones, have FAILED."""
    return _STATUS.get(record.status, "FAILED")


def name(raw: str) -> str:
    """Return the name if it is safe, else a safe name with a hash of the original."""
    safe = _UNSAFE.sub("_", raw)[:_LONGEST_NAME].strip(".") or "_"
    return safe if safe == raw else f"{safe}-{hashlib.sha256(raw.encode()).hexdigest()[:8]}"


def text(raw: str, longest: int = _LONGEST_TAG) -> str:
    """Return the text on one line, truncated, without control, bidi or invisible characters."""
    line = " ".join(raw.split())
    return "".join(c for c in line if not unicodedata.category(c).startswith("C"))[:longest]


def params(record: Any) -> dict[str, str]:
    """Return the cell's settings: ``config.*``, ``recipe.*``, ``tuning.*``, sizes, seeds."""
    identity = record.identity
    found: dict[str, object] = {"sizes": identity.sizes, "seeds": len(identity.seeds)}
    found["updates"] = identity.protocol.get("updates")
    groups = {"config": identity.config}
    groups |= {part: identity.protocol.get(part) for part in ("recipe", "tuning")}
    for part, values in groups.items():
        if isinstance(values, Mapping):
            found |= {f"{part}.{key}": value for key, value in values.items()}
    return {name(key): text(str(value), _LONGEST_PARAM) for key, value in found.items()}


def tags(record: Any) -> dict[str, str]:
    """Return the identity and the outcome of the cell: versions, machine, status, error."""
    identity, provenance = record.identity, record.provenance
    found: dict[str, object] = {
        "task": identity.task,
        "task_version": identity.task_version,
        "model": identity.model,
        "model_version": identity.model_version,
        "prior": identity.protocol.get("prior"),
        "tier": identity.tier,
        "key": record.key,
        "status": record.status,
    }
    for part in ("symbench", "plugin", "plugin_version", "git", "torch", "machine", "device"):
        found[part] = provenance.get(part)
    if record.error is not None:
        found |= {"error_type": record.error.type, "error_message": record.error.message}
    known = {key: value for key, value in found.items() if value is not None}
    return {f"symbench.{name(key)}": text(str(value)) for key, value in known.items()}


def metrics(record: Any) -> Iterator[tuple[str, int, float]]:
    """Yield (name, n_train, median over seeds) of every score and ``cost.*``; n_train is the step.

    A diverged trial scores at chance, as in the tables; ``diverged`` counts such trials.
    """
    chance = record.identity.protocol.get("chance_error")
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for trial in record.trials:
        lost = trial.status == "diverged"
        guess = {"error": float(chance)} if lost and isinstance(chance, int | float) else {}
        costs = {f"cost.{key}": value for key, value in trial.cost.items()}
        for key, value in {**(guess if lost else trial.scores), **costs}.items():
            found[name(key), trial.n_train].append(value)
        found["diverged", trial.n_train].append(float(lost))
    for (key, n_train), values in sorted(found.items()):
        yield key, n_train, sum(values) if key == "diverged" else median(values)
