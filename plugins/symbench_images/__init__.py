"""Images whose pixels are rotated and scrambled: to classify them, or to find what moves them."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl
from symbench_images.cards import image_cards, regression_cards


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the tasks, and the metric of learned generators."""
    for card in (*image_cards(), *regression_cards()):
        registry.task(
            card.target,
            name=card.name,
            version="1",
            summary=card.summary,
            kind=card.kind,
            loss=card.loss,
            threshold=card.threshold,
        )
    registry.metric(
        "symbench_images.pixel_metric:PixelGenerator",
        name="pixel-generator",
        version="1",
        unit="",
        direction="higher",
        summary="cosine of learned generators and the rotation of pixels, raw and antisymmetrised",
    )
