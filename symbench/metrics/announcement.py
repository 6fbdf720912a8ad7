"""The scores of the generators that a model announces."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor, nn

from symbench.contract import Task, Trained
from symbench.errors import ShapeError
from symbench.groups import SO
from symbench.metrics.algebra import orthonormal
from symbench.metrics.defect import Defects
from symbench.metrics.derivative import NO_SLOPE, Derivative
from symbench.metrics.infinitesimal import Verdicts
from symbench.metrics.network import once, once_per_cell
from symbench.metrics.spans import Span, adjusted, directions
from symbench.metrics.steps import unsteady
from symbench.metrics.truth import Truth

_UNCONNECTED = 0.2  # bound of the defect from which the function does not keep a generator
_ZERO = 1e-6  # norms below this part of the largest are zero
_SMALL = 16  # largest d for which so(d) is compared in coordinates of the data

_SCORES = ("overlap", "cosine", "worst_cosine", "recall", "precision")


def announced_by(trained: Trained, truth: Truth) -> Tensor | str | None:
    """Return the generators [k, d, d] that the model announces, or why they have no scores.

    None if the model announces none by its nature: another prior, or ``generators`` returns None.
    """
    return once(trained, "announced_by", lambda: _announced(trained, trained.module, truth))


def _announced(trained: Trained, module: nn.Module, truth: Truth) -> Tensor | str | None:
    if trained.model.prior != "discovers":
        return None
    L = trained.model.generators(module)
    if L is None:
        return None
    d = truth.candidate.basis.shape[-1]
    if L.ndim != 3 or tuple(L.shape[1:]) != (d, d):
        raise ShapeError(
            f"{trained.model.name} returned generators of shape {tuple(L.shape)}; "
            f"return [k, {d}, {d}], acting on the group's defining space"
        )
    L = L.detach().cpu().double()
    if not bool(L.isfinite().all()):
        return "the announced generators are not finite"
    norms = truth.candidate.whitening(L).flatten(1).norm(dim=1)
    return L[norms > _ZERO * norms.max()] if len(L) else L


def announcement(trained: Trained, task: Task, truth: Truth, C: Derivative) -> Verdicts:
    """Return every ``AnnouncedScore`` with its annotations, computed once per trial.

    Empty if the model announces no generators by its nature.
    """

    def compute() -> Verdicts:
        L = announced_by(trained, truth)
        if L is None:
            return {}
        if isinstance(L, str):
            return dict.fromkeys((*map(_named, _SCORES), *_OTHERS), L)
        span = Span(L, truth, _m(truth))
        verdicts: Verdicts = {_named("count"): float(span.k), _named("closure"): span.closure}
        verdicts |= _on_target(L, truth) | _on_own_function(trained, L, span, C)
        return verdicts | (_compared(trained, task, span) if truth.is_proper else {})

    return once(trained, "announcement", compute)


def _named(score: str) -> str:
    return f"announced_{score}"


_OTHERS = tuple(map(_named, ("closure", "count", "defect", "own_defect", "unconnected")))


def _m(truth: Truth) -> int:
    """Return the dimension of gl(V) on the span of the data."""
    return len(truth.candidate.whitening.whiten) ** 2


def _compared(trained: Trained, task: Task, span: Span) -> Verdicts:
    """Return the comparison with the true generators, and what it can be compared with."""
    truth = span.truth
    verdicts: Verdicts = {_named(score): getattr(span, score) for score in _SCORES}
    references: dict[str, Mapping[str, float]] = {
        "reference": _reference(task, trained, truth),
        "guess": once_per_cell(trained, "generator_guess", lambda: _guess(truth)),
        "chance": _untrained(trained, truth),
    }
    for annotation, values in references.items():
        verdicts |= {f"{_named(score)}.{annotation}": value for score, value in values.items()}
    return verdicts


def _reference(task: Task, trained: Trained, truth: Truth) -> Mapping[str, float]:
    """Return the scores of the best fit in the model's parametrisation, or the exact target's."""
    attainable = task.attainable(trained.model.parametrisation)
    if attainable is not None:
        return _both(Span(attainable.double(), truth, _m(truth)))
    if not truth.is_exact:  # the generators of a nearly symmetric target are no reference
        return {}
    return _both(Span(directions(truth, truth.Q), truth, _m(truth)))


def _both(span: Span) -> dict[str, float]:
    return {"overlap": span.overlap, "cosine": span.cosine}


def _untrained(trained: Trained, truth: Truth) -> Mapping[str, float]:
    """Return the scores of the model before training; nothing if it is not kept."""
    if trained.initial is None:
        return {}
    L = _announced(trained, trained.initial, truth)
    if L is None or isinstance(L, str):
        return {}
    return _both(Span(L, truth, _m(truth)))


def _guess(truth: Truth) -> Mapping[str, float]:
    """Return the scores of the better of so(d) and the isometries of the second moment.

    In the coordinates in which the second moment is 1, its isometries are the antisymmetric
    matrices, so that O is the square of the antisymmetric part of an orthonormal basis of the true
    algebra. so(d) is compared only where d is small, because it has d(d - 1)/2 generators.
    """
    candidate = truth.candidate
    r, d = len(candidate.whitening.whiten), candidate.basis.shape[-1]
    if r < 2:
        return {}
    true = orthonormal(candidate.whitening(truth.generators).flatten(1)).view(-1, r, r)
    total = float(((true - true.mT) / 2).square().sum())
    k, m = r * (r - 1) // 2, _m(truth)
    guesses = [
        {
            "overlap": adjusted(total, k, len(true), m),
            "cosine": (total / max(k, len(true))) ** 0.5,
        }
    ]
    if d <= _SMALL:
        guesses.append(_both(Span(SO(d).algebra, truth, m)))
    return max(guesses, key=lambda scores: scores["overlap"])


def _on_target(L: Tensor, truth: Truth) -> Verdicts:
    if truth.target is None:
        return {_named("defect"): "the task has no exact target"}
    return _largest("defect", truth.target.defects_of(L))


def _on_own_function(trained: Trained, L: Tensor, span: Span, C: Derivative) -> Verdicts:
    """Return the largest defect, and how many dimensions of the span the function does not keep."""
    unconnected, truth = _named("unconnected"), span.truth
    if C.problem in NO_SLOPE:
        absent = f"the function {C.problem}"
        return {_named("own_defect"): absent, unconnected: float(span.k)}
    if why := unsteady([trained], [C])[0]:
        return {_named("own_defect"): why, unconnected: float(span.k)}
    own = C.defects_of(L)
    if truth.target is not None:
        own = own.within(truth.target.defects_of(L))
    kept = Span(L[own.bounds < _UNCONNECTED], truth, span.m)
    return _largest("own_defect", own) | {unconnected: float(span.k - kept.k)}


def _largest(score: str, defects: Defects) -> Verdicts:
    """Return the largest defect and the largest bound."""
    if defects.violated.shape[1] == 0:
        return {_named(score): "no generator was announced"}
    largest, bound = float(defects.values.max()), float(defects.bounds.max())
    if not math.isfinite(largest) or not math.isfinite(bound):
        return {_named(score): "an announced generator moves neither inputs nor outputs"}
    return {_named(score): largest, f"{_named(score)}.bound": bound}
