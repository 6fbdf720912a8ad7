"""The cards of the plugin's tasks, readable without torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class ImageCard(NamedTuple):
    """What is listed of a task: a classification of images, unless it says otherwise."""

    target: str
    name: str
    threshold: float
    summary: str
    kind: str = "image"
    loss: str = "cross-entropy"


_DIGITS = (
    ("Plain", "plain", 0.1, "8×8 digits as they are: the control"),
    ("Rotated", "rotated", 0.2, "8×8 digits, each rotated by a random angle"),
    (
        "RotatedScrambled",
        "rotated-scrambled",
        0.2,
        "8×8 digits, rotated, then their pixels permuted by one fixed permutation",
    ),
)
_DATASETS = (
    ("MNIST", "mnist", "MNIST", 0.1, 0.2),
    ("Fashion", "fashion-mnist", "Fashion-MNIST", 0.25, 0.35),
    ("CIFAR10", "cifar10", "CIFAR-10", 0.5, 0.6),
    ("CIFAR100", "cifar100", "CIFAR-100", 0.75, 0.85),
)
_MOTIONS = (
    (
        "rotation_tasks:RotationFixed",
        "rotation-fixed",
        "7×7 white noise -> the same rotated by 18°, bilinear",
    ),
    (
        "rotation_tasks:RotationFixedClean",
        "rotation-fixed-clean",
        "7×7 white noise -> the same rotated by 18°, by the true generator",
    ),
    (
        "rotation_tasks:RotationAngle",
        "rotation-angle",
        "7×7 white noise and the same rotated, bilinear -> the angle in (0, 22.5°)",
    ),
    (
        "rotation_tasks:RotationAngleLarge",
        "rotation-angle-large",
        "20×20 white noise and the same rotated, bilinear -> the angle in (0, 45°)",
    ),
    (
        "rotation_tasks:RotationAngleSmall",
        "rotation-angle-small",
        "7×7 white noise and the same rotated, bilinear -> the angle, ±11.25°",
    ),
    (
        "rotation_tasks:RotationAngleClean",
        "rotation-angle-clean",
        "7×7 white noise and the same rotated by the true generator -> the angle, ±22.5°",
    ),
    (
        "translation:Translation1D",
        "translation-1d",
        "21-pixel white noise and the same shifted -> the shift in ±1.5 pixels",
    ),
)
_CONTROLS = (
    (
        "controls:NoSymmetry",
        "no-symmetry",
        0.1,
        "function of two 5-vectors without any symmetry: the control for discovery",
    ),
    (
        "controls:HiddenConjugate",
        "hidden-conjugate",
        0.002,
        "O(5)-invariant function of two vectors behind a hidden change of basis",
    ),
)


def regression_cards() -> Iterator[ImageCard]:
    """Yield the cards of the tasks with known generators, and of their controls on vectors."""
    for target, name, summary in _MOTIONS:
        yield ImageCard(f"symbench_images.{target}", name, 0.05, summary, loss="mse")
    for target, name, threshold, summary in _CONTROLS:
        yield ImageCard(f"symbench_images.{target}", name, threshold, summary, "vectors", "mse")


def image_cards() -> Iterator[ImageCard]:
    """Yield the cards of the tasks ``scrambled-*``."""
    for cls, variant, threshold, summary in _DIGITS:
        target = f"symbench_images.tasks:{cls}"
        yield ImageCard(target, f"scrambled-digits-{variant}", threshold, summary)
    for cls, short, label, upright, turned in _DATASETS:
        target, name = f"symbench_images.datasets:{cls}", f"scrambled-{short}"
        yield ImageCard(
            f"{target}Plain", f"{name}-plain", upright, f"{label} as it is: the control"
        )
        yield ImageCard(
            f"{target}Rotated",
            f"{name}-rotated",
            turned,
            f"{label}, each image rotated by a random angle",
        )
        yield ImageCard(
            f"{target}RotatedScrambled",
            f"{name}-rotated-scrambled",
            turned,
            f"{label}, rotated, then its pixels permuted by one fixed permutation",
        )
