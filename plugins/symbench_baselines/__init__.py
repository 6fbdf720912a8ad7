"""Models without built-in symmetry: networks, closed forms, and floors that all must beat."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    ("models:MLP", "mlp", "none", "multilayer perceptron, standardised inputs and targets"),
    ("models:AugmentedMLP", "mlp-augmented", "told", "mlp trained on random points of each orbit"),
    ("models:PenalisedMLP", "mlp-penalty", "told", "mlp with a penalty on its equivariance error"),
    ("models:Constant", "constant", "none", "the training mean, or the class frequencies"),
    ("models:Linear", "linear", "none", "least squares, or multinomial logistic regression"),
    ("images:CNN", "cnn", "none", "two 3×3 convolutions and a linear layer"),
    ("images:CNNMaxPool", "cnn-maxpool", "none", "cnn with 2×2 max pooling, stride 1"),
    ("images:FCLConv", "fc-lconv", "none", "dense layers as wide as L-conv's low-rank factors"),
    (
        "images:FCShallow",
        "fc-shallow",
        "none",
        "one hidden layer with as many parameters as L-conv",
    ),
    (
        "closed_form:LeastSquares",
        "least-squares",
        "discovers",
        "linear regression of one image on another",
    ),
    ("closed_form:MatrixLog", "matrix-log", "discovers", "logarithm of the fitted linear map"),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the baseline models."""
    for target, name, prior, summary in _MODELS:
        registry.model(
            f"symbench_baselines.{target}", name=name, version="1", prior=prior, summary=summary
        )
