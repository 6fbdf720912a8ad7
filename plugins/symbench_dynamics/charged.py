"""Five charges in space: EGNN's data, and a softened system with exact conservation laws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from itertools import combinations
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Published, Split, Symmetry, Task, seeded
from symbench.groups import O, Representation, Scalar, V
from symbench_dynamics.mechanics import Mechanical, brief, gaussian, grid

BODIES = 5
_EGNN = "Satorras, Hoogeboom, Welling 2021 (arXiv:2102.09844), section 5.1"
_SEGNN = (
    "Brandstetter et al. 2022 (arXiv:2110.02905); its released code centres the coordinates of "
    "each body instead of the bodies, and so is not equivariant from input to output"
)
_PAIRS = tuple(combinations(range(BODIES), 2))
_INCIDENCE = torch.tensor(
    [[float(k == i) - float(k == j) for k in range(BODIES)] for i, j in _PAIRS]
)
_STATE = BODIES * Scalar + 2 * BODIES * V
_BLOCK = 500  # systems simulated together; larger blocks do not fit the CPU cache
_STEP = 1e-3
_FORCE_LIMIT = 100.0


def read(state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return charges [..., 5], positions and velocities [..., 5, 3] of states [..., 35]."""
    rest = state[..., BODIES:].unflatten(-1, (2, BODIES, 3))
    return state[..., :BODIES], rest[..., 0, :, :], rest[..., 1, :, :]


def write(charges: Tensor, positions: Tensor, velocities: Tensor) -> Tensor:
    """Return the states [..., 35] of charges [..., 5], positions and velocities [..., 5, 3]."""
    return torch.cat([charges, positions.flatten(-2), velocities.flatten(-2)], -1)


