"""How the elements of a linear group move examples and their targets."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from symbench import Data, Problem
from symbench_discovery.elements import Elements
from symbench_discovery.shapes import is_classification, is_grid, is_map, is_pair, pixels

Move = Callable[[Elements, Data], Data]


def movement(problem: Problem) -> tuple[int, Move] | None:
    """Return d and the action of n elements on n examples, or None if there is no known action.

    On vectors the elements act by the problem's candidate representations of inputs and outputs.
    On images g acts on the pixels of every channel. A target that is an image is transformed too;
    a number or a class is unchanged.
    """
    if problem.kind == "vectors":
        return _by_candidate(problem)
    if not is_grid(problem):
        return None
    if is_map(problem):
        return pixels(problem), lambda g, data: Data(_pixels(g, data.x), _pixels(g, data.y))
    if is_pair(problem) or is_classification(problem):
        return pixels(problem), lambda g, data: Data(_pixels(g, data.x), data.y)
    return None


def _by_candidate(problem: Problem) -> tuple[int, Move] | None:
    law = problem.candidate
    if law is None or problem.loss != "mse":
        return None

    def move(elements: Elements, data: Data) -> Data:
        g = elements.matrices()
        return Data(law.input.act(g, data.x), law.output.act(g, data.y))

    return law.group.dim, move


def _pixels(g: Elements, x: Tensor) -> Tensor:
    return g.act(x.flatten(2)).view_as(x)
