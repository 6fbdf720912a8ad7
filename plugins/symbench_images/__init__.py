"""Images whose pixels are rotated and scrambled: to classify them, or to find what moves them."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_VARIANTS = ("Plain", "Rotated", "RotatedScrambled")
_FROM_FILES = tuple(
    f"{source}{variant}"
    for source in ("MNIST", "Fashion", "CIFAR10", "CIFAR100")
    for variant in _VARIANTS
)
_KNOWN_GENERATORS = (
    "rotation_tasks:RotationFixed",
    "rotation_tasks:RotationFixedClean",
    "rotation_tasks:RotationAngle",
    "rotation_tasks:RotationAngleLarge",
    "rotation_tasks:RotationAngleSmall",
    "rotation_tasks:RotationAngleClean",
    "translation:Translation1D",
    "flows:Translated",
    "flows:Scaled",
    "flows:Sheared",
    "flows:Posed",
    "pose_transfer:ClassesInAllPoses",
    "controls:NoSymmetry",
    "controls:HiddenConjugate",
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the tasks, and the metric of learned generators."""
    for name in _VARIANTS:
        registry.task(f"symbench_images.tasks:{name}")
    for name in _FROM_FILES:
        registry.task(f"symbench_images.datasets:{name}")
    for target in _KNOWN_GENERATORS:
        registry.task(f"symbench_images.{target}")
    registry.metric("symbench_images.pixel_metric:PixelGenerator")
    registry.metric("symbench_images.pose_transfer:Transfer")
    registry.suite_file("suites/images.toml")
