"""Clifford group equivariant networks: multivectors of O(p, q)."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the network."""
    registry.model("symbench_clifford.models:Clifford", equivariant=True)
