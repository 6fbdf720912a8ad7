"""Compare the span of learned generators with that of the true ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symbench.contract import Task, Trained
from symbench.errors import ShapeError
from symbench.metrics.algebra import orthonormal, principal_cosines
from symbench.metrics.derivative import Derivative, Truth
from symbench.metrics.network import once


def generator_scores(
    trained: Trained, task: Task, truth: Truth | None, C: Derivative | None
) -> dict[str, float]:
    """Return every ``GeneratorScore`` but ``generators_found``, computed once per trial."""

    def compute() -> dict[str, float]:
        if truth is None or not truth.is_proper:
            return {}
        L = _explicit(trained, truth)
        if L is None:
            return {} if C is None else _extracted_scores(C, truth)
        return _explicit_scores(L, truth, task.attainable(trained.model.parametrisation))

    return once(trained, "generators", compute)


def _explicit_scores(L: Tensor, truth: Truth, attainable: Tensor | None) -> dict[str, float]:
    """Score explicit generators; the ceiling is the best score that their form can attain."""
    if not bool(L.isfinite().all()):
        return {}
    m = len(truth.candidate.whitening.whiten) ** 2
    if attainable is not None:
        ceiling = _against(attainable.double(), truth, m)
    else:  # the extracted score of a target that is only nearly symmetric is not a bound
        ceiling = _exact(truth, m) if truth.is_exact else {}
    comparison = _comparison(L, truth, m, ceiling)
    return comparison | _counted(L, truth) | {"generator_cosine.explicit": 1.0}


def _extracted_scores(C: Derivative, truth: Truth) -> dict[str, float]:
    m = truth.Q.shape[1]
    L = _extracted(C, truth, len(truth.Q))
    counted = _extracted(C, truth, C.symmetries)
    comparison = _comparison(L, truth, m, _exact(truth, m))
    return comparison | _counted(counted, truth) | {"generator_cosine.explicit": 0.0}


def _explicit(trained: Trained, truth: Truth) -> Tensor | None:
    """Return the generators [k, d, d] of a model of prior ``discovers``; None for others."""
    if trained.model.prior != "discovers":
        return None
    L = trained.model.generators(trained.module)
    if L is None:
        return None
    d = truth.candidate.basis.shape[-1]
    if L.ndim != 3 or tuple(L.shape[1:]) != (d, d):
        raise ShapeError(
            f"{trained.model.name} returned generators of shape {tuple(L.shape)}; "
            f"return [k, {d}, {d}], acting on the group's defining space"
        )
    return L.detach().cpu().double()


def _extracted(C: Derivative, truth: Truth, k: int) -> Tensor:
    """Return the k directions [k, d, d] along which f changes least."""
    return torch.einsum("km,mij->kij", C.directions[:k], truth.candidate.basis)


def _cosines(L: Tensor, truth: Truth, *, weighted: bool = True) -> tuple[Tensor, int]:
    """Return the principal cosines of the spans, and the dimension k of the learned one."""
    true = truth.generators
    if weighted:
        L, true = truth.candidate.whitening(L), truth.candidate.whitening(true)
    learned = orthonormal(L.flatten(1))
    return principal_cosines(learned, orthonormal(true.flatten(1))), len(learned)


def _comparison(L: Tensor, truth: Truth, m: int, ceiling: dict[str, float]) -> dict[str, float]:
    """Return the scores of L [k, d, d] in m dimensions, with their chance and ceiling."""
    k = min(_cosines(L, truth)[1], len(truth.Q))
    chances = dict.fromkeys(("generator_cosine", "generator_cosine_frobenius"), math.sqrt(k / m))
    annotations = {f"{name}.chance": c for name, c in chances.items()}
    annotations |= {f"{name}.ceiling": value for name, value in ceiling.items()}
    return _against(L, truth, m) | annotations | {"generator_overlap.chance": 0.0}


def _exact(truth: Truth, m: int) -> dict[str, float]:
    """Return the scores of the generators extracted from the exact target; {} without a target."""
    if truth.target is None:
        return {}
    return _against(_extracted(truth.target, truth, len(truth.Q)), truth, m)


def _against(L: Tensor, truth: Truth, m: int) -> dict[str, float]:
    """Return the scores of learned generators L [k, d, d] in m dimensions."""
    cosines, k = _cosines(L, truth)
    frobenius, plain = _cosines(L, truth, weighted=False)
    true = len(truth.Q)
    share = float(cosines.square().sum()) / max(k, true)
    chance = min(k, true) / m
    return {
        "generator_cosine": math.sqrt(share),
        "generator_cosine_frobenius": math.sqrt(float(frobenius.square().sum()) / max(plain, true)),
        "generator_overlap": (share - chance) / (1 - chance),
        "generator_worst_cosine": float(cosines.min()) if k >= true else 0.0,
    }


def _counted(L: Tensor, truth: Truth) -> dict[str, float]:
    """Return the recall and, if any are learned, the precision of generators [k, d, d]."""
    cosines, k = _cosines(L, truth)
    total = float(cosines.square().sum())
    recall = {"generator_recall": total / len(truth.Q)}
    return recall | ({"generator_precision": total / k} if k else {})
