"""Discovery by other means than L-conv, guesses that it has to beat, and some told networks."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_MODELS = (
    "lie_fit:LieFit",
    "liegan:LieGAN",
    "augerino:Augerino",
    "msr:MSR",
    "lieconv:LieConv",
    "steerable:SteerableCNN",
    "relaxed:SteerableRelaxed",
    "field_fit:FieldFit",
    "field_fit:FieldFitCubic",
    "infinitesimal_mlp:InfinitesimalMLP",
    "group_search:GroupSearch",
    "group_flow:GroupFlowModel",
    "guesses:GuessSO",
    "guesses:GuessCovariance",
    "kernel_null:KernelNull",
    "local_null:LocalNull",
    "liegg:LieGG",
    "certify:Certify",
    "lconv_vectors:LConvVectors",
    "liegan_chosen:LieGANChosen",
    "augerino_gl:AugerinoGL",
    "lie_augment:LieAugment",
    "use:KernelNullUse",
    "use:LocalNullUse",
    "use:LieGGUse",
    "use:AugerinoGLUse",
    "use:LieAugmentUse",
    "use:LieGANChosenUse",
    "use:InfinitesimalMLPUse",
    "use:FieldFitUse",
    "emlp_select:EMLPSelect",
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the models."""
    for target in _MODELS:
        registry.model(f"symbench_discovery.{target}")
    registry.suite_file("suites/discovery.toml")
