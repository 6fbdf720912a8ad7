"""Whether what a record depends on has changed since it was made."""

from __future__ import annotations

from symbench.contract import Metric, Task
from symbench.draws import fingerprint
from symbench.metrics import CORE
from symbench.records.record import FINISHED, Identity, Record
from symbench.registry import Registry
from symbench.registry.source_hash import model_sha256, source_sha256
from symbench.runs.protocol import PROTOCOL_VERSION


def is_outdated(registry: Registry, record: Record) -> bool:
    """Whether the cell of a record is stale, or a metric that made its scores has changed."""
    return is_stale(registry, record.identity) or has_changed_metrics(registry, record)


def is_stale(registry: Registry, identity: Identity) -> bool:
    """Whether the task, the model or the protocol has changed since the record was made.

    A task or model that is not registered, or whose data are missing, counts as unchanged.
    Identities without the hash of the task's source, of earlier releases, are stale.
    """
    if identity.protocol.get("version") != PROTOCOL_VERSION or identity.task_source_sha256 is None:
        return True
    return _has_other_task(registry, identity) or _has_other_model(registry, identity)


def _has_other_task(registry: Registry, identity: Identity) -> bool:
    if identity.task not in registry.tasks:
        return False
    task = registry.task(identity.task).for_tier(identity.tier)
    known = identity.task_version, identity.task_source_sha256
    if (task.version, source_sha256(task)) != known:
        return True
    # showing results must not download a data set
    return task.is_local() and fingerprint_of(task) != identity.task_fingerprint


def _has_other_model(registry: Registry, identity: Identity) -> bool:
    if identity.model not in registry.models:
        return False
    cls = registry.model(identity.model)
    if cls.version != identity.model_version:
        return True
    try:
        model = cls(cls.Config(**identity.config))
    except TypeError:  # its options have changed
        return True
    return model_sha256(registry, model) != identity.model_source_sha256


def has_changed_metrics(registry: Registry, record: Record) -> bool:
    """Whether the version or source of a metric that was applied differs from today's.

    A metric that is not registered counts as unchanged. Records of trained cells without metrics,
    of earlier releases, count as changed.
    """
    if (applied := record.provenance.metrics) is None:
        return bool(record.trials) and record.status in FINISHED
    core = {metric.name: metric for metric in CORE}
    for name, known in applied.items():
        if name in registry.metrics or name in core:
            metric = core.get(name) or registry.card("metric", name).load()
            if code_of_metric(metric) != known:
                return True
    return False


def code_of_metric(metric: Metric | type[Metric]) -> str:
    """Return the version and the first digits of the source hash of a metric."""
    return f"{metric.version} {source_sha256(metric)[:12]}"


def fingerprint_of(task: Task) -> str:
    """Return the task's fingerprint, or an empty string if its data are not available."""
    return "" if task.available() else fingerprint(task)
