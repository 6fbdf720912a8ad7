"""The findings in sentences, which the terminal and the report share."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from symbench.discovery.findings import Findings, Generator, Inputs
from symbench.results.report.escape import plain

_SMALL = 0.05  # part of the largest entry of a generator below which an entry is not written
_LINEAR = 0.95  # share of the variance of the fit from which it counts as affine
_POOR = 0.1  # R² below which the fit says nothing
_TERMS = 8  # entries of a generator that are written out


def headline(found: Findings) -> str:
    """Return the answer in one sentence."""
    count, names = len(found.generators), found.algebra.name
    if found.predictor.r2 < _POOR and count == 0:
        return "No answer: the inputs predict too little of the target."
    if count == 0:
        more = f" {len(found.finite)} finite symmetries." if found.finite else ""
        return f"No continuous symmetry found.{more}"
    called = f"{names}: " if names else ""
    plural = "generator" if count == 1 else "generators"
    return f"{called}{count} {plural}, {verdict(found)}."


def verdict(found: Findings) -> str:
    """Return how exact the generators are."""
    broken = [g for g in found.generators if g.break_seen]
    if broken:
        low = max(g.least - g.error for g in broken)
        high = max(g.unseen for g in broken)
        return f"of which {len(broken)} are broken (relative defect {low:.3f} to {high:.3f})"
    return f"kept to within {found.unseen:.3f}"


def reliability(found: Findings) -> list[str]:
    """Return what limits the answer."""
    lines = []
    if found.predictor.r2 < _POOR:
        lines.append(
            f"R² is {found.predictor.r2:.2f}: no symmetry can be read off a function that is not "
            "known. Give more rows or other inputs."
        )
    elif found.generators:
        lines.append(
            f"A break of more than {found.unseen:.3f} would have been seen (relative defect: 0 is "
            "exact, about 0.3 is a random direction)."
        )
    elif found.next_defect is not None:
        lines.append(
            f"The least change along any of {found.tested} directions is {found.next_defect:.3f}. "
            f"{nothing(found)}"
        )
    if found.predictor.affine_share > _LINEAR:
        lines.append(
            f"The fit is affine to {100 * found.predictor.affine_share:.0f} %. An affine function "
            "keeps many flows, which are not counted."
        )
    if found.not_tested:
        lines.append(
            f"{found.not_tested} directions were not tested: the inputs do not vary along them."
        )
    return lines


def nothing(found: Findings) -> str:
    """Return what follows where no generator was found."""
    if found.predictor.affine_share > _LINEAR or found.next_defect is None:
        return "Smooth functions without symmetry have as small ones."
    return f"A symmetry broken by less than {found.next_defect:.3f} would have been seen."


def inputs_alone(inputs: Inputs) -> str:
    """Return what the inputs say by themselves."""
    if inputs.symmetric is None:
        return "not compared: there is no symmetry to compare with"
    if inputs.symmetric:
        return "a classifier does not tell moved inputs: their distribution has the symmetry, too"
    if inputs.stretched:
        return "no distribution has the symmetry, which stretches the inputs"
    return (
        "their distribution does not have the symmetry: a classifier tells a moved input in "
        f"{100 * (0.5 + (inputs.told_apart or 0)):.0f} % of pairs"
    )


def flow(generator: Generator, space: Sequence[str]) -> str:
    """Return a generator as a vector field, such as ``dx = -y, dy = x``."""
    matrix = generator.matrix / generator.matrix.abs().max()
    rows = [_row(matrix[i], name, space) for i, name in enumerate(space)]
    shown = [row for row in rows if row]
    if len(shown) > _TERMS:
        return f"{', '.join(shown[:_TERMS])}, … ({len(shown)} coordinates move)"
    return ", ".join(shown)


def _row(row: Tensor, name: str, space: Sequence[str]) -> str:
    terms = []
    for value, other in zip(row.tolist(), [*space, ""], strict=True):
        if abs(value) >= _SMALL:
            size = f"{abs(value):.2f}{' ' if other else ''}{plain(other)}"
            terms.append(f"{'-' if value < 0 else '+'} {size}")
    if not terms:
        return ""
    text = " ".join(terms).removeprefix("+ ")
    return f"d({plain(name)}) = {'-' + text[2:] if text.startswith('- ') else text}"
