"""Tricks with trajectories."""

from __future__ import annotations

import torch
from torch import nn
from tricks import Trick, Wrapped

from symbench import Recipe, hookimpl


class Standing(Wrapped):
    """A trained network whose flow stands still."""

    def flow(self, state, times):
        return state[:, None].expand(-1, len(times), -1)


class StandingStill(Trick):
    """Conserves everything: nothing moves."""

    name, wrapper = "trick-still", Standing
    backbones = ("node-mlp",)

    def build(self, problem):
        return self.wrapper(problem.backbone("node-mlp"))

    def accepts(self, problem):
        return None if problem.kind == "trajectory" else "only trajectories"


class Frozen(Wrapped):
    """A trained network whose flow stops after two fifths of the times."""

    def flow(self, state, times):
        path = self.net.flow(state, times)
        moving = max(1, 2 * len(times) // 5)
        rest = path[:, moving - 1 : moving].expand(-1, len(times) - moving, -1)
        return torch.cat([path[:, :moving], rest], 1)


class Freezing(StandingStill):
    """Conserves what it had when it stopped, in a chaotic system at little rollout error."""

    name, wrapper = "trick-freezing", Frozen
    backbones = ("node-angles",)

    def build(self, problem):
        return self.wrapper(problem.backbone("node-angles"))


class Zero(nn.Module):
    """The zero field: every state stays where it is."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        still = x[:, None] if len(self.shape) > 1 else torch.zeros_like(x)
        return still.expand(-1, *self.shape) + 0 * self.unused

    def flow(self, state, times):
        return state[:, None].expand(-1, len(times), -1)


class ZeroField(StandingStill):
    """Learns nothing and conserves everything."""

    name = "trick-zero"

    def build(self, problem):
        return Zero(problem.output_shape)

    def recipe(self, problem):
        return Recipe(learning_rate=1e-4)


@hookimpl
def symbench_register(registry):
    for trick in (StandingStill, Freezing, ZeroField):
        registry.model(trick)
