"""Whether what a record depends on has changed since it was made.

The code is hashed without importing it, and torch only imported for what is not yet known.
"""

from __future__ import annotations

from symbench.contract import Metric, Task
from symbench.records.record import FINISHED, Identity, Record
from symbench.registry import Registry, known_code
from symbench.registry.source_hash import source_sha256
from symbench.runs.protocol import PROTOCOL_VERSION


def is_outdated(registry: Registry, record: Record) -> bool:
    """Whether the cell of a record is stale, or a metric that made its scores has changed."""
    return is_stale(registry, record.identity) or has_changed_metrics(registry, record)


def is_stale(registry: Registry, identity: Identity) -> bool:
    """Whether the task, the model or the protocol has changed since the record was made.

    A task or model that is not registered, or whose data are missing or were, counts as unchanged.
    Identities without the hash of the task's source, of earlier releases, are stale.
    """
    if identity.protocol.get("version") != PROTOCOL_VERSION or identity.task_source_sha256 is None:
        return True
    return _has_other_task(registry, identity) or _has_other_model(registry, identity)


def _has_other_task(registry: Registry, identity: Identity) -> bool:
    if (card := registry.tasks.get(identity.task)) is None:
        return False
    known = identity.task_version, identity.task_source_sha256
    if (card.version, known_code.code_of(card)) != known:
        return True
    if not identity.task_fingerprint:  # the data were missing; whether they are here needs torch
        return False
    now = known_code.fingerprint_of(card, identity.tier, _local_fingerprint)
    return now is not None and now != identity.task_fingerprint


def _local_fingerprint(task: Task) -> str | None:
    """Return the task's fingerprint; None if its data would have to be downloaded to show it."""
    return fingerprint_of(task) if task.is_local() else None


def _has_other_model(registry: Registry, identity: Identity) -> bool:
    if (card := registry.models.get(identity.model)) is None:
        return False
    if card.version != identity.model_version:
        return True
    now = known_code.code_of_model(registry, card, identity.config)
    return now != identity.model_source_sha256


def has_changed_metrics(registry: Registry, record: Record) -> bool:
    """Whether the version or source of a metric that was applied differs from today's.

    A metric that is not registered counts as unchanged. Records of trained cells without metrics,
    of earlier releases, count as changed.
    """
    if (applied := record.provenance.metrics) is None:
        return bool(record.trials) and record.status in FINISHED
    core = known_code.core_codes(_codes_of_the_core)
    for name, known in applied.items():
        if name in core:
            now = core[name]
        elif name in registry.metrics:
            card = registry.card("metric", name)
            now = _code(card.version, known_code.code_of(card))
        else:
            continue
        if now != known:
            return True
    return False


def _codes_of_the_core() -> dict[str, str]:
    from symbench.metrics import CORE

    return {metric.name: code_of_metric(metric) for metric in CORE}


def code_of_metric(metric: Metric | type[Metric]) -> str:
    """Return the version and the first digits of the source hash of a metric."""
    return _code(metric.version, source_sha256(metric))


def _code(version: str, sha256: str) -> str:
    return f"{version} {sha256[:12]}"


def fingerprint_of(task: Task) -> str:
    """Return the task's fingerprint, or an empty string if its data are not available."""
    from symbench.draws import fingerprint

    return "" if task.available() else fingerprint(task)
