"""E(n)-equivariant graph networks on a few bodies, with an edge between every two."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import InputError, Model, Problem, Symmetry
from symbench.groups import SO, O
from symbench_dynamics.heads import Clock, Field

_TINY = 1e-12  # keeps the norm of a velocity differentiable at zero


def bodies_of(told: Symmetry) -> int:
    """Return the number of bodies: one for each scalar of the input."""
    return sum(summand.rank == 0 for summand in told.input.summands)


def cloud_reason(problem: Problem) -> str | None:
    """Return why the problem is not one of bodies with a scalar, a position and a velocity.

    Return None if it is one. The targets must be one vector per body, or states of the bodies at
    the problem's times.
    """
    told = problem.symmetry
    if told is None or bodies_of(told) < 2:
        return "the inputs are not bodies with a scalar each"
    group, bodies = told.group, bodies_of(told)
    ranks = [summand.rank for summand in told.input.summands]
    d = group.dim
    if not isinstance(group, (O, SO)) or group.q:
        return f"uses only distances, which {group} does not preserve"
    if ranks != [0] * bodies + [1] * (2 * bodies) or told.input.size != bodies * (1 + 2 * d):
        return "the inputs are not one scalar, one position and one velocity for each body"
    if problem.times:
        states = problem.output_shape == (len(problem.times), told.input.size)
        return None if states else "the targets are not trajectories of the bodies"
    ranks = [summand.rank for summand in told.output.summands]
    vectors = ranks == [1] * bodies and problem.output_shape == (bodies * d,)
    return None if vectors else "the targets are not one vector for each body"


class Cloud(Field):
    """Interacting bodies, by an equivariant ``vectors`` of charges, positions and velocities.

    For trajectories, the vectors are accelerations: dx/dt = v, dv/dt = vectors, and charges are
    constant. For a task without times they are the targets, relative to the position of each body
    if the targets are positions. The training data decide whether they are. The symmetry cannot,
    because O(d) acts on positions as on forces; only translations, which move positions and not
    forces, distinguish them.
    """

    methods = ("leapfrog",)
    places: Tensor

    def __init__(self, clock: Clock, bodies: int, dim: int) -> None:
        super().__init__(clock)
        self.bodies, self.dim = bodies, dim
        self.register_buffer("places", torch.ones(()))

    @abstractmethod
    def vectors(self, q: Tensor, x: Tensor, v: Tensor) -> Tensor:
        """Return a vector for each body [n, B, d].

        It must be equivariant under O(d) and permutations, and invariant under translations.

        Args:
            q: charges or masses, [n, B].
            x: positions, [n, B, d].
            v: velocities, [n, B, d].
        """

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Treat targets as positions if they are nearer to the bodies than to the origin."""
        if not self.clock.times:
            places = self._read(x)[1].flatten(1)
            near = (y - places).square().sum() < y.square().sum()
            self.places = near.to(self.places)

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return (0, v, vectors) [n, B (1 + 2d)]."""
        q, x, v = self._read(state)
        a = self.vectors(q, x, v)
        return torch.cat([torch.zeros_like(q), v.flatten(1), a.flatten(1)], 1)

    def flow(self, state: Tensor, times: Tensor) -> Tensor:
        """Return the states [n, k, B (1 + 2d)] at ``times`` [k], by drift, kick and drift.

        Each step needs one evaluation. The order is 2 if accelerations do not depend on velocities.
        """
        q, x, v = self._read(state)
        substeps = self.clock.substeps(times)
        states = [state]
        for h in times.to(state).diff() / substeps:
            for _ in range(substeps):
                middle = x + h / 2 * v
                v = v + h * self.vectors(q, middle, v)
                x = middle + h / 2 * v
            states.append(torch.cat([q, x.flatten(1), v.flatten(1)], 1))
        return torch.stack(states, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the vectors [n, B d], or the states [n, k, B (1 + 2d)] at the task's times."""
        if self.clock.times:
            return super().forward(x)
        q, places, v = self._read(x)
        return (self.places * places + self.vectors(q, places, v)).flatten(1)

    def _read(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return charges [n, B], positions and velocities [n, B, d] of states [n, B (1 + 2d)]."""
        q, rest = state[:, : self.bodies], state[:, self.bodies :]
        x, v = rest.unflatten(1, (2, self.bodies, self.dim)).unbind(1)
        return q, x, v


def two_layers(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Return Linear, SiLU, Linear."""
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, outputs))


