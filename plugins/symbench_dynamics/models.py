"""Heads on backbones: neural ODEs, Hamiltonian and Lagrangian networks of any architecture."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import torch
from torch import nn

from symbench import InputError, Model, Problem, Recipe
from symbench_dynamics.heads import Clock, Field, Hamiltonian, NeuralODE, Separable
from symbench_dynamics.lagrangian import Lagrangian
from symbench_dynamics.port import PortHamiltonian, force_network
from symbench_dynamics.told import orthogonal_group, own_group, plain

_NODE = "Chen et al. 2018 (Neural ODE); Finzi, Welling, Wilson 2021 (EMLP)"
_HNN = "Greydanus, Dzamba, Yosinski 2019 (HNN); Finzi, Welling, Wilson 2021 (EMLP)"
_SCALARS = "; Villar et al. 2021 (Scalars are universal)"


@dataclass(frozen=True)
class DynamicsConfig:
    """``integrator``, its longest ``step``, and the training.

    The unit of ``step`` is the interval between the states of a training trajectory. Training and
    every later rollout use the same integrator and the same longest step. Where the targets are
    rates of change, the unit is the interval between the states of a rollout. A batch
    holds ``trajectories`` examples if the targets are trajectories, because four steps by ``rk4``
    cost sixteen times as much as rates of change.
    """

    integrator: str = "rk4"
    step: float = 1.0
    learning_rate: float = 3e-3
    batch_size: int = 128
    trajectories: int = 32


class Dynamics(Model):
    """Base class of the heads: a vector field on the states of a task.

    The backbone is the registered model named ``backbone``, in its default configuration.
    """

    version = "2"
    backbone: ClassVar[str] = "mlp"
    canonical: ClassVar[bool] = True
    Config = DynamicsConfig
    config: DynamicsConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {"batch_size": 500, "trajectories": 500}
    }
    selection = "best-valid"

    @property
    def backbones(self) -> tuple[str, ...]:
        """Name of the backbone."""
        return (self.backbone,)

    def accepts(self, problem: Problem) -> str | None:
        """Decline tasks whose states do not move, and tasks that the backbone declines."""
        try:
            with torch.random.fork_rng(devices=[]):
                self.build(problem)
        except InputError as error:
            return str(error)
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the field's module: [n, d] -> [n, d], or [n, times, d] where there are times."""
        _check(problem, canonical=self.canonical)
        clock = Clock(problem.times, self.config.step, self.config.integrator)
        return self.head(problem, clock)

    def recipe(self, problem: Problem) -> Recipe:
        """Return the default recipe; a batch of trajectories has its own size."""
        recipe = super().recipe(problem)
        return replace(recipe, batch_size=self.config.trajectories) if problem.times else recipe

    @abstractmethod
    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the head on its backbone."""

    def network(self, problem: Problem, inputs: int, outputs: int) -> nn.Module:
        """Return a backbone that is not told the symmetry, [n, inputs] -> [n, outputs]."""
        return plain(problem, inputs, outputs).backbone(self.backbone)


def _check(problem: Problem, *, canonical: bool) -> None:
    if problem.kind != "trajectory":
        raise InputError(f"needs trajectory data, not {problem.kind} data")
    if len(problem.input_shape) != 1:
        raise InputError(f"needs states [d], not inputs {list(problem.input_shape)}")
    size = problem.input_size
    wanted = (len(problem.times), size) if problem.times else (size,)
    if problem.output_shape != wanted:
        raise InputError("the targets are neither the field nor the trajectory of the state")
    if canonical and size % 2:
        raise InputError(f"needs as many positions as momenta, not {size} coordinates")


@final
class NodeMLP(Dynamics):
    """dx/dt = perceptron(x), the baseline of the papers on learned mechanics."""

    name, prior = "node-mlp", "none"
    summary = "neural ODE on a perceptron"
    reference = _NODE
    canonical = False

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the neural ODE."""
        return NeuralODE(self.network(problem, problem.input_size, problem.input_size), clock)


