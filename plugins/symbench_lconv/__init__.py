"""L-conv: layers that learn the generators of a symmetry together with their weights."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    ("models:LConv", "lconv", "discovers", "one L-conv layer whose generators are learned"),
    ("models:LConv2", "lconv-2layer", "discovers", "two L-conv layers, generators learned"),
    ("models:RandomLConv", "lconv-random", "none", "lconv with frozen random generators"),
    (
        "graph:GCN",
        "lconv-gcn",
        "none",
        "L-conv whose generator is the propagation of the pixel grid or graph",
    ),
    (
        "pairs:RecursiveLConv",
        "lconv-recursive",
        "discovers",
        "angle between two images by one L-conv layer applied three times",
    ),
    (
        "exponential:Exponential",
        "lconv-exp",
        "discovers",
        "angle between two images by exp(θL), L fitted to reconstruct the second",
    ),
    (
        "exponential:SkewExponential",
        "lconv-exp-skew",
        "discovers",
        "lconv-exp with an antisymmetric generator",
    ),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models."""
    for target, name, prior, summary in _MODELS:
        registry.model(
            f"symbench_lconv.{target}", name=name, version="1", prior=prior, summary=summary
        )