class EquivariantLayer(nn.Module):
    """Messages between all pairs of bodies, which move the bodies and update their features.

    m_ij = φ_e(h_i, h_j, log(1 + |x_i - x_j|²), a_ij), x_i += mean_j (x_i - x_j)
    φ_x(m_ij) + φ_v(h_i) v_i, h_i += φ_h(h_i, Σ_j m_ij), over j ≠ i: Satorras et al. 2021, equations
    3 to 7. The logarithm is an addition: with the bare squares a layer is cubic in the distances,
    and predictions explode for systems slightly wider than the training systems. Unlike in the
    published code, shifts are not clamped to ±100 per component, because that breaks rotations.
    """

    def __init__(self, width: int, attributes: int) -> None:
        super().__init__()
        self.receiver = nn.Linear(width, width)
        self.sender = nn.Linear(width, width, bias=False)
        self.pair = nn.Linear(1 + attributes, width, bias=False)
        self.second = nn.Linear(width, width)
        self.shift = nn.Sequential(
            nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1, bias=False)
        )
        nn.init.xavier_uniform_(cast(nn.Linear, self.shift[-1]).weight, gain=1e-3)
        self.push = two_layers(width, width, 1)
        self.node = two_layers(2 * width, width, width)

    def forward(self, h: Tensor, x: Tensor, v: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
        """Return new features [n, B, width] and positions [n, B, d], given a [n, B, B, k]."""
        apart = x.unsqueeze(2) - x.unsqueeze(1)
        pair = torch.cat([apart.square().sum(-1, keepdim=True).log1p(), a], -1)
        total = self.receiver(h).unsqueeze(2) + self.sender(h).unsqueeze(1) + self.pair(pair)
        message = functional.silu(self.second(functional.silu(total)))
        others = h.shape[1] - 1
        x = x + (apart * self.shift(message)).sum(2) / others + self.push(h) * v
        own = message.diagonal(dim1=1, dim2=2).mT
        return h + self.node(torch.cat([h, message.sum(2) - own], -1)), x


class EGNNCloud(Cloud):
    """Layers on features |v_i|, with attributes q_i q_j and distance; vectors are the shifts."""

    def __init__(self, clock: Clock, bodies: int, dim: int, width: int, depth: int) -> None:
        super().__init__(clock, bodies, dim)
        self.embedding = nn.Linear(1, width)
        self.layers = nn.ModuleList(EquivariantLayer(width, 2) for _ in range(depth))

    def vectors(self, q: Tensor, x: Tensor, v: Tensor) -> Tensor:
        """Return how far the layers move each body, [n, B, d]."""
        square = (x.unsqueeze(2) - x.unsqueeze(1)).square().sum(-1).log1p()
        attributes = torch.stack([q.unsqueeze(2) * q.unsqueeze(1), square], -1)
        h = self.embedding((v.square().sum(-1, keepdim=True) + _TINY).sqrt())
        moved = x
        for layer in self.layers:
            h, moved = layer(h, moved, v, attributes)
        return moved - x


@dataclass(frozen=True)
class EGNNConfig:
    """``depth`` layers of ``width`` features; ``step`` is the longest along a trajectory."""

    width: int = 32
    depth: int = 2
    step: float = 0.5
    learning_rate: float = 3e-3
    batch_size: int = 32


class CloudModel(Model):
    """A network on fully connected bodies, exactly equivariant under E(d) and permutations.

    It reads charges, lengths and times in the units of the task, as published. In other units it is
    another network.
    """

    version, prior = "1", "told"
    config: Any
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Return why the problem is not one of bodies in space, or None."""
        return cloud_reason(problem)

    def build(self, problem: Problem) -> nn.Module:
        """Return the network: [n, B (1 + 2d)] -> [n, B d], or -> [n, times, B (1 + 2d)].

        Raises:
            InputError: the problem tells no symmetry.
        """
        if problem.symmetry is None:
            raise InputError(f"{self.name} needs to be told a symmetry")
        clock = Clock(problem.times, self.config.step, "leapfrog")
        return self.cloud(clock, bodies_of(problem.symmetry), problem.symmetry.group.dim)

    @abstractmethod
    def cloud(self, clock: Clock, bodies: int, dim: int) -> Cloud:
        """Return the network for ``bodies`` bodies in ``dim`` dimensions."""


@final
class EGNN(CloudModel):
    """The E(n)-equivariant graph network with velocities (EGNN-vel), dense over all pairs.

    The published network has 4 layers of 64 features, as the full tier has. It was trained by Adam
    at 5e-4 for up to 10,000 epochs with batches of 100. Here, 2000 updates with a larger learning
    rate and a cosine schedule reach a mean squared error of 0.0091 from 3000 samples of
    ``nbody-charged``.

    Velocities enter only by their norms and by the shift of their own body. The network therefore
    cannot express forces between velocities, such as magnetic ones. Where targets are trajectories,
    the shifts are the accelerations of a neural ODE.
    """

    name = "egnn"
    summary = "E(n)-equivariant graph network with velocities"
    reference = "Satorras, Hoogeboom, Welling 2021 (arXiv:2102.09844)"
    Config = EGNNConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {"width": 64, "depth": 4, "batch_size": 100, "learning_rate": 2e-3}
    }

    def cloud(self, clock: Clock, bodies: int, dim: int) -> Cloud:
        """Return the layers."""
        return EGNNCloud(clock, bodies, dim, self.config.width, self.config.depth)
