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
from symbench.groups import SO, O, root_mean_square
from symbench_dynamics.heads import Clock, Field, on_host

_TINY = 1e-12  # keeps the norm of a velocity differentiable at zero
# Of nbody-charged: the root mean squares of charges, of coordinates of distances and velocities,
# and of the distances that the bodies move.
_CHARGE, _LENGTH, _SPEED, _MOVED = 1.0, 2.15, 0.585, 0.51
_EXPLAINED = 0.5  # largest relative error of a law of the centre that makes targets positions


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

    For trajectories, the vectors are accelerations: dx/dt = c v, dv/dt = vectors, and charges are
    constant; c is 1 in consistent units, and fitted to the centres of the bodies. For a task
    without times the vectors are the targets, relative to the position of each body if the targets
    are positions. The training data decide whether they are, and in which unit. The symmetry
    cannot, because O(d) acts on positions as on forces; only translations, which move positions
    and not forces, distinguish them.

    ``vectors`` sees charges, lengths, velocities and its own values in units in which the training
    data are as large as those of ``nbody-charged``, where published networks read raw numbers.
    Before ``calibrate`` the units are 1.
    """

    methods = ("leapfrog",)
    places: Tensor
    motion: Tensor
    charge: Tensor
    length: Tensor
    speed: Tensor
    size: Tensor

    def __init__(self, clock: Clock, bodies: int, dim: int) -> None:
        super().__init__(clock)
        self.bodies, self.dim = bodies, dim
        for name in ("places", "motion", "charge", "length", "speed", "size"):
            self.register_buffer(name, torch.ones(()))

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
        """Compute the units, and decide whether targets without times are positions."""
        states, rates = self.observed(x, y)
        q, places, v = self._read(states)
        if self.clock.times:
            _, velocities, vectors = self._read(rates)
            self.motion = ratio(v.mean(1), velocities.mean(1))
        else:
            vectors = rates.unflatten(1, (self.bodies, self.dim))
            self.places = unit_of_positions(places.mean(1), v.mean(1), vectors.mean(1))
            vectors = vectors - self.places * places
        apart = places.unsqueeze(2) - places.unsqueeze(1)
        self.charge = root_mean_square(q) / _CHARGE
        self.length = root_mean_square(apart) / _LENGTH
        self.speed = root_mean_square(v) / _SPEED
        self.size = root_mean_square(vectors) / _MOVED

    def in_units(self, q: Tensor, x: Tensor, v: Tensor) -> Tensor:
        """Return ``vectors`` of charges, positions and velocities in the units of the task."""
        return self.size * self.vectors(q / self.charge, x / self.length, v / self.speed)

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return (0, c v, vectors) [n, B (1 + 2d)]."""
        q, x, v = self._read(state)
        a = self.in_units(q, x, v)
        return torch.cat([torch.zeros_like(q), (self.motion * v).flatten(1), a.flatten(1)], 1)

    def flow(self, state: Tensor, times: Tensor) -> Tensor:
        """Return the states [n, k, B (1 + 2d)] at ``times`` [k], by drift, kick and drift.

        Each step needs one evaluation. The order is 2 if accelerations do not depend on velocities.
        """
        q, x, v = self._read(state)
        c = self.motion
        times = on_host(times, state)
        substeps = self.clock.substeps(times)
        states = [state]
        for h in times.diff() / substeps:
            for _ in range(substeps):
                middle = x + h / 2 * c * v
                v = v + h * self.in_units(q, middle, v)
                x = middle + h / 2 * c * v
            states.append(torch.cat([q, x.flatten(1), v.flatten(1)], 1))
        return torch.stack(states, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the vectors [n, B d], or the states [n, k, B (1 + 2d)] at the task's times."""
        if self.clock.times:
            return super().forward(x)
        q, places, v = self._read(x)
        return (self.places * places + self.in_units(q, places, v)).flatten(1)

    def _read(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return charges [n, B], positions and velocities [n, B, d] of states [n, B (1 + 2d)]."""
        q, rest = state[:, : self.bodies], state[:, self.bodies :]
        x, v = rest.unflatten(1, (2, self.bodies, self.dim)).unbind(1)
        return q, x, v


def unit_of_positions(x: Tensor, v: Tensor, y: Tensor) -> Tensor:
    """Return the unit of targets relative to that of positions, or 0 if they are no positions.

    The centre of bodies without external forces moves uniformly, y = a x + b v, where a is 1 in
    equal units. Least squares gives a. If this law does not explain the centres of the targets,
    they are not positions.

    Args:
        x: centres of the positions, [n, d].
        v: mean velocities, [n, d].
        y: centres of the targets, [n, d].
    """
    units = [root_mean_square(part) for part in (x, v, y)]
    parts = [part / unit for part, unit in zip((x, v, y), units, strict=True)]
    known, seen = torch.stack(parts[:2], -1).flatten(0, 1).double(), parts[2].flatten().double()
    a = torch.linalg.lstsq(known.cpu(), seen[:, None].cpu()).solution[:, 0].to(known)
    explained = (seen - known @ a).square().sum() < _EXPLAINED**2 * seen.square().sum()
    return torch.where(explained, a[0], 0).to(x) * (units[2] / units[0])


def ratio(v: Tensor, y: Tensor) -> Tensor:
    """Return the number c of least squares in y = c v, for v and y [n, d]; 1 if it is zero."""
    units = root_mean_square(v), root_mean_square(y)
    one, other = (v / units[0]).double(), (y / units[1]).double()
    c = (one * other).sum() / one.square().sum()
    return torch.where(c.isfinite() & (c != 0), c, 1).to(v) * (units[1] / units[0])


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
    """``depth`` layers of ``width`` features; ``step`` is in intervals of the trajectories."""

    width: int = 32
    depth: int = 2
    step: float = 1.0
    learning_rate: float = 3e-3
    batch_size: int = 32


class CloudModel(Model):
    """A network on fully connected bodies, exactly equivariant under E(d) and permutations.

    Charges, lengths, velocities and times may have any units. In each of them the training data
    are as large as those of ``nbody-charged``, which published networks read as raw numbers.
    """

    version, prior = "2", "told"
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
