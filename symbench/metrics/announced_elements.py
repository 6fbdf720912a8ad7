"""The scores of the group elements that a model announces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linprog
from scipy.sparse import eye, kron, vstack
from torch import Tensor, nn

from symbench.contract import Task, Trained, seeded
from symbench.errors import ShapeError
from symbench.groups import elements_of, geodesic
from symbench.metrics.infinitesimal import Verdicts
from symbench.metrics.network import once, once_per_cell, spaced

_RADIUS = 0.1  # largest distance, in radians, from a true element that counts as correct
_SAMPLE = 128  # elements of an infinite group
_PAIRS = 2**16  # most pairs of an announced and a true element
_SCORES = ("precision", "recall", "count", "wasserstein")


@dataclass(frozen=True)
class TrueElements:
    """The elements of a task's group.

    Attributes:
        elements: all of them, or a Haar sample of an infinite group [m, d, d].
        finite: whether they are all.
        radius: distance from an element within which an announced one is correct.
        floor: Wasserstein-1 distance of two Haar samples; 0 for a finite group.
    """

    elements: Tensor
    finite: bool
    radius: float
    floor: float

    def compared(self, announced: Tensor) -> Tensor:
        """Return announced elements [k, d, d] as they are compared: with the identity, k limited.

        The identity is added in front unless one is within ``radius`` of it.
        """
        g = spaced(announced, _PAIRS // len(self.elements))
        one = self.elements.new_ones(g.shape[-1]).diag()[None]
        known = len(g) > 0 and bool((geodesic(g, one) <= self.radius).any())
        return g if known else torch.cat([one, g])


def verdicts(trained: Trained, task: Task) -> Verdicts:
    """Return every ``ElementScore`` with its annotations, or why it is absent; once per trial.

    Empty if the model announces no elements by its nature.
    """
    return once(trained, "elements", lambda: _verdicts(trained, task))


def _verdicts(trained: Trained, task: Task) -> Verdicts:
    announced = trained.model.elements(trained.module)
    if announced is None:
        return {}
    true = once_per_cell(trained, "true_elements", lambda: true_elements(task))
    if isinstance(true, str):
        return _absent(true)
    announced = checked(announced, trained, true.elements.shape[-1])
    if not bool(announced.isfinite().all()):
        return _absent("the announced elements are not finite")
    scores = _compared(announced, true) | _references(trained, true)
    return {f"elements_{name}": value for name, value in scores.items()}


def _absent(reason: str) -> Verdicts:
    return {f"elements_{score}": reason for score in _SCORES}


def checked(g: Tensor, trained: Trained, d: int) -> Tensor:
    """Return announced elements [k, d, d] in float64 on the CPU.

    Raises:
        ShapeError: they have another shape.
    """
    if g.ndim != 3 or tuple(g.shape[1:]) != (d, d):
        raise ShapeError(
            f"{trained.model.name} announced elements of shape {tuple(g.shape)}; "
            f"return [k, {d}, {d}], acting on the group's defining space"
        )
    return g.detach().cpu().double()


def true_elements(task: Task) -> TrueElements | str:
    """Return the elements of the task's group, or why announced ones cannot be compared with it."""
    if task.symmetry is None:
        return TrueElements(torch.eye(_dimension(task)).double()[None], True, _RADIUS, 0.0)
    group = task.symmetry.group
    if not group.is_orthogonal:
        return "distances are defined for groups of orthogonal matrices"
    if len(group.algebra):
        draws = group.sample(2 * _SAMPLE, seeded(task.name, task.version, "elements"))
        first, second = draws.chunk(2)
        return TrueElements(first, False, _RADIUS, wasserstein(first, second))
    elements = elements_of(group)
    if elements is None:
        return "the group has too many elements to compare them one by one"
    apart = geodesic(elements[:1], elements[1:])  # the distance is invariant
    radius = min(_RADIUS, float(apart.min()) / 4) if len(elements) > 1 else _RADIUS
    return TrueElements(elements, True, radius, 0.0)


def _dimension(task: Task) -> int:
    """Return the dimension of the defining space of a control."""
    layout, algebra = task.layout(), task.candidate_algebra()
    if layout is not None:
        return layout.group.dim
    return 0 if algebra is None else int(algebra.shape[-1])


def _compared(announced: Tensor, true: TrueElements) -> Verdicts:
    given = true.compared(announced)
    single = merged(given, true.radius)
    scores: Verdicts = {"count": float(len(single)), "wasserstein": _transport(given, true)}
    if not true.finite:
        return scores | dict.fromkeys(("precision", "recall"), "the group is infinite")
    scores["count.truth"] = float(len(true.elements))
    near = geodesic(single, true.elements) <= true.radius
    others = near[~near[:, 0]]  # announced elements that are not the identity
    scores["precision"] = "only the identity is announced"
    scores["recall"] = "the group has only the identity"
    if len(others):
        scores["precision"] = float(others.any(1).double().mean())
    if len(true.elements) > 1:
        scores["recall"] = float(near[:, 1:].any(0).double().mean())
    return scores


def _transport(announced: Tensor, true: TrueElements) -> float | str:
    cost = geodesic(announced, true.elements)
    if not bool(cost.isfinite().all()):
        return "an announced element is singular"
    return least_cost(cost)


def _references(trained: Trained, true: TrueElements) -> Verdicts:
    """Return the Wasserstein distances of what announces nothing, or was not trained."""
    one = torch.eye(true.elements.shape[-1], dtype=torch.float64)[None]
    found: Verdicts = {
        "wasserstein.guess": once_per_cell(
            trained, "identity", lambda: wasserstein(one, true.elements)
        )
    }
    if not true.finite:
        found["wasserstein.floor"] = true.floor
    before = _untrained(trained, trained.initial, true)
    return found if before is None else found | {"wasserstein.chance": before}


def _untrained(trained: Trained, initial: nn.Module | None, true: TrueElements) -> float | None:
    g = None if initial is None else trained.model.elements(initial)
    if g is None or not bool(g.isfinite().all()):
        return None
    g = checked(g, trained, true.elements.shape[-1])
    before = _transport(true.compared(g), true)
    return before if isinstance(before, float) else None


def merged(g: Tensor, radius: float) -> Tensor:
    """Return the elements that are not within ``radius`` of an earlier one that is returned.

    Distances are those of the nearest orthogonal matrices.
    """
    left, _, right = torch.linalg.svd(g)
    rest, kept = left @ right, []
    while len(rest):
        kept.append(rest[0])
        rest = rest[geodesic(rest, rest[:1])[:, 0] > radius]
    return torch.stack(kept)


def wasserstein(g: Tensor, h: Tensor) -> float:
    """Return the Wasserstein-1 distance between uniform laws on g [k, d, d] and h [m, d, d].

    ``h`` are orthogonal matrices. It is an exact linear programme.
    """
    return least_cost(geodesic(g, h))


def least_cost(cost: Tensor) -> float:
    """Return the least mean cost of moving k equal masses to m equal places, for cost [k, m]."""
    k, m = cost.shape
    sums = vstack([kron(eye(k), np.ones((1, m))), kron(np.ones((1, k)), eye(m))]).tocsr()
    masses = np.concatenate([np.full(k, 1 / k), np.full(m, 1 / m)])
    # the sums of rows and columns agree, so that one equation is redundant
    solved = linprog(cost.flatten().numpy(), A_eq=sums[:-1], b_eq=masses[:-1], method="highs")
    return float(solved.fun)
