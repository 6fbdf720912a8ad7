"""The scores of the generators that are extracted from a function."""

from __future__ import annotations

from torch import Tensor

from symbench.contract import Trained
from symbench.metrics.derivative import Derivative
from symbench.metrics.infinitesimal import Verdicts
from symbench.metrics.network import once, once_per_cell
from symbench.metrics.spans import Span, directions
from symbench.metrics.truth import Truth

TAU = 0.05  # relative defect below which a direction counts as found


def bounds(trained: Trained, truth: Truth, C: Derivative) -> Tensor:
    """Return the bounds [m] of the defects of the directions of C, computed once per trial."""
    return once(trained, "defect_bounds", lambda: truth.bounds(C))


def extracted(trained: Trained, truth: Truth, C: Derivative) -> Verdicts:
    """Return every ``GeneratorScore`` with its annotations, computed once per trial."""

    def compute() -> Verdicts:
        reference = once_per_cell(trained, "generator_reference", lambda: _reference(truth))
        plain, weighted = _compared(C, truth)
        found = C.directions[bounds(trained, truth, C) < TAU]
        counted = Span(directions(truth, found), truth, truth.Q.shape[1])
        annotations: Verdicts = {
            "generator_cosine.chance": weighted.chance,
            "generator_cosine_frobenius.chance": plain.chance,
            "generator_overlap.chance": 0.0,
            "generator_precision": counted.precision,
            "generator_recall": counted.recall,
            "generator_closure": weighted.closure,
        }
        return _scores(plain, weighted) | annotations | reference

    return once(trained, "extracted", compute)


def _compared(C: Derivative, truth: Truth) -> tuple[Span, Span]:
    """Return the span of the k* least directions, in the plain and in the weighted product."""
    k, m = truth.Q.shape
    L = directions(truth, C.directions[:k])
    return Span(L, truth, m, weighted=False), Span(L, truth, m)


def _scores(plain: Span, weighted: Span) -> Verdicts:
    return {
        "generator_cosine": weighted.cosine,
        "generator_cosine_frobenius": plain.cosine,
        "generator_overlap": weighted.overlap,
        "generator_worst_cosine": weighted.worst_cosine,
    }


def _reference(truth: Truth) -> Verdicts:
    """Return the scores of the exact target; nothing without one."""
    if truth.target is None:
        return {}
    scores = _scores(*_compared(truth.target, truth))
    return {f"{name}.reference": value for name, value in scores.items()}
