"""Two tasks whose group is smaller than the O(3) that some models are told, a false prior.

The inputs are standard normal 3-vectors, a distribution that all of O(3) preserves. The best
O(3)-equivariant prediction is therefore the target's average over the group, x -> E_g g⁻¹ y(gx).
No model told O(3) has an expected ``error`` below ``floor``, with any amount of data.

The terms of both targets are uncorrelated. Their second moments follow from
E[cos(x₁·x₂) | x₁] = exp(-|x₁|²/2), which makes each a polynomial in q = 2^(-5/2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from symbench import Symmetry
from symbench.groups import SO, O, Trivial, V
from symbench_vectors.tasks import VectorTask, gaussian

_Q = 2**-2.5


class ChiralTask(VectorTask):
    """A vector [3] as a function of standard normal 3-vectors that no mirror preserves.

    ``floor`` is the smallest expected ``error`` of an O(3)-equivariant model.
    """

    reference = ""
    threshold = 0.05
    output_shape = (3,)
    floor: ClassVar[float]

    @property
    def ambient(self) -> O:
        """O(3), which is larger than the symmetry group of the task."""
        return O(3)

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw standard normal vectors [n, input_size]."""
        return gaussian(n, self.input_shape[0], generator)


class SO3Cross(ChiralTask):
    """y = cos φ x₁ × x₃ + sin φ x₃ with φ = x₁·x₂/2: the sum of an axial and a polar vector.

    A mirror changes the relative sign of the two terms, so models told O(3) can only learn the
    second. The second moments are 3(1 + q) and 3(1 - 2q)/2, and the floor is 2(1 + q)/3 = 0.78.
    SO(3) networks reach the threshold before 100 samples, perceptrons between 3,000 and 10,000.
    """

    name = "so3-cross"
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"threshold": 0.1}}
    summary = "a cross product: SO(3)-equivariant but not O(3)-equivariant"
    input_shape = (9,)
    further_symmetries = (
        "scaling of x₃ and y alike",
        "x₂ + v × x₁ for any fixed v, which changes neither φ nor y",
    )
    floor = 2 * (1 + _Q) / 3

    @property
    def symmetry(self) -> Symmetry:
        """SO(3): 3 V -> V."""
        group = SO(3)
        return Symmetry(group, (3 * V)(group), V(group))

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 3]."""
        first, second, third = x.split(3, dim=-1)
        phase = (first * second).sum(-1, keepdim=True) / 2
        y: Tensor = phase.cos() * torch.linalg.cross(first, third, dim=-1) + phase.sin() * third
        return y


@final
class SO2Anisotropic(ChiralTask):
    """y = cos φ (ẑ × x₁ + z₁ x₂) + sin φ x₂ with φ = x₁·x₂/2: a force in a medium with an axis.

    Only rotations about z are symmetries: ẑ × x₁ breaks the mirrors that contain the axis, and
    z₁ x₂ the mirror perpendicular to it. Averaged over O(3) or SO(3), both terms vanish and only
    the last remains. The second moments are 1 + q, (6 + q)/4 and 3(1 - q)/2, and the floor is
    5(2 + q)/(16 - q) = 0.69. SO(2) networks reach the threshold near 300 samples, perceptrons
    between 3,000 and 10,000.
    """

    name = "so2-3-anisotropic"
    summary = "a force in a medium with an axis: SO(2)-equivariant, not O(3)-equivariant"
    input_shape = (6,)
    further_symmetries = ("SL(2) on the first two coordinates: M on x₁, and M⁻ᵀ on x₂ and on y",)
    floor = 5 * (2 + _Q) / (16 - _Q)

    @property
    def symmetry(self) -> Symmetry:
        """SO(2) × Trivial(1), rotations about the third axis: 2 V -> V."""
        group = SO(2) * Trivial(1)
        return Symmetry(group, (2 * V)(group), V(group))

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 3]."""
        first, second = x.split(3, dim=-1)
        phase = (first * second).sum(-1, keepdim=True) / 2
        turned = torch.stack([-first[..., 1], first[..., 0], torch.zeros_like(first[..., 0])], -1)
        y: Tensor = phase.cos() * (turned + first[..., 2:] * second) + phase.sin() * second
        return y
