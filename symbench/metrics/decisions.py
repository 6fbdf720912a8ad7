"""Whether a decision changes when the input moves: of classes, and of tasks of their own loss."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from symbench.contract import Data, Symmetry, Task
from symbench.metrics.network import acted

Decision = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
"""(met, g, gx, f(gx), g f(x)) -> the change of each pair [e, k], for one trial.

``met`` [e, k] are the places of the inputs, ``g`` [e, d, d] the elements, the rest [e, k, ...].
"""


def decision_of(task: Task, symmetry: Symmetry, test: Data, values: Tensor) -> Decision | None:
    """Return how the decision of one trial changes; None for a regression, which decides nothing.

    For classes the change is 1 if the most probable class of gx is not that of x, moved by g. For a
    task of loss ``own`` it is the distance of the headline error of one moved example from that of
    the example; the mean over the examples would not change where their law is invariant.

    Args:
        task: states the loss and the headline error.
        symmetry: moves the outputs and the targets of the task.
        test: the inputs and targets.
        values: f(x) of one trial, [n, *output_shape].
    """
    if task.loss == "cross-entropy":
        return _other_class
    if task.loss != "own":
        return None
    before = _headlines(task, values, test)

    def change(met: Tensor, g: Tensor, moved: Tensor, actual: Tensor, _: Tensor) -> Tensor:
        y = acted(symmetry.output, g, test.y[met])
        after = _headlines(task, actual.flatten(0, 1), Data(moved.flatten(0, 1), y.flatten(0, 1)))
        return (after.view(met.shape) - before[met]).abs()

    return change


def _other_class(_met: Tensor, _g: Tensor, _x: Tensor, actual: Tensor, expected: Tensor) -> Tensor:
    return (actual.argmax(-1) != expected.argmax(-1)).double()


def _headlines(task: Task, prediction: Tensor, test: Data) -> Tensor:
    """Return the headline error of every example by itself, [n]."""
    each = zip(prediction.split(1), test.x.split(1), test.y.split(1), strict=True)
    return torch.tensor([task.headline_error(f, Data(x, y)) for f, x, y in each]).double()
