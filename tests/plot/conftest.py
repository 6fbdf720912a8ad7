"""Made-up records of one task."""

from __future__ import annotations

import pytest

from symbench.records.record import Identity, Record, TrialRecord
from symbench.runs.protocol import PROTOCOL_VERSION


def record(model, errors, prior="none", task="t", seeds=3, **scores):
    """Return a record with the same errors for all seeds, by n_train."""
    protocol = {"version": PROTOCOL_VERSION, "updates": 60, "prior": prior, "chance_error": 1.0,
                "threshold": 0.05, "baseline": "mlp"}  # fmt: skip
    identity = Identity(
        task=task, task_version="1", task_fingerprint="", model=model, model_version="1",
        model_source_sha256="", config={}, tier="quick", sizes=list(errors),
        seeds=list(range(seeds)), protocol=protocol,
    )  # fmt: skip
    trials = [
        TrialRecord(n_train=n, seed=seed, status="ok", cost={}, scores={"error": error, **scores})
        for n, error in errors.items()
        for seed in range(seeds)
    ]
    return Record(
        identity=identity, status="ok", trials=trials,
        provenance={"started": "2026-01-01T00:00:00+00:00", "seconds": 1.0},
    )  # fmt: skip


@pytest.fixture
def made():
    """Return the builder of records."""
    return record
