"""Two symmetries of the labels by two laws of the inputs."""
# ruff: noqa: D101 - the tasks have the docstring of their family

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from symbench import Symmetry
from symbench.groups import SO, Group, O, Scalar, Trivial, V
from symbench_symmetry.pairs import PairTask, gaussian, invariant

_SIZES: Mapping[str, tuple[int, ...]] = {
    "smoke": (30, 100),
    "quick": (),
    "standard": (300,),
    "full": (100, 300, 1000, 3000, 10000),
}
_ROUND, _FLAT = (1.0, 1.0, 1.0), (1.0, 1.0, 0.1)  # variances of the coordinates


class LabelsO3(PairTask):
    """y = sin‖x₁‖ - ½‖x₂‖³ + cos∠(x₁, x₂) of two vectors in R³, invariant under O(3).

    The inputs are normal with the variances ``variances`` of their coordinates. The truth is the
    symmetry of the labels, whatever the law of the inputs: 3 generators. A method that reads the
    inputs finds O(3) for (1, 1, 1) and the rotations about the third axis for (1, 1, 0.1), whose
    law only they preserve. Each of the four tasks ``law-*`` is a control for the other three.

    With inputs that have an axis, ``scalars`` reach the threshold of 0.02 below 100 samples,
    ``e3nn`` and ``emlp`` between 100 and 1,000, and the perceptron above 1,000 (350 updates).
    """

    reference = "after Finzi, Welling, Wilson 2021, section 7 (arXiv:2104.09459)"
    threshold = 0.02
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = _SIZES
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    input_shape = (6,)
    variances: ClassVar[tuple[float, float, float]]

    @property
    def group(self) -> Group:
        """The group that leaves the labels unchanged."""
        return O(3)

    @property
    def symmetry(self) -> Symmetry:
        """The group of the labels: 2 V -> Scalar."""
        return Symmetry(self.group, (2 * V)(self.group), Scalar(self.group))

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw normal pairs [n, 6] with the variances of the law."""
        deviations = torch.tensor(self.variances * 2, dtype=torch.float64).sqrt()
        drawn: Tensor = gaussian(n, 6, generator) * deviations
        return drawn

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 1]; differentiable where neither vector is zero."""
        return invariant(x)


class LabelsSO2(LabelsO3):
    """y = sin‖x₁‖ - ½‖x₂‖³ + cos∠(x₁, x₂) + 3 z₁ + 2 ẑ·(x₁ × x₂) of two vectors in R³.

    The last two terms are those of a field along ẑ. z₁ breaks the mirror perpendicular to the axis,
    and ẑ·(x₁ × x₂) breaks the mirrors that contain it. Only the rotations about the third axis
    remain, SO(2): 1 generator. The inputs are normal with the variances ``variances`` of their
    coordinates. The truth is the symmetry of the labels, whatever the law of the inputs. A method
    that reads the inputs finds O(3) for (1, 1, 1), which is wrong here. Each of the four tasks
    ``law-*`` is a control for the other three.

    With isotropic inputs, ``emlp`` and the perceptron reach the threshold of 0.02 between 100 and
    1,000 samples (350 updates).
    """

    @property
    def group(self) -> Group:
        """The rotations about the third axis."""
        return SO(2) * Trivial(1)

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 1]; differentiable where neither vector is zero."""
        a, b = x.split(3, dim=-1)
        cross = a[..., :1] * b[..., 1:2] - a[..., 1:2] * b[..., :1]
        y: Tensor = invariant(x) + 3 * a[..., 2:] + 2 * cross
        return y


class O3Isotropic(LabelsO3):
    name, summary = "law-o3-isotropic", "O(3)-invariant labels, inputs isotropic"
    variances = _ROUND


class O3Anisotropic(LabelsO3):
    name, summary = "law-o3-anisotropic", "O(3)-invariant labels, inputs with an axis"
    variances = _FLAT
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"threshold": 0.03}}


class SO2Isotropic(LabelsSO2):
    name, summary = "law-so2-isotropic", "labels with an axis, inputs isotropic"
    variances = _ROUND


class SO2Anisotropic(LabelsSO2):
    name, summary = "law-so2-anisotropic", "labels with an axis, inputs with the same axis"
    variances = _FLAT
