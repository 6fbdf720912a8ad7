"""Networks of torch-geometric with its default options, a sum over the nodes and a perceptron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import nn

from symbench import Model, Prior, Problem, graphs
from symbench.groups import Rescaled

_SMALL = 16  # nodes of small graphs


@dataclass(frozen=True)
class PyGConfig:
    """``depth`` layers of ``width`` channels; without ``trains``, only pairs of small graphs."""

    width: int = 64
    depth: int = 4
    trains: bool = True
    learning_rate: float = 1e-3
    batch_size: int = 50


class _OnBatches(Model):
    """One of ``networks.NETWORKS``, ``made`` with ``options``; its trials train one by one."""

    made: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    version = "1"
    prior: ClassVar[Prior] = "told"
    Config = PyGConfig
    config: PyGConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"width": 32, "trains": False},
        "standard": {"width": 32},
    }
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a graph, and functions of pairs of nodes."""
        told = problem.symmetry
        if problem.kind != "graph" or told is None or not told.group.permutes:
            return f"{self.name} reads graphs, and is told a symmetry under permutations"
        small = problem.loss == "none" and problem.input_shape[-1] <= _SMALL
        if not (small or self.config.trains):
            return f"{self.name} computes its trials one by one: use the tier standard or full"
        few = graphs.output_order(problem) < 2
        return None if few else f"{self.name} outputs no functions of pairs of nodes"

    def build(self, problem: Problem) -> nn.Module:
        """Return the network: graphs [n, 1 + k, N, N] -> [n, *output_shape]."""
        # torch-geometric takes seconds to import, and plans build no network
        from symbench_pyg.networks import NETWORKS, OnBatches

        features, config = problem.input_shape[0] - 1, self.config
        net = NETWORKS[self.made](features, config.width, config.depth, **self.options)
        return Rescaled(OnBatches(net, problem, config.width), inputs=None)


@final
class GAT(_OnBatches):
    """Graph attention. A mean of equal features is the same feature, so it needs features."""

    name, made, options = "pyg-gat", "GAT", {"edge_dim": 1}
    summary = "graph attention network of torch-geometric, unmodified"
    reference = "Veličković et al. 2018, Graph attention networks"


@final
class GCN(_OnBatches):
    """Graph convolutions with self-loops and normalised weights."""

    name, made = "pyg-gcn", "GCN"
    summary = "graph convolutional network of torch-geometric, unmodified"
    reference = "Kipf and Welling 2017"


@final
class GIN(_OnBatches):
    """The graph isomorphism network; it reads no weights of edges."""

    name, made = "pyg-gin", "GIN"
    summary = "graph isomorphism network of torch-geometric, unmodified"
    reference = "Xu et al. 2019, How powerful are graph neural networks?"


@final
class GraphSAGE(_OnBatches):
    """GraphSAGE with means over the neighbours; it reads no weights of edges."""

    name, made = "pyg-sage", "GraphSAGE"
    summary = "GraphSAGE of torch-geometric, unmodified"
    reference = "Hamilton et al. 2017, Inductive representation learning on large graphs"


@final
class PNA(_OnBatches):
    """Four aggregators by three scalers; the scalers' mean is that of the degrees 0 to 15."""

    name, made = "pyg-pna", "PNA"
    summary = "principal neighbourhood aggregation of torch-geometric, unmodified"
    reference = "Corso et al. 2020, Principal neighbourhood aggregation for graph nets"
    options: ClassVar[Mapping[str, Any]] = {
        "aggregators": ["mean", "min", "max", "std"], "edge_dim": 1, "deg": torch.ones(16),
        "scalers": ["identity", "amplification", "attenuation"]}  # fmt: skip


@final
class GPS(_OnBatches):
    """GPS with four heads and sixteen steps of random walks, in single precision."""

    name, made = "pyg-gps", "GPS"
    summary = "graph transformer of torch-geometric's GPSConv, unmodified"
    reference = "Rampášek et al. 2022, Recipe for a general, powerful, scalable graph transformer"
