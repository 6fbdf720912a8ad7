"""EMLP networks (Finzi, Welling, Wilson 2021): equivariant to any matrix group."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = ("EMLP", "EMLPSO3", "EMLPO3", "EMLPSO2", "EMLPSO5")


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models."""
    for name in _MODELS:
        own = name == "EMLP"  # the others know a group that may be another than the task's
        registry.model(f"symbench_emlp.models:{name}", equivariant=own)
    registry.model("symbench_emlp.soft:SoftEMLP", equivariant=False)
