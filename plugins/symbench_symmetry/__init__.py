"""Tasks whose symmetry is broken, or is not that of the inputs."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_TASKS = (
    *("dial:Unbroken", "dial:Linear002", "dial:Linear005", "dial:Linear01", "dial:Linear02"),
    *("dial:Linear03", "dial:Linear05", "dial:Linear1"),
    *("dial:Cubic002", "dial:Cubic005", "dial:Cubic01", "dial:Cubic02"),
    *("dial:Cubic03", "dial:Cubic05", "dial:Cubic1"),
    *("law:O3Isotropic", "law:O3Anisotropic", "law:SO2Isotropic", "law:SO2Anisotropic"),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the tasks."""
    for target in _TASKS:
        registry.task(f"symbench_symmetry.{target}")
