"""How far a trained function is from equivariance under sampled group elements."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from symbench.contract import Metric, Model, Scores, Symmetry, Task, Trained

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from symbench.groups import Group
    from symbench.metrics.network import Network

_ELEMENTS, _EXAMPLES = 64, 256
_EACH = 16  # examples that an element meets outside the full tier
_BUDGET = 2**22  # numbers held at once


class EquivarianceError(Metric):
    """sqrt( E ||f(rho_in(g) x) - rho_out(g) f(x)||² / (2 E||y - E y||²) ).

    The mean is over 64 elements g of the task group's sampler and 256 test examples x, every pair
    of them in the full tier. In the others an element meets 16 examples, all taking turns: the 64
    elements leave more uncertainty than the 1,024 pairs do. Of a group that permutes an example
    meets one element in every tier, for a pass over graphs is dear, and what is not equivariant
    fails there grossly. For classification f is the vector of class probabilities and y the one-hot
    label. A task whose targets do not vary is measured in units of the variance of f; a model whose
    output does not vary has no score.

    A group that acts only approximately (``is_exact = False``, as interpolated rotations of
    pixels do) and offers ``sample_pairs(_ELEMENTS, generator) -> (g, inverse)`` adds
    ``equivariance_error.floor``: the same formula for f(rho_in(inverse) rho_in(g) x) - f(x), which
    an exact action would leave at zero for every f. Interpolation hides what rounding does, so
    that f is then evaluated in its own float32.
    """

    name, version, direction = "equivariance_error", "1", "lower"
    summary = "relative violation of f(gx) = g f(x) over sampled g, in float64"
    along_curve = False
    double: ClassVar[bool] = True

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task has a symmetry."""
        return task.symmetry is not None

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return the error, with its ``floor`` where the action is not exact."""
        from symbench.metrics import network as networks

        if (symmetry := task.symmetry) is None:
            return {}
        exact = getattr(symmetry.group, "is_exact", True)
        double = self.double and exact
        network = (networks.double_network if double else networks.single_network)(trained)
        f = _Function(network, task.loss == "cross-entropy")
        x = networks.spaced(trained.test.x.cpu(), _EXAMPLES).to(network.dtype)
        value = f(x)
        scale = _target_variance(trained, task) or networks.variance(value)
        if not networks.varies(value):
            return {}
        g, inverse = _elements(symmetry.group, generator)
        meetings = _meetings(len(x), _each(len(x), symmetry.group, thorough=trained.thorough))
        violated, returned = _violations(f, symmetry, (x, meetings), g, inverse)
        scores = {self.name: _relative(violated, scale)}
        if inverse is not None:
            scores[f"{self.name}.floor"] = _relative(returned, scale)
        return scores


class Float32EquivarianceError(EquivarianceError):
    """``equivariance_error`` of the float32 module: an exact architecture still rounds."""

    name = "equivariance_error_float32"
    summary = "relative violation of f(gx) = g f(x) over sampled g, in float32"
    double: ClassVar[bool] = False

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the group acts exactly: interpolation hides what rounding does."""
        exact = task.symmetry is not None and getattr(task.symmetry.group, "is_exact", True)
        return exact and super().applies(task, model)


def _relative(square: float, scale: float) -> float:
    return math.sqrt(square / (2 * scale))


def _target_variance(trained: Trained, task: Task) -> float:
    from torch.nn.functional import one_hot

    from symbench.metrics.network import variance

    y = trained.test.y.cpu()
    return variance(one_hot(y) if task.loss == "cross-entropy" else y)


@dataclass(frozen=True)
class _Function:
    """The network's outputs [n, *output_shape]: class probabilities, for classification."""

    network: Network
    probabilities: bool

    def __call__(self, x: Tensor) -> Tensor:
        y = self.network(x)
        return y.softmax(-1) if self.probabilities else y

    def distance(self, moved: Tensor, like: Tensor, expected: Tensor) -> float:
        """Return the sum of ||f(x) - y||² over examples x moved from ``like``, y expected."""
        actual = self(moved.reshape(-1, *like.shape[1:]))
        return float((actual.view(expected.shape) - expected).double().square().sum())


def _elements(group: Group, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
    """Return elements [64, d, d], and their inverses where the action is not exact."""
    pairs = getattr(group, "sample_pairs", None)
    if getattr(group, "is_exact", True) or pairs is None:
        return group.sample(_ELEMENTS, generator), None
    g, inverse = pairs(_ELEMENTS, generator)
    return g, inverse


def _each(examples: int, group: Group, *, thorough: bool) -> int:
    """Return how many of the examples an element meets."""
    if group.permutes:
        return math.ceil(examples / _ELEMENTS)
    return examples if thorough else min(examples, _EACH)


def _meetings(examples: int, each: int) -> Tensor:
    """Return which examples an element meets, [64, each]: all as often as any other."""
    import torch

    return torch.arange(_ELEMENTS * each).view(_ELEMENTS, each) % examples


def _violations(
    f: _Function,
    symmetry: Symmetry,
    examples: tuple[Tensor, Tensor],
    g: Tensor,
    inverse: Tensor | None,
) -> tuple[float, float]:
    """Return the means of ||f(gx) - g f(x)||² and of ||f(inverse g x) - f(x)||².

    Over the pairs of elements g [64, d, d] and ``examples``: x [n, ...] and the [64, m] of them
    that each element meets. The second is 0 where there are no inverses.
    """
    from symbench.metrics.network import in_blocks

    x, meetings = examples
    source = in_blocks(x, symmetry.input.size)
    image = in_blocks(f(x), symmetry.output.size)
    per_element = meetings.shape[1] * (source[0].numel() + image[0].numel())
    at_once = max(1, _BUDGET // per_element)
    there = back = 0.0
    for start in range(0, len(g), at_once):
        some = slice(start, start + at_once)
        element, expected = g[some, None, None], image[meetings[some]]
        moved = symmetry.input.act(element, source[meetings[some]])
        there += f.distance(moved, x, symmetry.output.act(element, expected))
        if inverse is not None:
            returned = symmetry.input.act(inverse[some, None, None], moved)
            back += f.distance(returned, x, expected)
    return there / meetings.numel(), back / meetings.numel()
