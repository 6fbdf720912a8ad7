"""Stochastic Noether: a symmetry of the learned drift conserves a quantity on likely paths."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl
from symbench_noether.cards import METRICS, MODELS, TASKS


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the stochastic systems, their scores and the baselines."""
    for target, name, loss, threshold, summary in TASKS:
        registry.task(
            f"symbench_noether.{target}", name=name, version="1", summary=summary,
            kind="vectors", loss=loss, threshold=threshold,
        )  # fmt: skip
    for target, name, prior, summary in MODELS:
        registry.model(
            f"symbench_noether.{target}", name=name, version="1", prior=prior, summary=summary,
            equivariant=prior == "told",
        )  # fmt: skip
    for target, name, direction, summary in METRICS:
        registry.metric(
            f"symbench_noether.{target}", name=name, version="1", unit="", direction=direction,
            summary=summary,
        )  # fmt: skip
