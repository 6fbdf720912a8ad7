"""Which problems are pairs of images, maps of images, or image classification."""

from __future__ import annotations

from symbench import Problem


def is_grid(problem: Problem) -> bool:
    """Whether the inputs are images [channels, height, width]."""
    return problem.kind == "image" and len(problem.input_shape) == 3


def is_pair(problem: Problem) -> bool:
    """Whether the target is an angle or shift between two images [2, height, width]."""
    pair = is_grid(problem) and problem.input_shape[0] == 2 and problem.output_shape == (1,)
    return pair and problem.loss == "mse"


def is_map(problem: Problem) -> bool:
    """Whether the target of an image [1, height, width] is an image of the same shape."""
    same = is_grid(problem) and problem.output_shape == problem.input_shape
    return same and problem.input_shape[0] == 1 and problem.loss == "mse"


def is_classification(problem: Problem) -> bool:
    """Whether the target is the class of an image."""
    return is_grid(problem) and problem.loss == "cross-entropy"


def pixels(problem: Problem) -> int:
    """Return the number of pixels of one image."""
    return problem.input_shape[-1] * problem.input_shape[-2]
