"""Whether the results of a tier are fit to compare models by."""

from __future__ import annotations

from collections.abc import Iterable

from symbench.results.leaderboard.rows import Row

_UNFIT = {
    "smoke": "The tier smoke only checks that everything runs; its errors say nothing about "
    "models.",
    "quick": "The tier quick trains for few updates, and models that learn slowly are not "
    "converged in it: compare models in the tier standard or full.",
}


def unfit(tier: str, rows: Iterable[Row] = ()) -> str | None:
    """Return why the results of a tier are not fit to compare models by; None if they are.

    Args:
        tier: of all rows.
        rows: those that are known not to have converged are counted.
    """
    if (why := _UNFIT.get(tier)) is None:
        return None
    marked = sum("not converged" in row.flags for row in rows)
    known = f" {marked} results are known to improve with more updates; they are not ranked."
    return why + (known if marked else "")
