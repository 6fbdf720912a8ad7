"""The regression tasks of Finzi et al. (2021) and Villar et al. (2021), and a noisy variant."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor
from torch.nn import functional

from symbench import Data, Published, Split, Symmetry, Task
from symbench.groups import Lorentz, O, Scalar, V
from symbench_vectors import published

REFERENCE = (
    "Finzi, Welling, Wilson 2021, section 7 (arXiv:2104.09459); "
    "Villar et al. 2021, section 7 (arXiv:2106.06610)"
)


def gaussian(n: int, size: int, generator: torch.Generator) -> Tensor:
    """Draw standard normal numbers [n, size] in float64."""
    return torch.randn(n, size, generator=generator, dtype=torch.float64)


# The published networks are chosen on a validation set of their own, larger than a small n_train.
AS_PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "full": {"separate_validation": "as in Finzi et al. 2021, on 1,000 further examples"}
}


class VectorTask(Task):
    """Regression of an exact target on flat vectors from a given distribution."""

    version = "1"
    reference = REFERENCE
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (30, 100),
        "quick": (),
        "standard": (100, 300),
        "full": (30, 100, 300, 1000, 3000, 10000, 30000),
    }

    @property
    @abstractmethod
    def symmetry(self) -> Symmetry:
        """The symmetry of the target."""

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

    def paper_error(self, prediction: Tensor, y: Tensor) -> float:
        """Return the mean squared error in original units, over examples and coordinates."""
        return float((prediction - y).double().square().mean())


class O5Invariant(VectorTask):
    """y = sin‖x₁‖ - ½‖x₂‖³ + cos∠(x₁, x₂) for x₁, x₂ ~ N(0, 1) in R⁵; E y = -5.70, var y = 38.4.

    The cubic term has 99 % of the variance. A threshold of 0.002 is a mean squared error of 0.077.
    The published O(5) models reach it between 30 and 200 samples, the perceptron between 1,000 and
    3,000. A model that misses the two small terms (0.9 % of the variance) never reaches it.
    """

    name = "o5-invariant"
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {**VectorTask.sizes, "quick": (30, 100)}
    summary = "invariant function of two 5-vectors"
    threshold = 0.002
    input_shape, output_shape = (10,), (1,)
    published: ClassVar[tuple[Published, ...]] = published.O5
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = AS_PUBLISHED

    @property
    def symmetry(self) -> Symmetry:
        """O(5): 2 V -> Scalar."""
        group = O(5)
        return Symmetry(group, (2 * V)(group), Scalar(group))

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw standard normal pairs [n, 10]."""
        return gaussian(n, 10, generator)

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 1]; differentiable where neither vector is zero."""
        first, second = x.split(5, dim=-1)
        norm, other = (v.norm(dim=-1, keepdim=True) for v in (first, second))
        cosine = (first * second).sum(-1, keepdim=True) / (norm * other)
        y: Tensor = norm.sin() - other**3 / 2 + cosine
        return y


@final
class O5Noisy(O5Invariant):
    """``o5-invariant`` with Gaussian noise on the labels of the train and valid splits.

    The noise has standard deviation 3.1, half that of the target. The test labels are exact, so
    ``error`` measures the distance from the true function and can reach 0. The threshold is a fifth
    of the noise variance, which is 0.25 of the target variance. A model can reach it only by
    averaging the noise out, not by fitting it.
    """

    name = "o5-noisy"
    sizes = VectorTask.sizes
    summary = "o5-invariant with noise on the training labels"
    threshold = 0.05
    published = ()
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    noise = 3.1

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n examples, with noise except in the test split."""
        exact = super().sample(n, seed, split, torch.float64)
        if split == "test":
            return exact.to(dtype)
        noise = self.noise * gaussian(n, 1, self.generator(seed, split, "noise"))
        return Data(exact.x, exact.y + noise).to(dtype)


