"""Relational pooling: a graph network that reads the order of the nodes, averaged over orders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor, nn

from symbench import InputError, Problem, graphs
from symbench_symmetrisers.models import NOT_IN_QUICK, Averaged, AveragedConfig


class Numbered(nn.Module):
    """A network that reads which number each node has, modulo ``marks``, as further node features.

    Args:
        net: [n, 1 + k + marks, N, N] -> [n, …].
        marks: the number of further features.
    """

    def __init__(self, net: nn.Module, marks: int) -> None:
        super().__init__()
        self.net, self._marks = net, marks

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate ``net`` on the marked graphs."""
        if callable(calibrate := getattr(self.net, "calibrate", None)):
            calibrate(self._marked(x), y)

    def forward(self, x: Tensor) -> Tensor:
        """Return net of the marked graphs, for x [n, 1 + k, N, N]."""
        y: Tensor = self.net(self._marked(x))
        return y

    def _marked(self, x: Tensor) -> Tensor:
        number = torch.arange(x.shape[-1], device=x.device) % self._marks
        one_hot = (number == torch.arange(self._marks, device=x.device)[:, None]).to(x)
        nodes = one_hot * graphs.node_mask(x).unsqueeze(-2)
        return torch.cat([x, torch.diag_embed(nodes)], -3)


@dataclass(frozen=True)
class GINAveragedConfig(AveragedConfig):
    """Nodes are numbered modulo ``marks``."""

    marks: int = 8
    batch_size: int = 50


@final
class GINAveraged(Averaged):
    """``gin`` on numbered nodes, averaged over random orders of the nodes (relational pooling).

    ``gin`` is equivariant already, so that an average of ``gin`` itself changes nothing. With the
    number of a node as a feature it distinguishes all graphs, and is no longer equivariant. The
    mean over all orders would be both.
    """

    name = "gin-averaged"
    summary = "GIN on numbered nodes, averaged over random orders"
    reference = "Murphy et al. 2019, Relational pooling for graph representations"
    backbone = "gin"
    Config = GINAveragedConfig
    tiers = NOT_IN_QUICK

    def network(self, problem: Problem) -> nn.Module:
        """Return GIN on the numbered nodes."""
        law = problem.symmetry
        if problem.kind != "graph" or law is None:
            raise InputError(f"{self.name} reads graphs, not {problem.kind} data")
        channels, nodes, _ = problem.input_shape
        marked = graphs.graph_symmetry(
            channels + self.config.marks,
            nodes,
            graphs.output_order(problem),
            problem.output_shape[0],
        )
        shape = (channels + self.config.marks, nodes, nodes)
        seen = replace(problem, input_shape=shape, symmetry=marked)
        return Numbered(seen.backbone(self.backbone), self.config.marks)
