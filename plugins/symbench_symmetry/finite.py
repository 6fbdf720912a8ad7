"""Invariant functions of finite groups: a sevenfold rotation, and permutations within blocks."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Split, Symmetry, Task
from symbench.groups import C, S, Scalar, Trivial, V

FULL_ONLY: Mapping[str, tuple[int, ...]] = {
    "smoke": (100,),
    "quick": (),
    "standard": (300,),
    "full": (300, 1000, 3000, 10000),
}
EVERY_TIER: Mapping[str, tuple[int, ...]] = {**FULL_ONLY, "quick": (300,)}


class FiniteTask(Task):
    """An exact target on flat vectors. A Lie algebra method should announce no generator."""

    version = "1"
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = FULL_ONLY
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"test_size": 1000},
        "quick": {"test_size": 2000},
    }

    @abstractmethod
    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw inputs [n, input_size] in float64."""

    @abstractmethod
    def target(self, x: Tensor) -> Tensor:
        """Return the exact target [..., output_size] at x [..., input_size], in its dtype."""

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n examples; both dtypes have the same points, with targets computed in float64."""
        x = self.inputs(n, self.generator(seed, split)).float().double()
        return Data(x.to(dtype), self.target(x).to(dtype))


@final
class FiniteSevenfold(FiniteTask):
    """y = z / (1 + (atan2(y, x) mod 2π/7)) + (x² + y² + z²)/2 for normal (x, y, z) off the axis.

    The first term is that of Yang et al. It has the symmetry C(7) about the third axis and jumps at
    seven half-planes. It also keeps one generator, the scaling of x and y, and between the jumps
    nearly a second, a rotation with a scaling of z. The second term breaks both. The truth is
    therefore C(7): seven elements and no generator. (x, y, z) is standard normal under the
    condition x² + y² > 1/4, because the derivative along the angle has no second moment near the
    axis. The published law has no such condition.

    The angle carries little: var y = 2.03, and the best prediction that ignores the angle,
    c z + (x² + y² + z²)/2 with c = 7 ln(1 + 2π/7) / 2π = 0.714, has the error 0.0087. A smooth
    predictor sees SO(2) here, and one that resolves only the first harmonic of the angle D(7). The
    threshold is half of that error.
    """

    name = "finite-sevenfold"
    summary = "a function of the plane that only sevenfold rotations preserve"
    discovery = "finite"
    reference = "Yang, Walters, Dehmamy, Yu 2023 (LieGAN), discrete rotation"
    threshold = 0.004
    input_shape, output_shape = (3,), (1,)

    @property
    def symmetry(self) -> Symmetry:
        """C(7) × Trivial(1), rotations about the third axis: V -> Scalar."""
        group = C(7) * Trivial(1)
        return Symmetry(group, V(group), Scalar(group))

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw normal vectors [n, 3] with x² + y² > 1/4."""
        x = torch.randn(n, 3, generator=generator, dtype=torch.float64)
        square = x[:, :2].square().sum(1, keepdim=True)
        # x² + y² is exponential, so that the condition only adds 1/4 to it
        return torch.cat([x[:, :2] * (1 + 1 / (4 * square)).sqrt(), x[:, 2:]], 1)

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 1]."""
        first, second, third = x.unbind(-1)
        angle = torch.atan2(second, first) % (2 * math.pi / 7)
        y: Tensor = third / (1 + angle) + x.square().sum(-1) / 2
        return y.unsqueeze(-1)


@final
class FiniteBlocks(FiniteTask):
    """y = Σ xᵢ³ / 2 over i <= 3, plus Σ (xᵢ⁴ + xᵢ) / 3 over i = 4, 5, plus x₆⁵ / 5.

    The inputs are uniform in (-√3, √3), with variance 1. The truth is the partition {1, 2, 3},
    {4, 5}, {6}: y is preserved by S(3) × S(2), which has twelve elements, and by no other linear
    map. For such a map preserves each homogeneous part, therefore the space on which that part does
    not depend, and therefore the blocks; the real linear maps that preserve Σ xᵢ³ are permutations,
    those that preserve Σ xᵢ⁴ are permutations with signs, and Σ xᵢ forbids the signs.

    var y = 5.28. The threshold is 1 % of the variance.
    """

    name = "finite-blocks"
    summary = "a polynomial that only permutations within blocks of its inputs preserve"
    discovery = "finite"
    reference = "Yeh et al. 2022 (EqParam), partitions of inputs"
    threshold = 0.01
    input_shape, output_shape = (6,), (1,)

    @property
    def symmetry(self) -> Symmetry:
        """S(3) × S(2) × Trivial(1): V -> Scalar."""
        group = S(3) * S(2) * Trivial(1)
        return Symmetry(group, V(group), Scalar(group))

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw uniform vectors [n, 6] of variance 1."""
        return math.sqrt(3) * (2 * torch.rand(n, 6, generator=generator, dtype=torch.float64) - 1)

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 1]."""
        first, second, third = x.split([3, 2, 1], dim=-1)
        y: Tensor = (
            (first**3).sum(-1) / 2 + (second**4 + second).sum(-1) / 3 + third[..., 0] ** 5 / 5
        )
        return y.unsqueeze(-1)
