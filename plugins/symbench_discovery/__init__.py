"""Discovery by other means than L-conv, and two networks that are told of rotations."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    "lie_fit:LieFit",
    "liegan:LieGAN",
    "augerino:Augerino",
    "msr:MSR",
    "lieconv:LieConv",
    "steerable:SteerableCNN",
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models."""
    for target in _MODELS:
        registry.model(f"symbench_discovery.{target}")
