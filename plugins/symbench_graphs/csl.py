"""Circular skip links: ten classes of regular graphs that message passing cannot tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from symbench import Data, Published, Split, graphs
from symbench_graphs.random_graphs import GraphTask

NODES = 41
SKIPS = (2, 3, 4, 5, 6, 9, 11, 12, 13, 16)  # the classes 0 to 9


def circular_skip_links(nodes: int, skip: int) -> Tensor:
    """Return the adjacency [N, N] of CSL(N, R): edges {i, i + 1} and {i, i + R}, modulo N."""
    i = torch.arange(nodes)
    adjacency = torch.zeros(nodes, nodes)
    for step in (1, skip):
        adjacency[i, (i + step) % nodes] = 1
        adjacency[(i + step) % nodes, i] = 1
    return adjacency


class CSL(GraphTask):
    """The class R of CSL(41, R), randomly relabelled, for the ten R that give different graphs.

    All are 4-regular with 82 edges and vertex-transitive. 1-WL, hence every message-passing network
    and 2-IGN, gives all of them one colour: its error is exactly 0.9, that of a guess, on the
    balanced test set. Closed walks of length at most 8 tell all ten apart, and so does 2-FWL.

    Within a class all graphs are isomorphic, so an invariant network has the same error on training
    and test data, and the published five folds measure nothing of it; networks that are not
    invariant are tested on fresh relabelings. The published data are 15 relabelings a class with
    90 of the 150 graphs to train on (a unit diagonal in the published file is left out here).
    Two trained runs of a network that can tell the classes apart may differ: this is optimisation,
    and ``classes_structural`` says what the network can express.
    """

    name = "csl"
    summary = "class of a circular skip link graph on 41 nodes"
    reference = "Murphy et al. 2019, Relational Pooling (arXiv:1903.02541)"
    loss = "cross-entropy"
    chance = 0.9
    threshold = 0.05
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (10,),
        "quick": (10,),  # all graphs of a class are isomorphic: more of them are no more data
        "full": (10, 30, 90),
    }
    input_shape, output_shape = (2, NODES, NODES), (len(SKIPS),)
    updates: ClassVar[Mapping[str, int]] = {"quick": 100}
    test_size, valid_size = 20, 10  # an invariant network sees ten graphs, however many there are
    published: ClassVar[tuple[Published, ...]] = (
        Published(
            "ring-gnn",
            "Ring-GNN, five folds, run by the authors of benchmarking-gnns",
            "github.com/leichen2018/Ring-GNN, issue 1",
            {90: 0.9},
            score="error",
        ),
    )

    def classes(self) -> list[Tensor]:
        """Return the ten graphs [2, 41, 41], class by class."""
        return list(graphs.pack(torch.stack([circular_skip_links(NODES, r) for r in SKIPS])))

    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Draw n relabelled graphs, n/10 of each class, in random order."""
        generator = self.generator(seed, split)
        y = torch.randperm(n, generator=generator) % len(SKIPS)
        orders = graphs.random_orders(n, NODES, generator)
        return Data(graphs.relabelled(torch.stack(self.classes())[y], orders), y)
