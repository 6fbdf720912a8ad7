"""Networks of torch-geometric, a sum over the nodes, and a perceptron."""

from __future__ import annotations

from torch import Tensor, nn
from torch_geometric import nn as pyg
from torch_geometric.data import Data
from torch_geometric.transforms import AddRandomWalkPE

from symbench import Problem, graphs

_STEPS = 16  # of the random walk of GPS


class OnBatches(nn.Module):
    """Node embeddings by ``net``, then a perceptron on their sum or on each: [n, copies, …]."""

    def __init__(self, net: nn.Module, problem: Problem, width: int) -> None:
        super().__init__()
        self.net, self.nodes = net, problem.input_shape[-1]
        self.order = graphs.output_order(problem)
        self.head = pyg.MLP([width, width, problem.output_shape[0]], norm=None)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for graphs [n, 1 + k, N, N]."""
        batch, mask = graphs.to_batch(x), graphs.node_mask(x)
        weights = {"edge_weight": batch.edge_attr[:, 0], "edge_attr": batch.edge_attr}
        h: Tensor = self.net(batch.x, batch.edge_index, batch=batch.batch, **weights)
        if self.order == 0:
            h = pyg.global_add_pool(h, batch.batch, len(x)) / self.nodes
        y: Tensor = self.head(h)
        if self.order == 0:
            return y
        return y.new_zeros(*mask.shape, y.shape[1]).masked_scatter((mask > 0)[..., None], y).mT


class Transformer(nn.Module):
    """``GPSConv`` layers around GINE, on node features and random-walk encodings."""

    def __init__(self, features: int, width: int, depth: int, heads: int = 4) -> None:
        super().__init__()
        self.encode = AddRandomWalkPE(_STEPS, attr_name=None)  # appended to the features
        self.first = nn.Linear(features + _STEPS, width)
        local = (pyg.GINEConv(pyg.MLP(3 * [width], norm=None), edge_dim=1) for _ in range(depth))
        self.layers = nn.ModuleList(pyg.GPSConv(width, conv, heads) for conv in local)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor, **weights: Tensor) -> Tensor:
        """Return the node embeddings [nodes, width]."""
        h: Tensor = self.first(self.encode(Data(x=x, edge_index=edge_index)).x)
        for layer in self.layers:
            h = layer(h, edge_index, batch, edge_attr=weights["edge_attr"])
        return h


NETWORKS: dict[str, type[nn.Module]] = {
    "GAT": pyg.GAT,
    "GCN": pyg.GCN,
    "GIN": pyg.GIN,
    "GraphSAGE": pyg.GraphSAGE,
    "PNA": pyg.PNA,
    "GPS": Transformer,
}
