"""How far a trained function is from equivariance under sampled group elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from symbench.contract import Metric, Model, Scores, Symmetry, Task, Trained

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from symbench.groups import Group
    from symbench.metrics.network import Networks

_ELEMENTS, _EXAMPLES = 64, 256
_BUDGET = 2**22  # most numbers evaluated at once


class EquivarianceError(Metric):
    """sqrt( E ||f(rho_in(g) x) - rho_out(g) f(x)||² / (2 E||y - E y||²) ).

    The mean is over 64 elements g of the task group's sampler and 256 test examples x. In the full
    tier it is over all pairs. In the other tiers each element is paired with 16 examples, and each
    example is used equally often: the sampling error is mostly that of the 64 elements. For a group
    that permutes, each example is paired with one element in every tier, because evaluating graphs
    is expensive and violations there are large. For classification f is the vector of class
    probabilities and y the one-hot label. If the targets do not vary, the unit is the variance of
    f. A model whose output does not vary has no score.

    A group that acts only approximately (``is_exact = False``, such as interpolated rotations of
    pixels) and offers ``sample_pairs(_ELEMENTS, generator) -> (g, inverse)`` adds
    ``equivariance_error.floor``: the same formula for f(rho_in(inverse) rho_in(g) x) - f(x), which
    is zero for every f if the action is exact. f is then evaluated in float32, because the
    interpolation error exceeds the rounding error.
    """

    name, version, direction = "equivariance_error", "1", "lower"
    summary = "relative violation of f(gx) = g f(x) over sampled g, in float64"
    symmetry = True
    double: ClassVar[bool] = True
    examples: ClassVar[int] = _EXAMPLES  # outside the full tier
    each: ClassVar[int] = 16  # examples per element, outside the full tier

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task has a symmetry."""
        return task.symmetry is not None

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return the error, with its ``floor`` where the action is not exact."""
        return self.score_together([trained], task, [generator])[0]

    def score_together(
        self, trials: Sequence[Trained], task: Task, generators: Sequence[torch.Generator]
    ) -> list[Scores]:
        """Return the errors of the trials; each trial has its own elements."""
        from symbench.metrics import network as networks

        if (symmetry := task.symmetry) is None:
            return [{} for _ in trials]
        exact = getattr(symmetry.group, "is_exact", True)
        both = networks.Networks.of(trials, double=self.double and exact)
        f = _Functions(both, task.loss == "cross-entropy")
        thorough = trials[0].thorough
        examples = _EXAMPLES if thorough else self.examples
        x = networks.spaced(trials[0].test.x.cpu(), examples).to(both.dtype)
        each = len(x) if thorough else min(len(x), self.each)
        if symmetry.group.permutes:
            each = math.ceil(len(x) / _ELEMENTS)
        drawn = [_elements(symmetry.group, generator) for generator in generators]
        values = f(x.expand(len(trials), *x.shape))
        squares = _violations(f, symmetry, (x, values), _meetings(len(x), each), drawn)
        known = networks.variance(_targets(trials[0], task))
        scores: list[Scores] = []
        for value, pair, (_, inverse) in zip(values, squares, drawn, strict=True):
            if not networks.varies(value):
                scores.append({})
                continue
            scale = known or networks.variance(value)
            names = (self.name, f"{self.name}.floor")[: 1 if inverse is None else 2]
            scores.append({name: _relative(s, scale) for name, s in zip(names, pair, strict=False)})
        return scores


class Float32EquivarianceError(EquivarianceError):
    """``equivariance_error`` of the float32 module, which also shows rounding errors.

    Outside the full tier it is the mean over 64 examples, and each element is paired with four of
    them. That is enough to show the size of the rounding error.
    """

    name = "equivariance_error_float32"
    summary = "relative violation of f(gx) = g f(x) over sampled g, in float32"
    double: ClassVar[bool] = False
    examples: ClassVar[int] = 64
    each: ClassVar[int] = 4

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the group acts exactly; otherwise interpolation errors exceed rounding errors."""
        exact = task.symmetry is not None and getattr(task.symmetry.group, "is_exact", True)
        return exact and super().applies(task, model)


