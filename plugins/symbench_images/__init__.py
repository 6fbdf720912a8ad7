"""Classification of digits whose pixels are rotated and scrambled, and a convolutional network."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_TASKS = (
    ("Plain", "plain", 0.1, "8×8 digits as they are: the control"),
    ("Rotated", "rotated", 0.2, "8×8 digits, each rotated by a random angle"),
    (
        "RotatedScrambled",
        "rotated-scrambled",
        0.2,
        "8×8 digits, rotated, then their pixels permuted by one fixed permutation",
    ),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the tasks and the model."""
    for cls, name, threshold, summary in _TASKS:
        registry.task(
            f"symbench_images.tasks:{cls}",
            name=f"scrambled-digits-{name}",
            version="1",
            summary=summary,
            kind="image",
            loss="cross-entropy",
            threshold=threshold,
        )
    registry.model(
        "symbench_images.models:CNN",
        name="cnn",
        version="1",
        prior="none",
        summary="two 3×3 convolutions and a linear layer",
    )
