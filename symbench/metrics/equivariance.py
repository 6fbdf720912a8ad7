"""How far a trained function is from equivariance under sampled group elements."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from symbench.contract import Metric, Model, Scores, Symmetry, Task, Trained
from symbench.metrics.inputs import PAIRS, inputs_told_apart, limit

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from symbench.metrics.orbits import Orbit

_PAIRS = 1024  # of an untrained network, in every tier
_FEW_PAIRS = 256  # of the float32 network, in every tier


class OrbitMetric(Metric):
    """Base of the scores of f(gx) beside g f(x) (``symbench.metrics.orbits``).

    Absent if f does not vary, or if its float64 network is another function than the one whose
    error is scored.
    """

    symmetry = True

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task has a symmetry."""
        return task.symmetry is not None

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return the score of one trial; elements depend on its seed, not on ``generator``."""
        return self.score_together([trained], task, [generator])[0]

    def score_together(
        self,
        trials: Sequence[Trained],
        task: Task,
        generators: Sequence[torch.Generator],  # noqa: ARG002
    ) -> list[Scores]:
        """Return the scores of the trials, which are evaluated together."""
        from symbench.metrics.network import one_functions

        if (symmetry := task.symmetry) is None:
            return [{} for _ in trials]
        reasons = one_functions(trials)
        scores: list[Scores] = []
        found = self.orbits(trials, task, symmetry)
        for trained, orbit, reason in zip(trials, found, reasons, strict=True):
            if absent := reason or orbit.problem:
                trained.notes[self.name] = absent
            scores.append({} if absent else self.judge(trained, task, orbit))
        return scores

    def orbits(self, trials: Sequence[Trained], task: Task, symmetry: Symmetry) -> list[Orbit]:
        """Return the orbits of the trials; those in float64 are shared by all scores."""
        from symbench.metrics import orbits

        return orbits.orbits(trials, task, symmetry)

    @abstractmethod
    def judge(self, trained: Trained, task: Task, orbit: Orbit) -> Scores:
        """Return the score of a trial from its orbit."""


class EquivarianceError(OrbitMetric):
    """sqrt( E ||f(rho_in(g) x) - rho_out(g) f(x)||² / (2 E||y - E y||²) ).

    The mean is over pairs of a test input x and an element g of the task group's sampler: in the
    full tier every input, in about 16,384 pairs; in the other tiers 1,024 pairs of as many
    different inputs. For a group that permutes, each input is in one pair. For classification f is
    the vector of class probabilities, at the calibrated temperature, and y the one-hot label. If
    the targets do not vary, or the task has a loss of its own and f therefore no scale, the unit is
    the variance of f.

    Annotations:

    - ``floor``, where a group acts only approximately (``is_exact = False``, such as interpolated
      rotations of pixels) and offers ``sample_pairs(count, generator) -> (g, inverse)``: the same
      formula for f(rho_in(inverse) rho_in(g) x) - f(x), which is zero for every f if the action is
      exact. f is then evaluated in float32.
    - ``untrained``: the score of the network before training, in units of its own variance.
    - ``sampling``: the standard error of the logarithm of the score that the choice of test inputs
      causes; 0 where the whole test split takes part.
    - ``inputs``: how well the inputs x can be told from gx (``symbench.metrics.inputs``).
    - ``inputs_limit``: up to what that is chance, where the data hold fewer than 2,000 test inputs.
    """

    name, version, direction = "equivariance_error", "2", "lower"
    summary = "relative violation of f(gx) = g f(x) over sampled g, in float64"

    def score_together(
        self, trials: Sequence[Trained], task: Task, generators: Sequence[torch.Generator]
    ) -> list[Scores]:
        """Return the scores, with what the untrained networks have."""
        scores = super().score_together(trials, task, generators)
        before = _untrained(trials, task)
        for score, value in zip(scores, before, strict=True):
            if isinstance(score, dict) and score and value is not None:
                score[f"{self.name}.untrained"] = value
        return scores

    def judge(self, trained: Trained, task: Task, orbit: Orbit) -> Scores:
        """Return the error with its annotations but ``untrained``."""
        scores = {
            self.name: violation(trained, task, orbit),
            f"{self.name}.sampling": _sampling(orbit.squares, len(trained.test)),
        }
        if orbit.returned is not None:
            scores[f"{self.name}.floor"] = _relative(orbit.returned, _unit(trained, task, orbit))
        if (inputs := inputs_of(trained, task)) is not None:
            scores[f"{self.name}.inputs"] = inputs
            if (pairs := task.at_most(PAIRS, "test")) < PAIRS:
                scores[f"{self.name}.inputs_limit"] = limit(pairs)
        return scores


class Float32EquivarianceError(OrbitMetric):
    """``equivariance_error`` of the float32 network, which also shows rounding errors.

    The mean is over 256 pairs in every tier, which is enough to tell rounding from a violation.
    """

    name, version, direction = "equivariance_error_float32", "2", "lower"
    summary = "relative violation of f(gx) = g f(x) over sampled g, in float32"

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the group acts exactly; otherwise interpolation errors exceed rounding errors."""
        exact = task.symmetry is not None and getattr(task.symmetry.group, "is_exact", True)
        return exact and super().applies(task, model)

    def orbits(self, trials: Sequence[Trained], task: Task, symmetry: Symmetry) -> list[Orbit]:
        """Return the orbits of the trials in float32."""
        from symbench.metrics.orbits import measured

        return measured(trials, task, symmetry, (_FEW_PAIRS, _FEW_PAIRS), double=False)

    def judge(self, trained: Trained, task: Task, orbit: Orbit) -> Scores:
        """Return the error."""
        return violation(trained, task, orbit)


