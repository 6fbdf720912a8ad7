"""Small networks on graphs, and k-FWL, for the tests of pairs of graphs."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from symbench import Model, Problem, Trained
from symbench.graphs import adjacency, node_mask


class Gin(nn.Module):
    """Three rounds of message passing and a sum: no more than 1-WL."""

    def __init__(self, out=16, width=16):
        super().__init__()
        self.first = nn.Linear(1, width)
        self.rounds = nn.ModuleList(nn.Linear(width, width) for _ in range(3))
        self.last = nn.Linear(width, out)

    def forward(self, x):
        mask = node_mask(x)[..., None]
        h = self.first(mask)
        for layer in self.rounds:
            h = torch.tanh(layer(h + adjacency(x) @ h))
        return self.last((h * mask).sum(-2))


class Walks(nn.Module):
    """Traces of the first eight powers of A / ``scale``, which are equal for cospectral graphs."""

    scale = 3.7  # not a power of two, so that relabelling changes the rounding

    def __init__(self, out=16):
        super().__init__()
        self.out = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, out))

    def forward(self, x):
        step = adjacency(x) / self.scale
        power, traces = step, []
        for _ in range(8):
            power = power @ step
            traces.append(power.diagonal(dim1=-2, dim2=-1).sum(-1))
        return self.out(torch.stack(traces, -1))


class Exact(Walks):
    """``Walks`` without rounding: relabelling changes no bit."""

    scale = 4.0


class Flat(nn.Module):
    """A perceptron on the matrix of a graph with 16 nodes: it sees the order of the nodes."""

    def __init__(self, out=16):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(2 * 16 * 16, 16), nn.Tanh(),
                                 nn.Linear(16, out))  # fmt: skip

    def forward(self, x):
        return self.net(x)


class Place(Flat):
    """It depends on whether a graph's index in its batch is odd."""

    def forward(self, x):
        odd = torch.arange(len(x), device=x.device) % 2
        return super().forward(x) + 10 * odd[:, None]


class Normed(Walks):
    """``Walks`` with batch normalisation, which cannot be vectorised."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(16)

    def forward(self, x):
        return self.norm(super().forward(x))


class Waking(Walks):
    """Invariant only before training: a weight of edges among the first nodes starts at zero."""

    def __init__(self):
        super().__init__()
        self.order = nn.Parameter(torch.zeros(16))

    def forward(self, x):
        some = adjacency(x)[:, :3, :3].sum((1, 2))
        return super().forward(x) + some[:, None] * self.order


class Scaled(Walks):
    """``Walks`` with a scale of its own in an attribute."""

    def __init__(self):
        super().__init__()
        self.scale = float(3 + torch.rand(()))


class Remembering(Walks):
    """Keeps the scale of the first batch in an attribute."""

    first = None

    def forward(self, x):
        y = super().forward(x)
        if self.first is None:
            self.first = y.detach().std()
        return y / self.first


class Averaging(Walks):
    """Replaces a buffer in training."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(16))

    def forward(self, x):
        y = super().forward(x)
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * y.detach().mean(0)
        return y - self.mean


class Dropped(Walks):
    """``Walks`` with dropout, which acts only in training mode."""

    def forward(self, x):
        return nn.functional.dropout(super().forward(x), 0.5, self.training)


class Toy(Model):
    """A model that builds one of these networks."""

    name, version, prior = "toy", "1", "told"

    def __init__(self, network):
        super().__init__()
        self.network = network

    def build(self, problem):
        return self.network()


def trial(task, network, n_train=0, seed=0):
    """Return a trial with an untrained network, as metrics see it."""
    problem = Problem("graph", task.loss, task.input_shape, task.output_shape, task.symmetry)
    test = task.sample(10, 0, "test")
    return Trained(network(), Toy(network), problem, n_train, seed, test, test.y)


def fwl(a, b, k):
    """Whether k-FWL distinguishes two graphs [2, n, n]; k = 1 is colour refinement."""
    links = np.stack([adjacency(g).numpy().astype(np.int64) for g in (a, b)])
    n = links.shape[-1]
    colours = np.zeros((2, *[n] * k), np.int64)
    for i in range(k):  # the isomorphism type of a tuple
        for j in range(i):
            both = (2 * links + np.eye(n, dtype=np.int64)).reshape(
                2, *[n if axis in (i, j) else 1 for axis in range(k)]
            )
            colours = colours * 4 + both
    count = 0
    while True:
        colours = np.unique(colours, return_inverse=True)[1].reshape(colours.shape)
        histograms = [np.bincount(c.ravel(), minlength=colours.max() + 1) for c in colours]
        if (histograms[0] != histograms[1]).any():
            return True
        if colours.max() + 1 == count:
            return False
        count = colours.max() + 1
        colours = _refined(colours, links if k == 1 else None)


def _refined(colours, links):
    """Add to each tuple's colour the multiset of its neighbours' colours, as a sum of hashes."""
    k, n = colours.ndim - 1, colours.shape[-1]
    total = np.zeros(colours.shape, np.uint64)
    for w in range(n):
        seen = np.zeros(colours.shape, np.int64)
        for axis in range(1, k + 1):
            seen = seen * (colours.max() + 1) + np.take(colours, [w], axis=axis)
        hashed = _mixed(seen.astype(np.uint64))
        total += hashed * links[:, w].astype(np.uint64) if links is not None else hashed
    return (_mixed(total) + _mixed(colours.astype(np.uint64) + np.uint64(7))).view(np.int64)


def _mixed(x):
    """Scramble 64 bits."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return (x ^ (x >> np.uint64(31))) + np.uint64(0x9E3779B97F4A7C15)
