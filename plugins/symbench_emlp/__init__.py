"""EMLP networks (Finzi, Welling, Wilson 2021): equivariant to any matrix group."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = {
    "EMLP": ("emlp", "equivariant MLP of the task's own group"),
    "EMLPSO3": ("emlp-so3", "equivariant MLP of SO(3), whatever the task's group"),
    "EMLPO3": ("emlp-o3", "equivariant MLP of O(3), whatever the task's group"),
    "EMLPSO2": (
        "emlp-so2",
        "equivariant MLP of the rotations about the z axis, whatever the task's group",
    ),
    "EMLPSO5": ("emlp-so5", "equivariant MLP of SO(5); the same network as O(5) at these ranks"),
}


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models."""
    for attribute, (name, summary) in _MODELS.items():
        path = f"symbench_emlp.models:{attribute}"
        own = name == "emlp"  # the others know a group that may be another than the task's
        registry.model(path, name=name, version="1", prior="told", summary=summary, equivariant=own)
