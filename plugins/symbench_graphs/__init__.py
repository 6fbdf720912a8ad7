"""Graphs: what a network can tell apart, by theorem, and what it learns to."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl
from symbench_graphs.cards import LOWER_IS_BETTER, METRICS, TASKS


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the tasks and their papers' own scores."""
    for target, name, loss, threshold, summary in TASKS:
        registry.task(
            f"symbench_graphs.{target}", name=name, version="1", summary=summary, kind="graph",
            loss=loss, threshold=threshold,
        )  # fmt: skip
    for target, name, summary in METRICS:
        direction = "lower" if name in LOWER_IS_BETTER else "higher"
        registry.metric(
            f"symbench_graphs.{target}", name=name, version="1", unit="", direction=direction,
            summary=summary,
        )  # fmt: skip