def inputs_of(trained: Trained, task: Task) -> float | None:
    """Return ``told_apart`` of the task's inputs, computed once per cell."""
    from symbench.metrics.network import once_per_cell

    return once_per_cell(trained, "inputs", lambda: inputs_told_apart(task))


def violation(trained: Trained, task: Task, orbit: Orbit) -> float:
    """Return sqrt( E ||f(gx) - g f(x)||² / (2 E||y - E y||²) )."""
    return _relative(float(orbit.squares.mean()), _unit(trained, task, orbit))


def _unit(trained: Trained, task: Task, orbit: Orbit) -> float:
    """Return E||y - E y||² of the test targets, one-hot for classes.

    It is that of f if the targets do not vary, or if the task has a loss of its own, which leaves
    the scale of f free.
    """
    from torch.nn.functional import one_hot

    from symbench.metrics.network import once_per_cell, variance

    def compute() -> float:
        y = trained.test.y.cpu()
        return variance(one_hot(y) if task.loss == "cross-entropy" else y)

    if task.loss == "own":
        return orbit.variance
    return once_per_cell(trained, "variance of targets", compute) or orbit.variance


def _relative(square: float, scale: float) -> float:
    return math.sqrt(square / (2 * scale))


def _sampling(squares: Tensor, population: int) -> float:
    """Return the standard error of ln sqrt(E squares) over inputs drawn from a finite population.

    It is that of resampled inputs, to first order in their number.
    """
    count, mean = len(squares), float(squares.mean())
    if count == population or mean == 0:
        return 0.0
    return float(squares.std()) / (2 * mean) * math.sqrt(1 / count - 1 / population)


def _untrained(trials: Sequence[Trained], task: Task) -> list[float | None]:
    """Return the equivariance errors of the networks before training, in their own unit.

    None where there is no such network, or where it does not vary.
    """
    from symbench.metrics.orbits import measured

    made = [trained for trained in trials if trained.initial is not None]
    if not made or task.symmetry is None:
        return [None] * len(trials)
    before = [
        replace(trained, module=cast("nn.Module", trained.initial), temperature=1.0, memo={})
        for trained in made
    ]
    try:
        found = iter(measured(before, task, task.symmetry, (_PAIRS, _PAIRS)))
    except Exception as error:  # a module that has not been fitted may raise anything
        for trained in made:
            trained.notes[f"{EquivarianceError.name}.untrained"] = (
                f"the untrained network cannot be evaluated ({type(error).__name__})"
            )
        return [None] * len(trials)
    orbits = [None if trained.initial is None else next(found) for trained in trials]
    return [
        None
        if orbit is None or orbit.problem or orbit.variance == 0
        else _relative(float(orbit.squares.mean()), orbit.variance)
        for orbit in orbits
    ]
