"""Models without built-in symmetry: perceptrons, and the floors that every model must beat."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    ("MLP", "mlp", "none", "multilayer perceptron, standardised inputs and targets"),
    ("AugmentedMLP", "mlp-augmented", "told", "mlp trained on random points of each orbit"),
    ("PenalisedMLP", "mlp-penalty", "told", "mlp with a penalty on its equivariance error"),
    ("Constant", "constant", "none", "the training mean, or the class frequencies"),
    ("Linear", "linear", "none", "least squares, or multinomial logistic regression"),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the baseline models."""
    for cls, name, prior, summary in _MODELS:
        registry.model(
            f"symbench_baselines.models:{cls}",
            name=name,
            version="1",
            prior=prior,
            summary=summary,
        )
