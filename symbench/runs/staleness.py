"""Whether the task, the model or the protocol has changed since a record was made."""

from __future__ import annotations

from symbench.contract import Task
from symbench.draws import fingerprint
from symbench.records.record import Identity
from symbench.registry import Registry
from symbench.registry.source_hash import source_sha256
from symbench.runs.protocol import PROTOCOL_VERSION


def is_stale(registry: Registry, identity: Identity) -> bool:
    """Whether the task, the model or the protocol has changed since the record was made.

    A task or model that is not registered, or whose data are missing, counts as unchanged.
    """
    if identity.protocol.get("version") != PROTOCOL_VERSION:
        return True
    if identity.task in registry.tasks:
        task = registry.task(identity.task)
        if task.version != identity.task_version:
            return True
        # showing results must not download a data set
        if task.is_local() and fingerprint_of(task) != identity.task_fingerprint:
            return True
    if identity.model not in registry.models:
        return False
    model = registry.model(identity.model)
    return (model.version, source_sha256(model)) != (
        identity.model_version,
        identity.model_source_sha256,
    )


def fingerprint_of(task: Task) -> str:
    """Return the task's fingerprint, or an empty string if its data are not available."""
    return "" if task.available() else fingerprint(task)
