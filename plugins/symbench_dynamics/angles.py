"""Networks that read each angle as its sine and cosine, and so are periodic in it."""

from __future__ import annotations

import math
from typing import cast, final

import torch
from torch import Tensor, nn

from symbench import InputError, Problem
from symbench_dynamics.heads import Clock, Field, NeuralODE, calibrate
from symbench_dynamics.lagrangian import Lagrangian
from symbench_dynamics.models import Dynamics, LagrangianConfig


class Periodic(nn.Module):
    """net(cos(2πx/P), sin(2πx/P), rest of x): a network that is periodic in some coordinates.

    A perceptron on the raw angle gets no data outside the range of the training angles. Its output
    there is arbitrary, and so is the energy of a long rollout in which a pendulum turns over.
    """

    scale: Tensor
    angles: Tensor
    rest: Tensor

    def __init__(self, net: nn.Module, periods: tuple[float, ...]) -> None:
        super().__init__()
        self.net = net
        at = [i for i, period in enumerate(periods) if period]
        others = [i for i, period in enumerate(periods) if not period]
        scale = torch.tensor([2 * math.pi / periods[i] for i in at], dtype=torch.float64)
        self.register_buffer("scale", scale.float())
        self.register_buffer("angles", torch.tensor(at))
        self.register_buffer("rest", torch.tensor(others, dtype=torch.long))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Pass the training data on to the network, in the form that it reads."""
        calibrate(self.net, self._read(x), y)

    def forward(self, x: Tensor) -> Tensor:
        """Return the network's output for x [n, d]."""
        return cast(Tensor, self.net(self._read(x)))

    def _read(self, x: Tensor) -> Tensor:
        turned = x[:, self.angles] * self.scale
        return torch.cat([turned.cos(), turned.sin(), x[:, self.rest]], 1)


class _Angles(Dynamics):
    """A head on a perceptron that reads sines and cosines of the task's angles."""

    def periodic(self, problem: Problem, outputs: int) -> Periodic:
        """Return the backbone, [n, d] -> [n, outputs].

        Raises:
            InputError: the task declares no periodic coordinate.
        """
        periods = problem.periods
        if len(periods) != problem.input_size or not any(periods):
            raise InputError("needs angles, but the task declares no period of a coordinate")
        inputs = len(periods) + sum(period > 0 for period in periods)
        return Periodic(self.network(problem, inputs, outputs), periods)


@final
class NodeAngles(_Angles):
    """dx/dt = perceptron(cos, sin, velocities), the baseline of ``lnn-angles``."""

    name, prior = "node-angles", "none"
    summary = "neural ODE that reads sines and cosines"
    reference = "Cranmer et al. 2020 (Lagrangian neural networks), its baseline"
    canonical = False

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the neural ODE."""
        return NeuralODE(self.periodic(problem, problem.input_size), clock)


@final
class LNNAngles(_Angles):
    """The Euler-Lagrange equations of a learned L of cosines and sines of the angles.

    The published network reads angles wrapped to [-π, π). Its L therefore jumps at the top, where
    no trajectory can pass. Here L is smooth there.
    """

    name, prior = "lnn-angles", "none"
    summary = "Lagrangian network that reads sines and cosines"
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
        half = problem.input_size // 2
        return Lagrangian(self.periodic(problem, 1), half, self.config.ridge, clock)
