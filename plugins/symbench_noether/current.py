"""Symmetries of a field theory, from the divergence of its Noether currents on one solution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, cast, final, runtime_checkable

import torch
from torch import Tensor

from symbench import Data, Metric, Model, Scores, Split, Task, Trained
from symbench.metrics.network import double_network
from symbench_noether.fields import uniform
from symbench_noether.generators import Spectrum, spectrum

Solution = Callable[[Tensor], Tensor]
Density = Callable[[Tensor, Tensor], Tensor]

_REFERENCE = "Dehmamy et al. 2021 (L-conv, arXiv:2109.07103), appendix A.5"


@dataclass(frozen=True)
class Quadratic:
    """The density ℒ = ½ ∂φ·K ∂φ + ½ m² φ², K = diag(stiffness): on shell, ∇·K∇φ = m² φ."""

    stiffness: tuple[float, ...]
    mass: float

    def __call__(self, value: Tensor, slope: Tensor) -> Tensor:
        """Return ℒ [n] of φ [n] and ∂φ [n, d]."""
        stiffness = torch.tensor(self.stiffness, dtype=slope.dtype, device=slope.device)
        kinetic = (stiffness * slope.square()).sum(-1)
        return (kinetic + self.mass**2 * value.square()) / 2

    def generators(self) -> Tensor:
        """Return the affine symmetries (W | b) of the plane [k, 2, 3] that conserve currents.

        They are two translations, the rotation in the metric K⁻¹ (W ∝ K^½ J K^-½), and for m = 0
        the dilation.
        """
        a, b = (value**0.5 for value in self.stiffness)
        zero = torch.zeros(2, 3, dtype=torch.float64)
        found = [zero.clone() for _ in range(4)]
        found[0][0, 2] = found[1][1, 2] = 1
        found[2][0, 1], found[2][1, 0] = -a / b, b / a
        found[3][0, 0] = found[3][1, 1] = 1
        return torch.stack([g / g.norm() for g in found[: 3 if self.mass else 4]])


@dataclass(frozen=True)
class Waves:
    """φ = Σ a_i e^{k_i·y} cos(q_i·y + δ_i) with y = K^-½ x, |k|² - |q|² = m² and k·q = 0.

    They are on shell for the density ``Quadratic`` of that stiffness and mass only.

    Attributes:
        density: K and m.
        angles: the directions of the k_i.
        frequencies: |q_i|.
        phases: the δ_i.
        amplitudes: the a_i.
    """

    density: Quadratic
    angles: tuple[float, ...]
    frequencies: tuple[float, ...]
    phases: tuple[float, ...]
    amplitudes: tuple[float, ...]

    def __call__(self, x: Tensor) -> Tensor:
        """Return φ [...] at x [..., 2]."""

        def row(values: tuple[float, ...]) -> Tensor:
            return torch.tensor(values, dtype=x.dtype, device=x.device)

        y = x / row(self.density.stiffness).sqrt()
        angle, q = row(self.angles), row(self.frequencies)
        c, s = angle.cos(), angle.sin()
        along = y[..., :1] * c + y[..., 1:] * s
        across = y[..., 1:] * c - y[..., :1] * s
        growth = (self.density.mass**2 + q.square()).sqrt()
        waves = (growth * along).exp() * (q * across + row(self.phases)).cos()
        return (row(self.amplitudes) * waves).sum(-1)


def energy_momentum(field: Solution, density: Density, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return T^{αβ} = ∂ℒ/∂(∂_αφ) ∂_βφ - δ^{αβ} ℒ [n, d, d] and ∂_α T^{αβ} [n, d] at x [n, d].

    Args:
        field: φ, [n, d] -> [n], twice differentiable; treats rows independently.
        density: ℒ, of φ [n] and ∂φ [n, d].
        x: points.
    """
    d = x.shape[1]
    with torch.enable_grad():
        live = x.detach().requires_grad_()
        value = field(live) + 0 * live.sum(1)  # makes a constant field a function of x, too
        slope = torch.autograd.grad(value.sum(), live, create_graph=True)[0]
        momentum = torch.func.grad(lambda g: density(value, g).sum())(slope)
        lagrangian = density(value, slope)[:, None, None]
        T = momentum[:, :, None] * slope[:, None] - lagrangian * torch.eye(d).to(x)
        divergence = [
            sum(
                torch.autograd.grad(
                    T[:, a, b].sum(), live, retain_graph=True, materialize_grads=True
                )[0][:, a]
                for a in range(d)
            )
            for b in range(d)
        ]
    return T.detach(), torch.stack([cast(Tensor, part) for part in divergence], 1).detach()