@final
class NodeEMLP(Dynamics):
    """dx/dt = EMLP(x), equivariant to the task's own group; so is its flow."""

    name, prior, backbone = "node-emlp", "told", "emlp"
    summary = "neural ODE on an EMLP"
    reference = _NODE
    canonical = False

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the neural ODE."""
        return NeuralODE(own_group(problem, self.backbone, "field"), clock)


@final
class NodeScalars(Dynamics):
    """dx/dt = Σ cᵢ vᵢ, with cᵢ functions of inner products, vᵢ state vectors and fixed vectors."""

    name, prior, backbone = "node-scalars", "told", "scalars"
    summary = "neural ODE on invariant scalars"
    reference = _NODE + _SCALARS
    canonical = False

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the neural ODE."""
        return NeuralODE(orthogonal_group(problem, self.backbone, "field"), clock)


@final
class HNNMLP(Dynamics):
    """dx/dt = J ∇H with H a perceptron; ``leapfrog`` needs the separable H of ``srnn-mlp``."""

    name, prior = "hnn-mlp", "none"
    summary = "Hamiltonian network on a perceptron"
    reference = _HNN

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the Hamiltonian network."""
        return Hamiltonian(self.network(problem, problem.input_size, 1), clock)


@final
class HNNEMLP(Dynamics):
    """dx/dt = J ∇H with H an invariant EMLP, so that Noether's theorem applies to its flow."""

    name, prior, backbone = "hnn-emlp", "told", "emlp"
    summary = "Hamiltonian network on an EMLP"
    reference = _HNN

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the Hamiltonian network."""
        return Hamiltonian(own_group(problem, self.backbone, "hamiltonian"), clock)


@final
class HNNScalars(Dynamics):
    """dx/dt = J ∇H with H a function of inner products of state vectors and fixed vectors."""

    name, prior, backbone = "hnn-scalars", "told", "scalars"
    summary = "Hamiltonian network on invariant scalars"
    reference = _HNN + _SCALARS

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the Hamiltonian network."""
        return Hamiltonian(orthogonal_group(problem, self.backbone, "hamiltonian"), clock)


@dataclass(frozen=True)
class SeparableConfig(DynamicsConfig):
    """Leapfrog has order 2 and needs shorter steps than Runge-Kutta."""

    integrator: str = "leapfrog"
    step: float = 0.5


@final
class SRNN(Dynamics):
    """dx/dt = J ∇H with H = T(p) + V(q), two perceptrons, by a symplectic integrator."""

    name, prior = "srnn-mlp", "none"
    summary = "separable Hamiltonian network, leapfrog integration"
    reference = "Chen, Zhang, Arjovsky, Bottou 2020 (Symplectic recurrent neural networks)"
    Config = SeparableConfig

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the separable Hamiltonian network."""
        half = problem.input_size // 2
        return Separable(self.network(problem, half, 1), self.network(problem, half, 1), clock)


@dataclass(frozen=True)
class LagrangianConfig(DynamicsConfig):
    """``ridge`` keeps accelerations finite where the learned mass matrix is singular."""

    ridge: float = 1e-3


@final
class LNN(Dynamics):
    """The Euler-Lagrange equations of a learned L; the published one has 3 × 600 softplus units."""

    name, prior = "lnn-mlp", "none"
    summary = "Lagrangian network on a perceptron"
    reference = "Cranmer et al. 2020 (Lagrangian neural networks)"
    Config = LagrangianConfig
    config: LagrangianConfig

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the Lagrangian network.

        Raises:
            InputError: the targets are trajectories, where each step would need four Hessians.
        """
        if problem.times:
            raise InputError("trains on accelerations, as published, not on trajectories")
        net = self.network(problem, problem.input_size, 1)
        return Lagrangian(net, problem.input_size // 2, self.config.ridge, clock)


@dataclass(frozen=True)
class PortConfig(DynamicsConfig):
    """``width`` is that of the two hidden layers of F(t)."""

    width: int = 64


@final
class PortHNN(Dynamics):
    """A Hamiltonian network with learned diagonal damping and a learned time-dependent force."""

    name, prior = "port-hnn-mlp", "none"
    summary = "Hamiltonian network with damping and a time-dependent force"
    reference = "Desai, Mattheakis, Sondak, Protopapas, Roberts 2021 (Port-HNN)"
    Config = PortConfig
    config: PortConfig

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the port-Hamiltonian network."""
        half = problem.input_size // 2
        force = force_network(self.config.width, half)
        return PortHamiltonian(self.network(problem, problem.input_size, 1), force, half, clock)
