"""The executor ``ray``: cells on a Ray cluster. Needs ``pip install symbench[ray]``."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the executor; Ray itself is imported when a run begins."""
    registry.executor(
        "symbench_ray.executor:execute", name="ray", summary="one task per cell on a Ray cluster",
        remote=True,
    )  # fmt: skip