def current_rows(field: Solution, density: Density, x: Tensor) -> Tensor:
    """Return the divergences of the currents of the elementary affine generators [n, d, d + 1].

    The current of x -> x + ε(Wx + b) is J^α = T^{αβ} (Wx + b)_β. Its divergence is ⟨row, (W | b)⟩,
    where the row has ((∂_αT^{αβ}) x_γ + T^{γβ} | ∂_αT^{αβ}) at position (β, γ).
    """
    T, divergence = energy_momentum(field, density, x)
    linear = divergence[:, :, None] * x[:, None] + T.mT
    return torch.cat([linear, divergence[:, :, None]], 2)


def conserved_currents(field: Solution, density: Density, x: Tensor) -> Spectrum | None:
    """Find the affine generators whose Noether currents diverge least, at points x [n, d].

    They minimise E|∂·J|² over ‖(W | b)‖ = 1, so they are the eigenvectors of the Gram matrix of
    ``current_rows``. A field that is not on shell conserves no current. The result is None if the
    field has no finite derivatives, or if no current diverges.
    """
    rows = current_rows(field, density, x)
    return spectrum(rows) if bool(rows.isfinite().all()) and bool(rows.any()) else None


@runtime_checkable
class FieldTheory(Protocol):
    """A task whose target is a field with a known Lagrangian density."""

    density: Quadratic

    def generators(self) -> Tensor:
        """Return the generators (W | b) [k, d, d + 1] whose currents the field conserves."""


class NoetherCurrent(Task):
    """A field φ on the square [-1, 1]², ∂²φ/∂x² + 4 ∂²φ/∂y² = φ, from its exact values.

    φ itself has no symmetry, but its equation has: translations, and the rotation in the metric of
    K = diag(1, 4), whose generator has entries 1 : -4. By Noether's theorem, the currents of these
    generators have no divergence on φ. Those of all other affine generators have one. φ is a sum of
    four waves, chosen so that the least of the other divergences is well separated from 0.
    """

    name = "noether-current"
    version = "1"
    summary = "massive field in the plane: its equation has symmetries, the field has none"
    reference = _REFERENCE
    threshold = 0.001
    input_shape, output_shape = (2,), (1,)
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (100, 300),
        "quick": (1000,),
        "full": (100, 300, 1000, 10_000),
    }
    # the metric needs second derivatives, which are still at chance after 350 updates
    updates: ClassVar[Mapping[str, int]] = {"quick": 2000, "standard": 4000}
    density: ClassVar[Quadratic] = Quadratic((1.0, 4.0), 1.0)

    @property
    def symmetry(self) -> None:
        """None: only the equation has symmetries, the field has none."""
        return

    def target(self, x: Tensor) -> Tensor:
        """Return φ [..., 1]."""
        waves = Waves(
            self.density, angles=(4.3, 4.8, 3.2, 2.0), frequencies=(1.9, 1.9, 0.3, 1.0),
            phases=(0.5, 0.5, 5.5, 5.3), amplitudes=(0.5, 0.3, 0.4, 1.0),
        )  # fmt: skip
        return waves(x)[..., None]

    def generators(self) -> Tensor:
        """Return two translations and the rotation in the metric of K, [3, 2, 3]."""
        return self.density.generators()

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n points uniform in the square, with the field's values."""
        x = uniform(n, 2, (-1.0, 1.0), self.generator(seed, split)).float().double()
        return Data(x, self.target(x)).to(dtype)


@final
class OffShell(NoetherCurrent):
    """The control: a field that does not solve the equation, so that no current is conserved."""

    name = "noether-current-control"
    summary = "control: field that does not solve the equation and conserves no currents"

    def target(self, x: Tensor) -> Tensor:
        """Return sin(3x + y) + cos(2xy), [..., 1]."""
        a, b = x[..., :1], x[..., 1:]
        return (3 * a + b).sin() + (2 * a * b).cos()

    def generators(self) -> Tensor:
        """Return no generators, [0, 2, 3]."""
        return super().generators()[:0]


class CurrentGenerators(Metric):
    """Cosine between the generators whose currents the learned field conserves and the true ones.

    The score is the root mean square principal cosine between the k* least eigenvectors of the Gram
    matrix of the divergences, at the test points, and the k* true generators. The annotations are
    those of ``drift_generators``. The density is known. The field is learned, and its second
    derivatives matter: a field with an error of 1 part in 10⁴ of its variance scores 0.81, and one
    with 3 in 10⁵ scores 0.98.
    """

    name, version, direction = "noether_current", "1", "higher"
    summary = "cosine between the generators of divergence-free currents and the true ones"
    reference = _REFERENCE

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task declares the density of its field."""
        return isinstance(task, FieldTheory)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the cosine with its annotations; nothing if the field has no derivatives."""
        theory, network = cast(FieldTheory, task), double_network(trained)
        x, truth = trained.test.x.cpu().to(network.dtype), theory.generators()
        found = conserved_currents(lambda x: network.module(x)[:, 0], theory.density, x)
        return {} if found is None else found.scores(self.name, truth)