def _relative(square: float, scale: float) -> float:
    return math.sqrt(square / (2 * scale))


def _targets(trained: Trained, task: Task) -> Tensor:
    """Return the test targets, one-hot for classification."""
    from torch.nn.functional import one_hot

    y = trained.test.y.cpu()
    return one_hot(y) if task.loss == "cross-entropy" else y


@dataclass(frozen=True)
class _Functions:
    """Outputs [T, n, *output_shape] for [T, n, *input_shape]; probabilities of classes."""

    networks: Networks
    probabilities: bool

    def __call__(self, x: Tensor) -> Tensor:
        y = self.networks(x)
        return y.softmax(-1) if self.probabilities else y

    def distances(self, moved: Tensor, expected: Tensor) -> Tensor:
        """Return the sums [T] of ||f(x) - y||² over x = ``moved`` and y = ``expected``."""
        actual = self(moved).view(expected.shape)
        return (actual - expected).double().square().flatten(1).sum(1)


def _elements(group: Group, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
    """Return elements [64, d, d], and their inverses if the action is not exact."""
    pairs = getattr(group, "sample_pairs", None)
    if getattr(group, "is_exact", True) or pairs is None:
        return group.sample(_ELEMENTS, generator), None
    g, inverse = pairs(_ELEMENTS, generator)
    return g, inverse


def _meetings(examples: int, each: int) -> Tensor:
    """Return the examples [64, each] that are paired with each element, all equally often."""
    import torch

    return torch.arange(_ELEMENTS * each).view(_ELEMENTS, each) % examples


def _violations(
    f: _Functions,
    symmetry: Symmetry,
    examples: tuple[Tensor, Tensor],
    meetings: Tensor,
    drawn: Sequence[tuple[Tensor, Tensor | None]],
) -> list[list[float]]:
    """Return the means of ||f(gx) - g f(x)||² and of ||f(inverse g x) - f(x)||² of each trial.

    The means are over pairs of an element ``drawn`` for the trial [64, d, d] and an example of
    ``meetings`` [64, m]. ``examples`` are x [n, ...] and f(x) [T, n, ...]. The second mean is 0
    without inverses.
    """
    import torch

    from symbench.metrics.network import in_blocks

    x, values = examples
    source = in_blocks(x, symmetry.input.size)
    images = [in_blocks(value, symmetry.output.size) for value in values]
    per_element = meetings.shape[1] * (source[0].numel() + images[0][0].numel()) * len(values)
    at_once = max(1, _BUDGET // per_element)
    sums = torch.zeros(2, len(values), dtype=torch.float64)
    for start in range(0, len(meetings), at_once):
        part = slice(start, start + at_once)
        met = meetings[part]
        g = [pair[0][part, None, None] for pair in drawn]
        back = [pair[1][part, None, None] for pair in drawn if pair[1] is not None]
        there = [symmetry.input.act(element, source[met]) for element in g]
        pairs = zip(g, images, strict=True)
        turned = torch.stack([symmetry.output.act(h, image[met]) for h, image in pairs])
        sums[0] += f.distances(_like(x, there), turned)
        if back:
            pairs = zip(back, there, strict=True)
            returned = [symmetry.input.act(element, moved) for element, moved in pairs]
            sums[1] += f.distances(_like(x, returned), torch.stack([i[met] for i in images]))
    return (sums / meetings.numel()).T.tolist()


def _like(x: Tensor, moved: Sequence[Tensor]) -> Tensor:
    """Return ``moved``, of T trials, as inputs [T, n, *input_shape]."""
    import torch

    return torch.stack(list(moved)).reshape(len(moved), -1, *x.shape[1:])
