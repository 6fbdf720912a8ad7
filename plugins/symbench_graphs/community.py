"""Recovery of the two blocks of a stochastic block model, up to their names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Split, graphs
from symbench_graphs.random_graphs import GraphTask, bernoulli

NODES, BLOCKS = 60, 2
INSIDE, ACROSS = 0.3, 0.05


def overlap(chosen: Tensor, y: Tensor) -> Tensor:
    """Return the overlaps [n] of blocks ``chosen`` [n, N] with the true ones y [n, k, N] (one-hot).

    The overlap is (a - 1/k) / (1 - 1/k), with a the fraction of correctly assigned nodes under the
    best renaming of the k blocks.
    """
    k = y.shape[1]
    right = [
        y[:, list(names)].gather(1, chosen[:, None]).mean((1, 2))
        for names in permutations(range(k))
    ]
    return (torch.stack(right).amax(0) - 1 / k) / (1 - 1 / k)


@final
class Community(GraphTask):
    """Predict the block of each node, out of two blocks of 30 nodes.

    An edge has probability 0.3 within a block and 0.05 between blocks. The outputs are logits
    [2, N] of the two blocks. The names of the blocks are arbitrary, so loss and error use the
    better of the two namings of each graph; ``error`` is 1 - E[overlap]. Putting all nodes into
    one block has an error of exactly 1. Fair coins have 0.897, because the better naming counts.

    The classical baseline is spectral clustering, the sign of the second eigenvector of the
    adjacency. Its error is 0.015, or 0.008 with the adjacency divided by the square roots of the
    degrees.
    """

    name = "community"
    summary = "recovery of the two blocks of a stochastic block model"
    reference = (
        "Chen, Li, Bruna 2019, Supervised community detection with line graph neural networks "
        "(arXiv:1705.08415); a smaller model than theirs"
    )
    loss = "own"
    chance = 1.0
    threshold = 0.2
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (20,),
        "quick": (),
        "standard": (200,),
        "full": (20, 200, 2000),
    }
    updates: ClassVar[Mapping[str, int]] = {"standard": 200}
    output_order = 1
    input_shape, output_shape = (2, NODES, NODES), (BLOCKS, NODES)
    test_size, valid_size = 100, 64
    # smaller test sets are enough here: the error bars come from the five seeds
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"test_size": 64, "valid_size": 32}
    }

    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Draw n graphs with blocks at random positions."""
        generator = self.generator(seed, split)
        blocks = graphs.random_orders(n, NODES, generator) % BLOCKS
        together = blocks[:, :, None] == blocks[:, None, :]
        A = bernoulli(n, NODES, torch.where(together, INSIDE, ACROSS), generator)
        y = torch.nn.functional.one_hot(blocks, BLOCKS).mT.float()
        return Data(graphs.pack(A), y)

    def objective(self, prediction: Tensor, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """Return the smaller mean cross-entropy of the two namings of the blocks, [n]."""
        logs = prediction.log_softmax(1)
        named = [  # by views: a list of positions would be copied to a GPU in every step
            torch.stack([y[:, block] for block in names], 1)
            for names in permutations(range(BLOCKS))
        ]
        losses = [-(each * logs).sum(1).mean(1) for each in named]
        return torch.stack(losses).amin(0)

    def headline_error(self, prediction: Tensor, test: Data) -> float:
        """Return 1 - E[overlap]."""
        return 1 - float(overlap(prediction.argmax(1), test.y.double()).mean())
