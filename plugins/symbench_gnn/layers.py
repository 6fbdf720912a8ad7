"""Layers on node embeddings: (h [n, N, f], A [n, N, N], mask [n, N]) -> [n, N, f'].

Every layer outputs zeros at padded nodes. The operations are dense, so that torch.func.vmap can
stack the trials of a cell. GCN and GIN layers also have a sparse form with the same parameters.
torch-geometric is imported where it is used: its import takes seconds, and plans build no layer.
"""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor, nn

from symbench_gnn.encodings import degrees
from symbench_gnn.heads import perceptron


def edge_operator(edges: Tensor, weights: Tensor, nodes: int) -> Tensor:
    """Return the sparse matrix [nodes, nodes] that sums w_ij h_j over the edges (j, i)."""
    from torch_geometric.utils import to_torch_csr_tensor

    with warnings.catch_warnings():  # torch warns once per process that sparse CSR is in beta
        warnings.simplefilter("ignore", UserWarning)
        operator: Tensor = to_torch_csr_tensor(edges.flip(0), weights, (nodes, nodes))
    return operator


class GCNLayer(nn.Module):
    """relu(W silu(Â h V + c) + b), Â = D̃^-½ (A + 1) D̃^-½, with ``DenseGCNConv`` inside.

    The second linear layer makes it as large as GIN's layer. The only difference between the two
    is Â here and A + 1 there.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        from torch_geometric.nn import DenseGCNConv

        super().__init__()
        self.conv = DenseGCNConv(inputs, outputs)
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(outputs, outputs), nn.ReLU())

    def forward(self, h: Tensor, A: Tensor, mask: Tensor) -> Tensor:
        """Return the new embeddings."""
        y: Tensor = self.mix(self.conv(h, A)) * mask[..., None]
        return y

    @staticmethod
    def operator(edges: Tensor, weights: Tensor, nodes: int) -> Tensor:
        """Return the sparse matrix Â [nodes, nodes]."""
        from torch_geometric.nn.conv.gcn_conv import gcn_norm

        edges, weights = gcn_norm(edges, weights, num_nodes=nodes)
        return edge_operator(edges, weights, nodes)

    def sparse(self, h: Tensor, operator: Tensor) -> Tensor:
        """Return the new embeddings [nodes, f'] from the sparse ``operator``."""
        y: Tensor = self.mix(operator @ self.conv.lin(h) + self.conv.bias)
        return y


class GINLayer(nn.Module):
    """relu(MLP(h_i + Σ_j A_ij h_j)) with torch-geometric's ``DenseGINConv``."""

    def __init__(self, inputs: int, outputs: int) -> None:
        from torch_geometric.nn import DenseGINConv

        super().__init__()
        self.conv = DenseGINConv(perceptron(inputs, outputs, outputs))

    def forward(self, h: Tensor, A: Tensor, mask: Tensor) -> Tensor:
        """Return the new embeddings."""
        y: Tensor = self.conv(h, A, mask)
        return y.relu()

    @staticmethod
    def operator(edges: Tensor, weights: Tensor, nodes: int) -> Tensor:
        """Return the sparse adjacency [nodes, nodes]."""
        return edge_operator(edges, weights, nodes)

    def sparse(self, h: Tensor, operator: Tensor) -> Tensor:
        """Return the new embeddings [nodes, f'] from the sparse ``operator``."""
        y: Tensor = self.conv.nn((1 + self.conv.eps) * h + operator @ h)
        return y.relu()


class GATLayer(nn.Module):
    """elu of torch-geometric's ``DenseGATConv``: attention over the neighbours and the node.

    It uses which edges exist, but not their weights.
    """

    def __init__(self, inputs: int, outputs: int, heads: int) -> None:
        from torch_geometric.nn import DenseGATConv

        super().__init__()
        self.conv = DenseGATConv(inputs, outputs // heads, heads)

    def forward(self, h: Tensor, A: Tensor, mask: Tensor) -> Tensor:
        """Return the new embeddings."""
        y: Tensor = self.conv(h, A, mask)
        return nn.functional.elu(y)


class EdgeNetworkLayer(nn.Module):
    """relu(MLP(h_i, Σ_j relu(R h_i + S h_j + a A_ij + b))), j over the neighbours of i.

    This is message passing in the general form of Gilmer et al. (2017): a message depends on both
    ends and, through a, on the weight of the edge.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.receive = nn.Linear(inputs, outputs)
        self.send = nn.Linear(inputs, outputs, bias=False)
        self.weigh = nn.Linear(1, outputs, bias=False)
        self.update = perceptron(inputs + outputs, outputs, outputs)

    def forward(self, h: Tensor, A: Tensor, mask: Tensor) -> Tensor:
        """Return the new embeddings."""
        ends = self.receive(h)[:, :, None] + self.send(h)[:, None]
        closed = torch.zeros_like(A).masked_fill(A == 0, -math.inf)[..., None]  # relu makes it 0
        total = (ends + self.weigh(A[..., None]) + closed).relu().sum(2)
        y: Tensor = self.update(torch.cat([h, total], -1))
        return y.relu() * mask[..., None]


class SetLayer(nn.Module):
    """relu(W h_i + U mean_j h_j), the equivariant layer of Zaheer et al. (2017); A is not used."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.own = nn.Linear(inputs, outputs)
        self.mean = nn.Linear(inputs, outputs, bias=False)

    def forward(self, h: Tensor, A: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG002
        """Return the new embeddings."""
        count = mask.sum(1).clamp(min=1)[:, None]
        y: Tensor = self.own(h) + self.mean((h * mask[..., None]).sum(1) / count)[:, None]
        return y.relu() * mask[..., None]


class PowerLayer(nn.Module):
    """[relu(z W), z U] with z_i = [h, D h, A_(1) h, …, A_(J) h]_i: half of the channels linear.

    This is the layer of Chen, Li and Bruna (2019). D and the A_(j) are divided by √N of the task,
    a constant. It replaces their batch normalisation, which would make the output for a graph
    depend on the other graphs of its batch. ``last`` makes all channels linear.
    """

    def __init__(self, sizes: tuple[int, int], powers: int, nodes: int, *, last: bool) -> None:
        super().__init__()
        inputs, outputs = sizes
        self.mix = nn.Linear((2 + powers) * inputs, outputs)
        self.curved = 0 if last else outputs // 2
        self.factor = 1 / math.sqrt(nodes)

    def forward(self, h: Tensor, operators: Tensor, mask: Tensor) -> Tensor:
        """Return the new embeddings from ``operators`` [n, J, N, N], the first of them A."""
        moved = (operators @ h[:, None]).unbind(1)
        degree = degrees(operators[:, 0])[..., None] * h
        z = torch.cat([h, *(self.factor * part for part in (degree, *moved))], -1)
        y = self.mix(z)
        y = torch.cat([y[..., : self.curved].relu(), y[..., self.curved :]], -1)
        return y * mask[..., None]


class GPSLayer(nn.Module):
    """Message passing and attention over all nodes side by side, then a perceptron.

    This is the block of Rampášek et al. (2022): u = norm(h + GIN(h)) + norm(h + attention(h)),
    h' = norm(u + MLP(u)). It is a dense implementation, because torch-geometric's ``GPSConv``
    works on edge lists, which vmap cannot stack. Normalisation is over the channels of each node,
    never over a batch.
    """

    def __init__(self, width: int, heads: int) -> None:
        from torch_geometric.nn import DenseGINConv

        super().__init__()
        self.heads = heads
        self.local = DenseGINConv(perceptron(width, width, width))
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = perceptron(width, 2 * width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def attention(self, h: Tensor, mask: Tensor) -> Tensor:
        """Return softmax(q kᵀ / √d) v over the existing nodes, [n, N, width]."""
        parts = self.query_key_value(h).unflatten(-1, (3, self.heads, -1))
        q, k, v = parts.movedim(1, -2).unbind(1)  # each [n, heads, N, d]
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        scores = scores.masked_fill(mask[:, None, None] == 0, -math.inf)
        mixed = scores.softmax(-1) @ v
        y: Tensor = self.out(mixed.movedim(1, 2).flatten(2))
        return y

    def forward(self, h: Tensor, A: Tensor, mask: Tensor) -> Tensor:
        """Return the new embeddings."""
        first, second, third = self.norms
        u = first(h + self.local(h, A, mask)) + second(h + self.attention(h, mask))
        y: Tensor = third(u + self.mlp(u))
        return y * mask[..., None]
