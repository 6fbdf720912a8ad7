"""Laws of many bodies in closed form: electromagnetic forces, and energy under gravity."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor
from torch.nn import functional

from symbench import Data, Split, Symmetry, Task
from symbench.groups import O, Scalar, V
from symbench_dynamics.charged import BODIES, read, write
from symbench_dynamics.mechanics import gaussian

CLOSEST = 0.5


def scattered(n: int, generator: torch.Generator) -> Tensor:
    """Draw positions N(0, 1) [n, 5, 3], on condition that no two are closer than 0.5.

    One draw in ten is rejected. Without the condition, the mean squares of inverse-square forces
    and the mean fourth powers of potentials are infinite.
    """
    kept: list[Tensor] = []
    while sum(map(len, kept)) < n:
        drawn = gaussian(n + 8, 3 * BODIES, generator).view(-1, BODIES, 3)
        apart = torch.cdist(drawn, drawn, compute_mode="donot_use_mm_for_euclid_dist")
        apart = apart + 2 * CLOSEST * torch.eye(BODIES)
        kept.append(drawn[(apart >= CLOSEST).all(-1).all(-1)])
    return torch.cat(kept)[:n]


def _apart(positions: Tensor) -> tuple[Tensor, Tensor]:
    """Return xᵢ - xⱼ [..., 5, 5, 3] and 1/|xᵢ - xⱼ| [..., 5, 5], which is 0 for i = j."""
    apart = positions.unsqueeze(-2) - positions.unsqueeze(-3)
    one = torch.eye(BODIES, dtype=positions.dtype, device=positions.device)
    return apart, (apart.square().sum(-1) + one).rsqrt() * (1 - one)


class ManyBodies(Task):
    """A law of five bodies in space, x = (charges or masses, positions, velocities) [35].

    The declared group is O(3). The energy also declares permutations, by ``bodies``; forces are
    permuted along with the bodies. Translations of the positions change no target. They are not
    declared, because they are not a linear map of x.
    """

    _shifts = "adding one vector to all positions: a constant, or any linear function of the state"

    version = "1"
    kind = "vectors"
    threshold = 0.01
    input_shape = (7 * BODIES,)
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (30, 100),
        "quick": (),
        "standard": (1000,),
        "full": (100, 300, 1000, 3000, 10000, 30000),
    }
    updates: ClassVar[Mapping[str, int]] = {"standard": 600}
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"test_size": 1000}}

    @abstractmethod
    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw states [n, 35] in float64."""

    @abstractmethod
    def target(self, x: Tensor) -> Tensor:
        """Return the exact target [..., output_size] at x [..., 35]."""

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n examples; both dtypes get the same points, with targets computed in float64."""
        x = self.inputs(n, self.generator(seed, split)).float().double()
        return Data(x.to(dtype), self.target(x).to(dtype))


@final
class ElectromagneticForce(ManyBodies):
    """The force on each of five slow charges, by Coulomb, Biot-Savart and Lorentz.

    Fᵢ = qᵢ(Eᵢ + vᵢ × Bᵢ) with Eᵢ = Σⱼ qⱼ r/|r|³ and Bᵢ = Σⱼ qⱼ vⱼ × r/|r|³, r = xᵢ - xⱼ, in units
    in which both constants are 1. Two cross products give a true vector, so the law has all of O(3)
    as its symmetry. Charges are ±1, positions N(0, 1) at distances of 0.5 or more, and velocities
    N(0, 1/4). The magnetic part has a fifth of the mean square, so a model without it cannot reach
    an ``error`` below about 0.2.

    Source: the law named in the talk on Villar et al. 2021 (arXiv:2106.06610), in the form of
    magnetostatics, e.g. Jackson, Classical Electrodynamics, sections 1.1 and 5.2.
    """

    name = "em-force"
    summary = "electromagnetic force on each charge"
    reference = "Villar et al. 2021 (arXiv:2106.06610)"
    output_shape = (3 * BODIES,)
    further_symmetries = (
        ManyBodies._shifts,
        "scaling of the charges by s, which multiplies the forces by s²",
        "scaling of the positions by s, which divides the forces by s²",
    )

    @property
    def symmetry(self) -> Symmetry:
        """O(3): 5 Scalar + 10 V -> 5 V, permuted along with the bodies."""
        group, state = O(3), BODIES * Scalar + 2 * BODIES * V
        return Symmetry(group, state(group), (BODIES * V)(group))

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw charges, positions and velocities [n, 35]."""
        charges = 2.0 * torch.randint(2, (n, BODIES), generator=generator).double() - 1
        velocities = gaussian(n, 3 * BODIES, generator).view(n, BODIES, 3) / 2
        return write(charges, scattered(n, generator), velocities)

    def target(self, x: Tensor) -> Tensor:
        """Return the forces [..., 15] at x [..., 35]."""
        electric, magnetic = self.parts(x)
        return (electric + magnetic).flatten(-2)

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the electric and the magnetic forces [..., 5, 3] at x [..., 35]."""
        charges, positions, velocities = read(x)
        apart, inverse = _apart(positions)
        unit = charges[..., None, :, None] * apart * inverse[..., None] ** 3
        electric = unit.sum(-2)
        field = torch.linalg.cross(velocities.unsqueeze(-3).expand_as(unit), unit).sum(-2)
        magnetic = torch.linalg.cross(velocities, field)
        return charges[..., None] * electric, charges[..., None] * magnetic


@final
class GravityEnergy(ManyBodies):
    """E = Σᵢ mᵢ|vᵢ|²/2 - Σ_{i<j} mᵢmⱼ/|xᵢ - xⱼ| of five masses (G = 1).

    Masses are softplus(N(0, 1)), positions N(0, 1) at distances of 0.5 or more, and velocities
    N(0, 1). The energy is also invariant under O(3) acting only on the velocities. The exact target
    thus has a larger algebra on the space of inputs, but not on V.
    """

    name = "gravity-energy"
    summary = "mechanical energy of gravitating masses"
    reference = "Villar et al. 2021 (arXiv:2106.06610)"
    output_shape = (1,)
    further_symmetries = (
        ManyBodies._shifts,
        "rotation of the velocity of each body by itself, and of the positions without velocities",
        "scaling of the masses by s² and of the velocities by s, which multiplies y by s⁴",
        "scaling of the positions by s² and of the velocities by 1/s, which divides y by s²",
    )

    @property
    def symmetry(self) -> Symmetry:
        """O(3): 5 Scalar + 10 V -> Scalar, invariant under permuting the bodies."""
        group, state = O(3), BODIES * Scalar + 2 * BODIES * V
        return Symmetry(group, state(group), Scalar(group), bodies=BODIES)

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw masses, positions and velocities [n, 35]."""
        masses, velocities = gaussian(n, 4 * BODIES, generator).split([BODIES, 3 * BODIES], 1)
        return write(
            functional.softplus(masses),
            scattered(n, generator),
            velocities.unflatten(1, (BODIES, 3)),
        )

    def target(self, x: Tensor) -> Tensor:
        """Return the energy [..., 1] at x [..., 35]."""
        masses, positions, velocities = read(x)
        kinetic = (masses * velocities.square().sum(-1)).sum(-1) / 2
        inverse = _apart(positions)[1]
        potential = (masses[..., None] * masses[..., None, :] * inverse).sum((-1, -2)) / 2
        return (kinetic - potential).unsqueeze(-1)
