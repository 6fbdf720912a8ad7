"""Symmetrisers: any network made equivariant by frames, by averages or by a canonical pose."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = {  # and whether they are equivariant
    "models:MLPFrames": True,
    "models:MLPCanonical": True,
    "models:MLPAveraged": False,
    "models:CNNAveraged": False,
    "graphs:GINAveraged": False,
    "choice:MLPSymmetrised": True,
}


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the symmetrised networks."""
    for target, equivariant in _MODELS.items():
        registry.model(f"symbench_symmetrisers.{target}", equivariant=equivariant)
