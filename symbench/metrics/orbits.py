"""A trained function f on pairs of a test input x and a group element g: f(gx) and g f(x)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from symbench.contract import Data, Symmetry, Task, Trained, seeded
from symbench.groups import Group
from symbench.groups.samplers import elements
from symbench.metrics.decisions import decision_of
from symbench.metrics.network import (
    Networks,
    acted,
    double_values,
    once_each,
    spaced,
    variance,
    varies,
)

_PAIRS, _MANY_PAIRS = 1024, 2**14
_LEAST, _ENTRIES = 64, 2**18  # elements: as many as these entries hold, and at least 64
_BUDGET = 2**22  # most numbers evaluated at once


@dataclass(frozen=True)
class Orbit:
    """What one trial's function f does with moved inputs.

    Attributes:
        squares: ||f(gx) - g f(x)||² of each input [inputs], the mean over the g that meet it.
        returned: E||f(inverse g x) - f(x)||²; None if the action is exact.
        changed: E of the change of the decision; None if the task decides nothing.
        variance: E||f - E f||² over the inputs; 0 if it is only rounding.
        problem: why f has no score of its symmetry; empty if it has one.
    """

    squares: Tensor
    returned: float | None
    changed: float | None
    variance: float
    problem: str = ""


def orbits(trials: Sequence[Trained], task: Task, symmetry: Symmetry) -> list[Orbit]:
    """Return the orbits of the trials of a cell in float64, computed once for all scores.

    In the full tier every test input takes part, in about 16,384 pairs. In the other tiers there
    are 1,024 pairs, of as many different inputs if the test split has them. For a group that
    permutes, every input is in one pair, because evaluating graphs is expensive.
    """

    def compute(missing: Sequence[Trained]) -> Sequence[Orbit]:
        if missing[0].thorough:
            return measured(missing, task, symmetry, (len(missing[0].test), _MANY_PAIRS))
        return measured(missing, task, symmetry, (_PAIRS, _PAIRS))

    return once_each(trials, "orbits", compute)


def measured(
    trials: Sequence[Trained],
    task: Task,
    symmetry: Symmetry,
    size: tuple[int, int],
    *,
    double: bool = True,
) -> list[Orbit]:
    """Return the orbits of the trials of a cell.

    Args:
        trials: at least one.
        task: of the trials.
        symmetry: of the task.
        size: how many test inputs take part, evenly spaced (all if there are fewer), and in how
            many pairs: every input is in equally many. A pair has an element of its own if elements
            are small, else 64 or more share the pairs. They depend on the task, the seed and the
            sampler alone.
        double: whether f is evaluated in float64. It is evaluated in float32 if the action is not
            exact, because the interpolation error exceeds the rounding error.
    """
    group, seeds = symmetry.group, [trained.seed for trained in trials]
    f = _Functions(trials, task, double=double and getattr(group, "is_exact", True))
    test = Data(*(spaced(part.cpu(), size[0]) for part in (trials[0].test.x, trials[0].test.y)))
    x, values = test.x.to(f.dtype), f.at_inputs(test.x)
    decisions = [decision_of(task, symmetry, test, value) for value in values]
    meetings = _meetings(len(x), 1 if group.permutes else size[1] / len(x), group.dim)
    drawn = {t.seed: _elements(task, group, t, len(meetings)) for t in trials}
    squares, returned, changed = torch.zeros(3, len(trials), *meetings.shape).double()
    numbers = (x[0].numel() + values[0, 0].numel()) * meetings.shape[1] * len(trials)
    for part in torch.arange(len(meetings)).split(max(1, _BUDGET // numbers)):
        met = meetings[part]
        there = {seed: acted(symmetry.input, g[part], x[met]) for seed, (g, _) in drawn.items()}
        actual = f(torch.stack([there[seed] for seed in seeds]))
        back = {
            seed: acted(symmetry.input, inverse[part], there[seed])
            for seed, (_, inverse) in drawn.items()
            if inverse is not None
        }
        again = f(torch.stack([back[seed] for seed in seeds])) if back else None
        for trial, seed in enumerate(seeds):
            g, known = drawn[seed][0][part], values[trial][met]
            expected = acted(symmetry.output, g, known)
            squares[trial, part] = _distances(actual[trial], expected)
            if (change := decisions[trial]) is not None:
                changed[trial, part] = change(met, g, there[seed], actual[trial], expected)
            if again is not None:
                returned[trial, part] = _distances(again[trial], known)
    times = torch.bincount(meetings.flatten(), minlength=len(x))
    means = torch.zeros(len(trials), len(x)).double()
    means = means.index_add_(1, meetings.flatten(), squares.flatten(1)) / times
    return [
        Orbit(
            squares=means[trial],
            returned=None if drawn[seed][1] is None else float(returned[trial].mean()),
            changed=None if decisions[trial] is None else float(changed[trial].mean()),
            variance=variance(values[trial]),
            problem=_problem(values[trial], means[trial]),
        )
        for trial, seed in enumerate(seeds)
    ]


def _problem(values: Tensor, squares: Tensor) -> str:
    if not varies(values):
        return "the function does not vary"
    return "" if bool(squares.isfinite().all()) else "the function is not finite at moved inputs"


class _Functions:
    """The functions f of T trials; of classes the probabilities, at each trial's temperature."""

    def __init__(self, trials: Sequence[Trained], task: Task, *, double: bool) -> None:
        self.trials, self.double = trials, double
        self.networks = Networks.of(trials, double=double)
        self.dtype = self.networks.dtype
        self.temperatures: Tensor | None = None
        if task.loss == "cross-entropy":
            self.temperatures = torch.tensor([t.temperature for t in trials], dtype=self.dtype)

    def at_inputs(self, x: Tensor) -> Tensor:
        """Return f(x) [T, n, *output_shape] at evenly spaced test inputs x [n, *input_shape]."""
        if self.double:
            return self._finished(torch.stack(double_values(self.trials, len(x))))
        return self._finished(self.networks(x.expand(len(self.trials), *x.shape)))

    def __call__(self, x: Tensor) -> Tensor:
        """Return f(x) [T, e, k, *output_shape] for x [T, e, k, *input_shape]."""
        values: Tensor = self._finished(self.networks(x.flatten(1, 2))).unflatten(1, x.shape[1:3])
        return values

    def _finished(self, outputs: Tensor) -> Tensor:
        if self.temperatures is None:
            return outputs
        ones = [1] * (outputs.ndim - 1)
        return (outputs / self.temperatures.view(-1, *ones)).softmax(-1)


def _meetings(inputs: int, rounds: float, d: int) -> Tensor:
    """Return the inputs [e, k] that each of e elements meets; every input about equally often."""
    pairs = inputs * max(1, round(rounds))
    each = math.ceil(pairs / max(_LEAST, _ENTRIES // d**2))
    return torch.arange(math.ceil(pairs / each) * each).view(-1, each) % inputs


def _elements(
    task: Task, group: Group, trained: Trained, count: int
) -> tuple[Tensor, Tensor | None]:
    """Return elements [count, d, d] for a trial, and their inverses if the action is not exact."""
    generator = seeded(task.name, task.version, trained.seed, "score", "orbits")
    pairs = getattr(group, "sample_pairs", None)
    if getattr(group, "is_exact", True) or pairs is None or trained.sampler != "group":
        return elements(group, count, generator, trained.sampler), None
    g, inverse = pairs(count, generator)
    return g, inverse


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Return ||a - b||² [e, k] of values [e, k, ...]."""
    squares: Tensor = (a - b).double().square().flatten(2).sum(2)
    return squares
