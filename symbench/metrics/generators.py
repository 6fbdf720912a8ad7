"""How well the generators that a model holds, or that its function keeps, match the true ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from symbench.contract import Model, Scores, Task, Trained
from symbench.errors import ShapeError
from symbench.metrics.lie_derivative import AlgebraMetric

if TYPE_CHECKING:
    from torch import Tensor

    from symbench.metrics.derivative import Derivative, Truth


class GeneratorScore(AlgebraMetric):
    """Base of the scores that compare the learned algebra with the true one.

    Learned are the generators that a model of prior ``discovers`` holds, where it holds any
    (``explicit``), or else the k* least singular directions of its Lie derivative C
    (``extracted``), k* being the dimension of the true algebra. With k the dimension of their
    span, O is the sum of the squared principal cosines of the two spans, M = max(k, k*) and
    c = min(k, k*) / m the chance level, m the dimension in which they were looked for: that of the
    candidate algebra, or for explicit generators of gl(V) on the span of the data. Principal
    cosines are those of <A, B> = tr(S⁺ A S Bᵀ), S = E[x xᵀ]. Absent where the true algebra is
    zero or the whole candidate, and for extracted generators where C vanishes or f does not vary.
    """

    version, direction = "1", "higher"
    reference = "Moskalev et al. 2022 (LieGG); Björck and Golub 1973"

    def judge(self, trained: Trained, task: Task, found: Derivative | None) -> Scores:
        """Return the score and its annotations."""
        scores = _scores(trained, task, found)
        return {key: v for key, v in scores.items() if key.split(".")[0] == self.name}


class GeneratorCosine(GeneratorScore):
    """sqrt(O / M): |<L, L*>| / (||L|| ||L*||) for one generator; announcing too many costs."""

    name = "generator_cosine"
    summary = "root mean square principal cosine of learned and true generators"


class GeneratorCosineFrobenius(GeneratorScore):
    """The same as ``generator_cosine`` in the plain Frobenius product, tr(A Bᵀ)."""

    name = "generator_cosine_frobenius"
    summary = "generator_cosine in the plain Frobenius product"


class GeneratorOverlap(GeneratorScore):
    """(O / M - c) / (1 - c): 0 is chance, 1 is exact."""

    name = "generator_overlap"
    summary = "chance-adjusted overlap of learned and true generators"


class GeneratorWorstCosine(GeneratorScore):
    """The least cosine between a true generator and the learned span: 0 if one is missing."""

    name = "generator_worst_cosine"
    summary = "worst principal cosine of learned and true generators"


class GeneratorPrecision(GeneratorScore):
    """O / k where the number was not given: explicit generators, or ``generators_found``."""

    name = "generator_precision"
    summary = "part of the learned generators that is true"


class GeneratorRecall(GeneratorScore):
    """O / k* where the number was not given: explicit generators, or ``generators_found``."""

    name = "generator_recall"
    summary = "part of the true generators that is learned"


class GeneratorsFound(GeneratorScore):
    """How many directions of C mark a symmetry; ``truth`` is how many there are.

    Squared singular values below 0.05 of their mean, with a factor of at least 10 between them
    and the next. On a control without symmetry 0 is the right answer.
    """

    name = "generators_found"
    summary = "number of symmetry directions that the function keeps"

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the task's group has a Lie algebra, or a control declares a candidate."""
        if task.symmetry is not None:
            return super().applies(task, model)
        return task.layout() is not None or task.candidate_algebra() is not None

    def judge(self, trained: Trained, task: Task, found: Derivative | None) -> Scores:
        """Return the number; absent where C vanishes or f does not vary."""
        from symbench.metrics.algebra import small_directions
        from symbench.metrics.derivative import truth_of

        truth = truth_of(trained, task)
        if truth is None or found is None:
            return {}
        number = float(small_directions(found.squares))
        return {self.name: number, f"{self.name}.truth": float(len(truth.Q))}


