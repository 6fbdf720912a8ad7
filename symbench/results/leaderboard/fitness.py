"""Whether the results of a tier are fit to compare models by."""

from __future__ import annotations

_UNFIT = {
    "smoke": "The tier smoke only checks that everything runs; its errors say nothing about "
    "models.",
    "quick": "The tier quick trains for few updates. Models that learn slowly, such as EMLP and "
    "those with augmentation, are not converged in it: compare models in a longer tier.",
}


def unfit(tier: str) -> str | None:
    """Return why the results of a tier are not fit to compare models by; None if they are."""
    return _UNFIT.get(tier)
