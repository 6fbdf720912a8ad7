"""LieFlow on examples: the law of the group elements that map one example to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Context, Data, InputError, Model, Prior, Problem, Recipe, Symmetry
from symbench.groups import root_mean_square
from symbench_discovery.flow_matching import Act, GroupFlow, Velocity
from symbench_discovery.training import TaskLoss, batch, descend

_DIMENSIONS = (2, 3)  # of V: the logarithm is in closed form


class GroupFlowNet(nn.Module):
    """The predictor, the velocity, and a sample of the elements [k, d, d] that it led to."""

    g: Tensor

    def __init__(self, backbone: nn.Module, velocity: Velocity, d: int) -> None:
        super().__init__()
        self.backbone, self.velocity = backbone, velocity
        self.register_buffer("g", torch.zeros(0, d, d))

    def forward(self, x: Tensor) -> Tensor:
        """Return the predictor's [n, *output_shape]."""
        y: Tensor = self.backbone(x)
        return y


@dataclass(frozen=True)
class GroupFlowConfig:
    """``width`` of the velocity's hidden layers, and the number of elements that are announced."""

    width: int = 128
    announced: int = 512
    learning_rate: float = 3e-3
    batch_size: int = 256


@final
class GroupFlowModel(Model):
    """Flow matching over SO(d) on the examples (x, y), and a perceptron that does not use it.

    Park et al. discover the symmetry of a law of unlabelled data. Here the data are the examples,
    and the group moves inputs and targets together. This finds the symmetry of the labels if the
    examples (gx, gy) show by which g they were moved, up to the symmetry; a label that is a single
    invariant number does not. The announced elements are a sample of the learned law.
    """

    name, version = "group-flow", "1"
    prior: ClassVar[Prior] = "discovers"
    summary = "flow matching over SO(2) or SO(3) on the examples, and a perceptron"
    reference = "Park et al. 2026 (LieFlow)"
    Config = GroupFlowConfig
    config: GroupFlowConfig
    backbones = ("mlp",)

    def accepts(self, problem: Problem) -> str | None:
        """Decline problems without a declared layout, other dimensions, and all but regression."""
        if problem.kind != "vectors" or problem.candidate is None or problem.loss != "mse":
            return "group-flow needs vectors with a declared layout and a regression target"
        if problem.candidate.group.dim not in _DIMENSIONS:
            return "group-flow moves the examples by SO(2) or SO(3)"
        return None

    def build(self, problem: Problem) -> GroupFlowNet:
        """Return the untrained predictor and velocity, and no element.

        Raises:
            InputError: the problem has no layout.
        """
        if (law := problem.candidate) is None:
            raise InputError("group-flow needs vectors with a declared layout")
        d = law.group.dim
        size = problem.input_size + problem.output_size
        velocity = Velocity(size, d * (d - 1) // 2, self.config.width)
        return GroupFlowNet(problem.backbone("mlp"), velocity, d)

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return the default: ``fit`` trains by itself."""
        return Recipe()

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the predictor and the sampled elements; each training has ``context.updates``."""
        net = self.build(problem).to(context.device)
        if (law := problem.candidate) is None:
            return net
        self._flow(net, law, data, context)
        self._predict(net.backbone, problem, data, context)
        return net

    def elements(self, module: nn.Module) -> Tensor | None:
        """Return the sampled elements [k, d, d]."""
        return module.g if isinstance(module, GroupFlowNet) else None

    def _flow(self, net: GroupFlowNet, law: Symmetry, data: Data, context: Context) -> None:
        z = torch.cat([data.x.flatten(1), data.y.flatten(1)], 1)
        units = [root_mean_square(v).expand(v[0].numel()) for v in (data.x, data.y)]
        net.velocity.unit.copy_(torch.cat(units))
        flow = GroupFlow(net.velocity, acting(law), law.group.dim)
        stream, size = context.generator, self.config.batch_size

        def loss(_: int) -> Tensor:
            some = torch.randint(len(z), (size,), generator=stream).to(z.device)
            return flow.loss(z[some], stream)

        rate = self.config.learning_rate
        descend([(net.velocity.parameters(), rate)], loss, context.updates)
        some = torch.randint(len(z), (self.config.announced,), generator=stream).to(z.device)
        net.g = flow.elements(z[some], stream)

    def _predict(self, backbone: nn.Module, problem: Problem, data: Data, context: Context) -> None:
        if callable(calibrate := getattr(backbone, "calibrate", None)):
            calibrate(data.x, data.y)
        error, size = TaskLoss.of(problem, data.y), self.config.batch_size

        def loss(_: int) -> Tensor:
            some = batch(data, size, context)
            return error(backbone(some.x), some.y)

        rate = self.config.learning_rate
        descend([(backbone.parameters(), rate)], loss, context.updates)


def acting(law: Symmetry) -> Act:
    """Return the action on examples (x, y) as one vector each, [n, inputs + outputs]."""

    def act(g: Tensor, z: Tensor) -> Tensor:
        x, y = z[:, : law.input.size], z[:, law.input.size :]
        return torch.cat([law.input.act(g, x), law.output.act(g, y)], 1)

    return act
