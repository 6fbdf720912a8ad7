"""Discovery by other means than L-conv, and two networks that are told of rotations."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    (
        "lie_fit:LieFit",
        "lie-fit",
        "discovers",
        "one generator by regression, exp(θL) x₁ = x₂ at known angles",
    ),
    (
        "liegan:LieGAN",
        "liegan",
        "discovers",
        "generators by adversarial training, and a perceptron augmented with them",
    ),
    (
        "augerino:Augerino",
        "augerino",
        "discovers",
        "learned widths of six affine augmentations of the image",
    ),
    (
        "msr:MSR",
        "msr",
        "discovers",
        "meta-learned weight sharing across the angles of image pairs",
    ),
    ("lieconv:LieConv", "lieconv", "told", "LieConv over the roto-translations of the pixel plane"),
    (
        "steerable:SteerableCNN",
        "steerable-cnn",
        "told",
        "group convolutions over C4, invariant to quarter turns of the image",
    ),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models."""
    for path, name, prior, summary in _MODELS:
        registry.model(
            f"symbench_discovery.{path}", name=name, version="1", prior=prior, summary=summary
        )
