"""Mechanics: systems whose symmetries and conserved quantities are known, and networks for them."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl
from symbench_dynamics.cards import MAPS, METRICS, MODELS, TRAJECTORIES


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the systems, the networks, and the papers' own scores."""
    for kind, cards in (("trajectory", TRAJECTORIES), ("vectors", MAPS)):
        for target, name, threshold, summary in cards:
            registry.task(
                f"symbench_dynamics.{target}", name=name, version="1", summary=summary,
                kind=kind, loss="mse", threshold=threshold,
            )  # fmt: skip
    for target, name, prior, summary in MODELS:
        registry.model(
            f"symbench_dynamics.{target}", name=name, version="1", prior=prior, summary=summary,
            equivariant=prior == "told",
        )  # fmt: skip
    for target, name, summary in METRICS:
        registry.metric(
            f"symbench_dynamics.{target}", name=name, version="1", unit="", direction="lower",
            summary=summary,
        )  # fmt: skip