def _scores(trained: Trained, task: Task, found: Derivative | None) -> dict[str, float]:
    """Return every score of this file but ``generators_found``, computed once for a trial."""
    from symbench.metrics.derivative import truth_of
    from symbench.metrics.network import once

    def compute() -> dict[str, float]:
        truth = truth_of(trained, task)
        if truth is None or not truth.is_proper:
            return {}
        L = _explicit(trained, truth)
        if L is None:
            return {} if found is None else _extracted_scores(found, truth)
        return _explicit_scores(L, truth, task.attainable(trained.model.parametrisation))

    return once(trained, "generators", compute)


def _explicit_scores(L: Tensor, truth: Truth, attainable: Tensor | None) -> dict[str, float]:
    """Score generators that may be any matrices; the ceiling is what their form can attain."""
    if not bool(L.isfinite().all()):
        return {}
    m = len(truth.candidate.whitening.whiten) ** 2
    if attainable is not None:
        ceiling = _against(attainable.double(), truth, m)
    else:  # what C yields of a target that is symmetric only nearly bounds no explicit generator
        ceiling = _exact(truth, m) if truth.is_exact else {}
    comparison = _comparison(L, truth, m, ceiling)
    return comparison | _counted(L, truth) | {"generator_cosine.explicit": 1.0}


def _extracted_scores(found: Derivative, truth: Truth) -> dict[str, float]:
    from symbench.metrics.algebra import small_directions

    m = truth.Q.shape[1]
    L = _extracted(found, truth, len(truth.Q))
    counted = _extracted(found, truth, small_directions(found.squares))
    comparison = _comparison(L, truth, m, _exact(truth, m))
    return comparison | _counted(counted, truth) | {"generator_cosine.explicit": 0.0}


def _explicit(trained: Trained, truth: Truth) -> Tensor | None:
    """Return the generators [k, d, d] that the model holds, if it is one that discovers."""
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


def _extracted(found: Derivative, truth: Truth, k: int) -> Tensor:
    """Return the k directions [k, d, d] along which f changes least."""
    from torch import einsum

    return einsum("km,mij->kij", found.directions[:k], truth.candidate.basis)


def _cosines(L: Tensor, truth: Truth, *, weighted: bool = True) -> tuple[Tensor, int]:
    """Return the principal cosines of the spans, and the dimension k of the learned one."""
    from symbench.metrics.algebra import orthonormal, principal_cosines

    true = truth.generators
    if weighted:
        L, true = truth.candidate.whitening(L), truth.candidate.whitening(true)
    learned = orthonormal(L.flatten(1))
    return principal_cosines(learned, orthonormal(true.flatten(1))), len(learned)


def _comparison(L: Tensor, truth: Truth, m: int, ceiling: dict[str, float]) -> dict[str, float]:
    """Return the scores of L [k, d, d] out of m dimensions, each with its chance and ceiling."""
    k = min(_cosines(L, truth)[1], len(truth.Q))
    chances = dict.fromkeys(("generator_cosine", "generator_cosine_frobenius"), math.sqrt(k / m))
    annotations = {f"{name}.chance": c for name, c in chances.items()}
    annotations |= {f"{name}.ceiling": value for name, value in ceiling.items()}
    return _against(L, truth, m) | annotations | {"generator_overlap.chance": 0.0}


def _exact(truth: Truth, m: int) -> dict[str, float]:
    """Return the scores of what C of the exact target yields; none where there is no target."""
    if truth.target is None:
        return {}
    return _against(_extracted(truth.target, truth, len(truth.Q)), truth, m)


def _against(L: Tensor, truth: Truth, m: int) -> dict[str, float]:
    """Return the scores of learned generators L [k, d, d] out of m dimensions."""
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
    """Return precision (absent for none learned) and recall of generators [k, d, d]."""
    cosines, k = _cosines(L, truth)
    total = float(cosines.square().sum())
    recall = {"generator_recall": total / len(truth.Q)}
    return recall | ({"generator_precision": total / k} if k else {})
