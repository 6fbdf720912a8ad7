"""Records of one task with given errors, and the rows of their leaderboard."""

from __future__ import annotations

from typing import Any

from symbench.records.record import Failure, Identity, Record, TrialRecord
from symbench.results.leaderboard import Leaderboard, Row
from symbench.runs.protocol import PROTOCOL_VERSION

SIZES = (100, 1000, 10_000)
SPREAD = (0.9, 0.95, 1.0, 1.05, 1.1)
PROTOCOL = {
    "version": PROTOCOL_VERSION, "updates": 800, "test_size": 1000, "prior": "none",
    "threshold": 0.01, "baseline": "mlp", "chance_error": 1.0,
}  # fmt: skip


def cell(
    model: str = "mlp", errors: tuple[float, ...] = (1.0, 0.1, 0.01), seeds: int = 5, **parts: Any
) -> Record:
    """A record whose errors at each size have the given median and spread by ±10 % over seeds."""
    scores = parts.pop("scores", {})
    protocol = {**PROTOCOL, **parts.pop("protocol", {})}
    identity = {
        "task": "o5", "task_version": "1", "task_fingerprint": "ab", "task_source_sha256": "ef",
        "model": model,
        "model_version": "1", "model_source_sha256": "cd", "config": {}, "tier": "quick",
        "sizes": list(SIZES), "seeds": list(range(seeds)), "protocol": protocol,
        **parts.pop("identity", {}),
    }  # fmt: skip
    parts["provenance"] = {"metrics": {}, **parts.get("provenance", {})}
    spread = SPREAD[:seeds] if seeds != 2 else (0.9, 1.1)
    trials = [
        TrialRecord(
            n_train=size, seed=seed, status="ok",
            scores={"error": error * factor, **scores},
            cost={"parameters": 42.0, "train_seconds": 2.0},
        )
        for size, error in zip(SIZES, errors, strict=True)
        for seed, factor in enumerate(spread)
    ]  # fmt: skip
    return Record(identity=Identity(**identity), **{"status": "ok", "trials": trials, **parts})


def broken(model: str, status: str, message: str) -> Record:
    return cell(model, status=status, trials=[], error=Failure(type="X", message=message))


def row(leaderboard: Leaderboard, model: str) -> Row:
    (only,) = [row for row in leaderboard.rows if row.model == model]
    return only
