"""Two tasks whose group is smaller than the one that a model may be told: being told costs.

The inputs are two standard normal 3-vectors, a law that all of O(3) preserves. The best
O(3)-equivariant prediction is therefore the target's average over the group,
x -> E_g g⁻¹ y(gx), and no model told O(3) has an ``error`` below ``floor``, with any amount of
data. Both floors have a closed form: under the weight exp(-(|x₁|² + |x₂|²)/8), squared, the
vectors are normal of variance s = 2/3 (times a constant that cancels), and the terms of the
targets are uncorrelated.
"""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from symbench import Symmetry
from symbench.groups import SO, O, Trivial, V
from symbench_vectors.tasks import VectorTask, gaussian


class _Pair(VectorTask):
    """A vector y(x₁, x₂) of two standard normal 3-vectors, damped at large distance."""

    reference = ""
    input_shape, output_shape = (6,), (3,)
    floor: ClassVar[float]

    @property
    def ambient(self) -> O:
        """O(3), which is too much."""
        return O(3)

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw standard normal pairs [n, 6]."""
        return gaussian(n, 6, generator)

    def damping(self, x: Tensor) -> Tensor:
        """Return exp(-|x|²/8), [..., 1]."""
        return (-x.square().sum(-1, keepdim=True) / 8).exp()


@final
class SO3Cross(_Pair):
    """y = exp(-(|x₁|² + |x₂|²)/8) (½(x₁ - x₂) + x₁ × x₂): two polar vectors make an axial one.

    A mirror turns the two terms against each other, so that models told O(3) can learn the first
    alone. The terms have second moments 3s/2 and 6s²: the floor is 4s/(1 + 4s) = 8/11.
    The threshold asks for 95 % of the variance; a mirror-symmetric model stops at 27 %.
    """

    name = "so3-cross"
    summary = "a cross product: SO(3)-equivariant, out of reach of O(3)"
    threshold = 0.05
    floor = 8 / 11

    @property
    def symmetry(self) -> Symmetry:
        """SO(3): 2 V -> V."""
        group = SO(3)
        return Symmetry(group, (2 * V)(group), V(group))

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 3]."""
        first, second = x.split(3, dim=-1)
        cross = torch.linalg.cross(first, second, dim=-1)
        return self.damping(x) * ((first - second) / 2 + cross)


@final
class SO2Anisotropic(_Pair):
    """y = exp(-(|x₁|² + |x₂|²)/8) (x₂ + ẑ × x₁ + z₁ x₂): a force in a chiral medium with an axis.

    Only rotations about z are symmetries: ẑ × x₁ forbids mirrors that contain the axis, z₁ x₂
    the one across it. Averaged over O(3), or over SO(3), both terms vanish and x₂ alone remains.
    The terms have second moments 3s, 2s and 3s²: the floor is (2 + 3s)/(5 + 3s) = 4/7.
    """

    name = "so2-3-anisotropic"
    summary = "a force in a medium with an axis: SO(2), out of reach of O(3)"
    threshold = 0.05
    floor = 4 / 7

    @property
    def symmetry(self) -> Symmetry:
        """SO(2) × Trivial(1), rotations about the third axis: 2 V -> V."""
        group = SO(2) * Trivial(1)
        return Symmetry(group, (2 * V)(group), V(group))

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 3]."""
        first, second = x.split(3, dim=-1)
        turned = torch.stack([-first[..., 1], first[..., 0], torch.zeros_like(first[..., 0])], -1)
        return self.damping(x) * (second + turned + first[..., 2:] * second)