class O3Inertia(VectorTask):
    """Moment of inertia Σ mᵢ(|rᵢ|² 1 - rᵢrᵢᵀ) of five masses softplus(N(0,1)) at rᵢ ~ N(0, 1₃).

    The tensor is also invariant under permutations of the bodies. The mean variance of its nine
    entries is 11.1, so a threshold of 0.02 is a mean squared error of 0.22. The published Scalars
    reach it near 50 samples, EMLP near 500, the perceptron between 3,000 and 10,000.
    """

    name = "o3-inertia"
    summary = "moment of inertia of five point masses"
    threshold = 0.02
    input_shape, output_shape = (20,), (9,)
    further_symmetries = (
        "GL(3) on the positions: it acts linearly on Σ m r rᵀ, of which the tensor is a linear map",
        "for each body, r by s and m by s⁻²",
    )
    published: ClassVar[tuple[Published, ...]] = published.INERTIA
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = AS_PUBLISHED

    @property
    def symmetry(self) -> Symmetry:
        """O(3): 5 Scalar + 5 V -> V ⊗ V (row-major), invariant under permutations of the bodies."""
        group = O(3)
        return Symmetry(group, (5 * Scalar + 5 * V)(group), (V * V)(group), bodies=5)

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw masses, then positions, [n, 20]."""
        drawn = gaussian(n, 20, generator)
        return torch.cat([functional.softplus(drawn[:, :5]), drawn[:, 5:]], 1)

    def target(self, x: Tensor) -> Tensor:
        """Return the inertia tensor [..., 9]."""
        m, r = x[..., :5], x[..., 5:].unflatten(-1, (5, 3))
        one = torch.eye(3, dtype=x.dtype, device=x.device)
        trace = (m * r.square().sum(-1)).sum(-1)[..., None, None]
        inertia: Tensor = trace * one - (m.unsqueeze(-1) * r).mT @ r
        return inertia.flatten(-2)


class LorentzScattering(VectorTask):
    """Electron-muon-like matrix element 4 L_e^μν L_μ,μν of four momenta, entries ~ N(0, 1/16).

    The momenta are off the mass shell, as published. With a = p₁·p₃ - p₁·p₁ and
    b = p₂·p₄ - p₂·p₂ the contraction is y = 4[(p₁·p₂)(p₃·p₄) - b p₁·p₃ - a p₂·p₄ + 4ab]. As
    var y = 0.73, a threshold of 0.02 is a mean squared error of 0.0145. The published EMLP reaches
    it near 100 samples, Scalars near 700, the perceptron between 10,000 and 30,000.
    """

    name = "lorentz-scattering"
    updates: ClassVar[Mapping[str, int]] = {"standard": 4000}
    summary = "scattering of four four-momenta"
    threshold = 0.02
    input_shape, output_shape = (16,), (1,)
    further_symmetries = (
        "scaling of (p₁, p₃) by s, which multiplies y by s²",
        "scaling of (p₂, p₄) by s, which multiplies y by s²",
    )
    published: ClassVar[tuple[Published, ...]] = published.LORENTZ
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = AS_PUBLISHED

    @property
    def symmetry(self) -> Symmetry:
        """O(1,3) with the metric diag(1, -1, -1, -1): 4 V -> Scalar."""
        group = Lorentz()
        return Symmetry(group, (4 * V)(group), Scalar(group))

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw four momenta (E, p) per example, [n, 16]."""
        return gaussian(n, 16, generator) / 4

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 1]."""
        p = x.unflatten(-1, (4, 4))
        metric = torch.tensor([1.0, -1.0, -1.0, -1.0], dtype=x.dtype, device=x.device)
        dot = (p * metric) @ p.mT
        p13, p24 = dot[..., 0, 2], dot[..., 1, 3]
        a, b = p13 - dot[..., 0, 0], p24 - dot[..., 1, 1]
        y: Tensor = dot[..., 0, 1] * dot[..., 2, 3] - b * p13 - a * p24 + 4 * a * b
        return 4 * y.unsqueeze(-1)