def initial(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Draw charges ±1 [n, 5], positions N(0, 1) and velocities of norm 0.5 [n, 5, 3], float64."""
    charges = 2.0 * torch.randint(2, (n, BODIES), generator=generator).double() - 1
    positions, velocities = gaussian(n, 6 * BODIES, generator).view(n, 2, BODIES, 3).unbind(1)
    return charges, positions, velocities / (2 * velocities.norm(dim=-1, keepdim=True))


def clipped_forces(couplings: Tensor, positions: Tensor) -> Tensor:
    """Return Σⱼ qᵢqⱼ (xᵢ - xⱼ)/|xᵢ - xⱼ|³ [5, 3, n], every component clipped to ±100.

    Args:
        couplings: qᵢqⱼ of the pairs i < j, [10, n].
        positions: [5, 3, n], with systems last, the faster layout for many small systems.
    """
    incidence = _INCIDENCE.to(positions)
    apart = (incidence @ positions.flatten(1)).view(-1, *positions.shape[1:])
    square = apart.square().sum(1)
    pull = apart.mul_((couplings / (square * square.sqrt()))[:, None])
    total = (incidence.mT @ pull.flatten(1)).view(positions.shape)
    return total.clamp_(-_FORCE_LIMIT, _FORCE_LIMIT)


def simulated(
    charges: Tensor, positions: Tensor, velocities: Tensor, steps: tuple[int, ...]
) -> list[Tensor]:
    """Return the states [n, 35] after each number of ``steps`` of EGNN's simulator.

    The simulator is symplectic Euler in float64 with h = 0.001: v ← v + h F(x), x ← x + h v. A
    returned state holds the position after the step and the velocity used in that step, as the
    original saves them.
    """
    couplings = torch.stack([charges[:, i] * charges[:, j] for i, j in _PAIRS])
    x, v = (part.permute(1, 2, 0).contiguous() for part in (positions, velocities))
    frames = []
    for step in range(1, max(steps) + 1):
        v = torch.add(v, clipped_forces(couplings, x), alpha=_STEP)
        x = torch.add(x, v, alpha=_STEP)
        if step in steps:
            frames.append(write(charges, x.permute(2, 0, 1), v.permute(2, 0, 1)))
    return frames


class Charges(Task):
    """Five unit masses with charges ±1 in space; x = (charges, positions, velocities) [35].

    The declared group is O(3). The law is also equivariant under translations of the positions,
    which are not a linear map of x, and under permutations of the bodies, which permute its output
    vectors. ``Symmetry.bodies`` is not set, because it declares that permutations leave the output
    unchanged.
    """

    version = "1"
    input_shape = (7 * BODIES,)

    def _law(self, output: Representation) -> Symmetry:
        group = O(3)
        return Symmetry(group, _STATE(group), output(group))


@final
class NBodyCharged(Charges):
    """Positions after 1000 more steps of EGNN's simulator, from the state after 3100 steps.

    The masses are 1. Each component of the qᵢqⱼ/r² forces is clipped to ±100. Symplectic Euler
    integrates in steps of 0.001, from charges ±1, positions N(0, 1) and velocities of norm 0.5.
    Input and target are frames 30 and 40 of the original, which saves every hundredth state. Unlike
    in the original, training systems are drawn anew for each seed. A coordinate has variance 4.1.
    The best x + a v has a mean squared error of 0.085, which is an ``error`` of 0.02. The threshold
    is a mean squared error of 0.02 in original units.

    In one window in six, a close encounter is clipped component by component. The simulator then
    conserves neither energy nor momentum, and is not exactly O(3)-equivariant. The task therefore
    has no exact target and no conservation score; ``nbody-softened`` has both.
    """

    name = "nbody-charged"
    summary = "positions of five charges after one unit of time"
    reference = _EGNN
    kind = "vectors"
    threshold = 0.005
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (50, 150),
        "quick": (),
        "standard": (1000,),
        "full": (300, 1000, 3000),
    }
    output_shape = (3 * BODIES,)
    test_size, valid_size = 2000, 500
    updates: ClassVar[Mapping[str, int]] = {"standard": 600}
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"test_size": 500}}
    frames: ClassVar[tuple[int, int]] = (3100, 4100)
    published = (
        Published("egnn", "EGNN", _EGNN, {3000: 0.0071}),
        Published("segnn-nbody", "SEGNN", _SEGNN, {3000: 0.0043}),
    )

    @property
    def symmetry(self) -> Symmetry:
        """O(3): 5 Scalar + 10 V -> 5 V, permuted along with the bodies."""
        return self._law(BODIES * V)

    def paper_error(self, prediction: Tensor, y: Tensor) -> float:
        """Return the mean squared error over examples, bodies and coordinates."""
        return float((prediction - y).double().square().mean())

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n systems from cached blocks; a small draw is the start of a larger one."""
        blocks = [_block(seed, split, k) for k in range(math.ceil(n / _BLOCK))]
        before, after = (torch.cat(states)[:n] for states in zip(*blocks, strict=True))
        return Data(before, read(after)[1].flatten(1)).to(dtype)


@lru_cache(maxsize=128)
def _block(seed: int, split: Split, k: int) -> tuple[Tensor, Tensor]:
    """Return the states [500, 35] of the k-th block of systems at both frames, in float64."""
    generator = seeded(NBodyCharged.name, NBodyCharged.version, seed, split, "data", k)
    first, last = simulated(*initial(_BLOCK, generator), NBodyCharged.frames)
    return first, last


@final
class NBodySoftened(Charges, Mechanical):
    """Trajectories of five charges with the potential Σ qᵢqⱼ/√(|xᵢ - xⱼ|² + 1).

    Initial states are those of ``nbody-charged``. The softening length of 1 removes close
    encounters, so energy, momentum and angular momentum are conserved to the accuracy of the
    integrator. The target is a trajectory at five times over 2 units of time. Free flight has an
    ``error`` of 0.06.
    """

    name = "nbody-softened"
    summary = "trajectories of five charges with a softened force"
    reference = "after " + _EGNN
    threshold = 0.002
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (20, 50),
        "quick": (),
        "standard": (300,),
        "full": (100, 300, 1000, 3000),
    }
    times = grid(2.0, 0.5)
    rollout = grid(20.0, 0.5)
    updates: ClassVar[Mapping[str, int]] = {"standard": 300}  # each update integrates a batch
    tiers = brief(grid(6.0, 0.5))
    output_shape = (len(times), 7 * BODIES)
    test_size, valid_size = 500, 500
    step = 0.05

    @property
    def symmetry(self) -> Symmetry:
        """O(3): 5 Scalar + 10 V -> 5 Scalar + 10 V, permuted along with the bodies."""
        return self._law(_STATE)

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw initial states [n, 35]."""
        return write(*initial(n, generator))

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return (0, v, Σⱼ qᵢqⱼ (xᵢ - xⱼ)/(|xᵢ - xⱼ|² + 1)^(3/2)) [..., 35]."""
        charges, x, v = read(state)
        apart = x.unsqueeze(-2) - x.unsqueeze(-3)
        pull = charges[..., None] * charges[..., None, :] * (apart.square().sum(-1) + 1) ** -1.5
        return write(torch.zeros_like(charges), v, (pull[..., None] * apart).sum(-2))

    def energy(self, state: Tensor) -> Tensor:
        """Return the sum of kinetic and potential energy [...] of states [..., 35]."""
        charges, x, v = read(state)
        square = (x.unsqueeze(-2) - x.unsqueeze(-3)).square().sum(-1)
        pairs = charges[..., None] * charges[..., None, :] * (square + 1).rsqrt()
        own = pairs.diagonal(dim1=-2, dim2=-1).sum(-1)
        return v.square().sum((-1, -2)) / 2 + (pairs.sum((-1, -2)) - own) / 2

    def conserved(self, trajectory: Tensor) -> dict[str, Tensor]:
        """Return energy [n, t], momentum and angular momentum [n, t, 3]."""
        _, x, v = read(trajectory)
        return {
            "energy": self.energy(trajectory),
            "momentum": v.sum(-2),
            "angular_momentum": torch.linalg.cross(x, v).sum(-2),
        }

    def conserved_scale(self, trajectory: Tensor) -> dict[str, float]:
        """Return E Σᵢ|vᵢ| and E Σᵢ|xᵢ||vᵢ|, from true trajectories [n, t, 35]."""
        _, x, v = read(trajectory[:, :1])
        sizes = {"momentum": v.norm(dim=-1), "angular_momentum": x.norm(dim=-1) * v.norm(dim=-1)}
        return {name: float(size.sum(-1).mean()) for name, size in sizes.items()}

    def target(self, x: Tensor) -> Tensor:
        """Return the states [n, 5, 35] at the task's times, from x [n, 35] at t = 0."""
        return self.solve(x, torch.tensor(self.times, dtype=x.dtype, device=x.device))

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n initial states and their trajectories."""
        x = self.starts(n, self.generator(seed, split)).float().double()
        return Data(x, self.target(x)).to(dtype)
