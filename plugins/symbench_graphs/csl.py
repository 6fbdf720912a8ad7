"""Circular skip links: ten classes of graphs that message passing cannot distinguish."""

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

    All graphs are vertex-transitive and 4-regular, with 82 edges. 1-WL gives all nodes of all
    classes one colour, and so do every message-passing network and 2-IGN. Their error on the
    balanced test set is exactly 0.9, which is chance. Closed walks of length at most 8 distinguish
    all ten classes, and so does 2-FWL.

    All graphs of a class are isomorphic, so an invariant network has the same error on training
    and test data, and the published five folds add nothing. Networks that are not invariant are
    tested on new relabelings. The published data have 15 relabelings per class, 150 graphs in all,
    of which 90 are for training. The unit diagonal of the published file is left out here.

    Two training runs of a network that can distinguish the classes may differ, because of the
    optimisation. ``classes_structural`` measures what the network can express.
    """

    name = "csl"
    summary = "class of a circular skip link graph on 41 nodes"
    reference = "Murphy et al. 2019, Relational Pooling (arXiv:1903.02541)"
    loss = "cross-entropy"
    chance = 0.9
    threshold = 0.05
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (10,),
        "quick": (10,),  # more would add nothing: all graphs of a class are isomorphic
        "full": (10, 30, 90),
    }
    input_shape, output_shape = (2, NODES, NODES), (len(SKIPS),)
    updates: ClassVar[Mapping[str, int]] = {"quick": 200, "standard": 400}
    test_size, valid_size = 20, 10  # to an invariant network these are only ten different graphs
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
        """Return the ten graphs [2, 41, 41] in the order of the classes."""
        return list(graphs.pack(torch.stack([circular_skip_links(NODES, r) for r in SKIPS])))

    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Draw n relabelled graphs, n/10 of each class, in random order."""
        generator = self.generator(seed, split)
        y = torch.randperm(n, generator=generator) % len(SKIPS)
        orders = graphs.random_orders(n, NODES, generator)
        return Data(graphs.relabelled(torch.stack(self.classes())[y], orders), y)
