"""Tensor-product networks of e3nn (Geiger and Smidt 2022) for vectors in space."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the e3nn model."""
    registry.model("symbench_e3nn.models:E3NN", equivariant=True)
