"""A dial: an O(5)-invariant function in which a share ε of one coordinate breaks the symmetry."""
# ruff: noqa: D101 - the tasks have the docstring of their family

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from symbench import Symmetry
from symbench.contract.values import Discovery
from symbench.groups import Group, O, Scalar, Trivial, V
from symbench_symmetry.pairs import PairTask, gaussian, invariant

_MEAN, _VARIANCE = -5.70475676698, 38.3589963264  # of f for x ~ N(0, 1)
_FULL_ONLY: Mapping[str, tuple[int, ...]] = {
    "smoke": (30, 100),
    "quick": (),
    "standard": (300,),
    "full": (100, 300, 1000, 3000, 10000),
}
_EVERY_TIER: Mapping[str, tuple[int, ...]] = {**_FULL_ONLY, "quick": (300,)}
_ALL_BUT_ONE = ("every linear map of the inputs that keeps the first coordinate",)


class BrokenO5(PairTask):
    """y = √(1 - ε²) f̂ + ε h for x₁, x₂ ~ N(0, 1) in R⁵, with f̂ invariant under O(5) and h not.

    f̂ is f = sin‖x₁‖ - ½‖x₂‖³ + cos∠(x₁, x₂), less its mean and divided by its deviation. h is the
    first coordinate x₁₁ of x₁. The symmetry is O(4), which fixes the first axis: 6 generators. At
    ε = 0, the control of the dial, it is O(5) with 10. Models of prior ``told`` are given O(5) at
    every ε.

    The element -1 of O(5) changes the sign of h. So h is orthogonal to all invariant functions,
    var y = 1, and the best O(5)-invariant prediction is √(1 - ε²) f̂: ``floor`` is ε². The exact
    target's equivariance error under O(5) is ε.

    The threshold of 0.002 is that of ``o5-invariant``, where perceptrons reach it between 1,000 and
    3,000 samples. No O(5)-invariant model can reach it from ε = 0.05 on.
    """

    reference = "after Finzi, Welling, Wilson 2021, section 7 (arXiv:2104.09459)"
    threshold = 0.002
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = _FULL_ONLY
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    discovery: ClassVar[Discovery | None] = "broken"
    input_shape = (10,)
    epsilon: ClassVar[float]

    @property
    def symmetry(self) -> Symmetry:
        """O(4) on the last four coordinates, or O(5) at ε = 0: 2 V -> Scalar."""
        return _of_two_vectors(Trivial(1) * O(4) if self.epsilon else O(5))

    @property
    def told(self) -> Symmetry:
        """O(5): 2 V -> Scalar, which is true at ε = 0 only."""
        return _of_two_vectors(O(5))

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw standard normal pairs [n, 10]."""
        return gaussian(n, 10, generator)

    def broken(self, first: Tensor) -> Tensor:
        """Return h [..., 1] at the first coordinate of x₁ [..., 1]."""
        return first

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 1]; differentiable where neither vector is zero."""
        kept = (invariant(x) - _MEAN) / math.sqrt(_VARIANCE)
        return math.sqrt(1 - self.epsilon**2) * kept + self.epsilon * self.broken(x[..., :1])


class CubicO5(BrokenO5):
    """y = √(1 - ε²) f̂ + ε h, as in ``broken-o5-ε``, with h = (x₁₁³ - 3 x₁₁)/√6.

    h is the third Hermite polynomial of the first coordinate of x₁, of variance 1. It is odd, hence
    orthogonal to all O(5)-invariant functions, and it is orthogonal to all linear functions: a
    linear term beside an invariant network does not learn it. The symmetry is O(4), models of prior
    ``told`` are given O(5), and ``floor`` is ε². Control and threshold are those of
    ``broken-o5-ε``.
    """

    def broken(self, first: Tensor) -> Tensor:
        """Return (x³ - 3 x)/√6 at the first coordinate x of x₁ [..., 1]."""
        return (first**3 - 3 * first) / math.sqrt(6)


def _of_two_vectors(group: Group) -> Symmetry:
    return Symmetry(group, (2 * V)(group), Scalar(group))


class Unbroken(BrokenO5):
    name, summary = "broken-o5-0", "the dial at ε = 0: O(5)-invariant function of two 5-vectors"
    discovery = "continuous"
    epsilon, floor = 0.0, 0.0


class Linear002(BrokenO5):
    name, summary = "broken-o5-0.02", "O(5) broken by 0.02 of one coordinate, floor 0.0004"
    epsilon, floor = 0.02, 0.0004


class Linear005(BrokenO5):
    name, summary = "broken-o5-0.05", "O(5) broken by 0.05 of one coordinate, floor 0.0025"
    epsilon, floor = 0.05, 0.0025


class Linear01(BrokenO5):
    name, summary = "broken-o5-0.1", "O(5) broken by 0.1 of one coordinate, floor 0.01"
    epsilon, floor = 0.1, 0.01


class Linear02(BrokenO5):
    name, summary = "broken-o5-0.2", "O(5) broken by 0.2 of one coordinate, floor 0.04"
    epsilon, floor = 0.2, 0.04


class Linear03(BrokenO5):
    name, summary = "broken-o5-0.3", "O(5) broken by 0.3 of one coordinate, floor 0.09"
    epsilon, floor = 0.3, 0.09
    sizes = _EVERY_TIER


class Linear05(BrokenO5):
    name, summary = "broken-o5-0.5", "O(5) broken by 0.5 of one coordinate, floor 0.25"
    epsilon, floor = 0.5, 0.25


class Linear1(BrokenO5):
    name, summary = "broken-o5-1", "one coordinate of two 5-vectors, floor 1 for O(5)"
    epsilon, floor = 1.0, 1.0
    further_symmetries = _ALL_BUT_ONE


class Cubic002(CubicO5):
    name, summary = "broken-o5-cubic-0.02", "O(5) broken by 0.02 of a cubic term, floor 0.0004"
    epsilon, floor = 0.02, 0.0004


class Cubic005(CubicO5):
    name, summary = "broken-o5-cubic-0.05", "O(5) broken by 0.05 of a cubic term, floor 0.0025"
    epsilon, floor = 0.05, 0.0025


class Cubic01(CubicO5):
    name, summary = "broken-o5-cubic-0.1", "O(5) broken by 0.1 of a cubic term, floor 0.01"
    epsilon, floor = 0.1, 0.01


class Cubic02(CubicO5):
    name, summary = "broken-o5-cubic-0.2", "O(5) broken by 0.2 of a cubic term, floor 0.04"
    epsilon, floor = 0.2, 0.04


class Cubic03(CubicO5):
    name, summary = "broken-o5-cubic-0.3", "O(5) broken by 0.3 of a cubic term, floor 0.09"
    epsilon, floor = 0.3, 0.09


class Cubic05(CubicO5):
    name, summary = "broken-o5-cubic-0.5", "O(5) broken by 0.5 of a cubic term, floor 0.25"
    epsilon, floor = 0.5, 0.25


class Cubic1(CubicO5):
    name, summary = "broken-o5-cubic-1", "a cubic of one coordinate, floor 1 for O(5)"
    epsilon, floor = 1.0, 1.0
    further_symmetries = _ALL_BUT_ONE
