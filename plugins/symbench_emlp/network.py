"""The whole network: blocks and a linear map, in coordinates standardised by the training data.

The dense weights of a network are computed from its coefficients and do not depend on the input.
Code that calls a network many times with the same parameters, such as an integrator, should call
``prepared()`` once and then call its result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from torch import Tensor, nn

from symbench.groups import Standardised
from symbench_emlp.layers import Block, EquivariantBlock, Seen
from symbench_emlp.linear import Affine, EquivariantLinear


class Layers(NamedTuple):
    """Blocks and a last affine map on columns with their dense weights, and their gradient."""

    blocks: list[Block]
    last: Affine

    def __call__(self, x: Tensor) -> Tensor:
        """Return the outputs [out, n] of x [in, n]."""
        for block in self.blocks:
            x, _ = block(x)
        return self.last(x)

    def gradient(self, x: Tensor) -> Tensor:
        """Return the gradient [in, n] at x [in, n] of the sum of all outputs."""
        seen: list[Seen] = []
        for block in self.blocks:
            x, saved = block(x)
            seen.append(saved)
        slope = self.last.weight.sum(0).unsqueeze(1).expand(-1, x.shape[1])
        for block, saved in zip(reversed(self.blocks), reversed(seen), strict=True):
            slope = block.pullback(slope, saved)
        return slope


class Chain(nn.Sequential):
    """Blocks in sequence and a last linear map: [n, in] -> [n, out]."""

    def __init__(self, blocks: Sequence[EquivariantBlock], last: EquivariantLinear) -> None:
        super().__init__(*blocks, last)

    def prepared(self) -> Layers:
        """Return the layers on columns, with their dense weights computed once."""
        *blocks, last = self
        made = [cast(EquivariantBlock, block).prepared() for block in blocks]
        return Layers(made, cast(EquivariantLinear, last).prepared())

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs [n, out]; inside, samples are columns so that rows are long."""
        return self.prepared()(x.mT).mT


class Prepared(NamedTuple):
    """A ``Network`` with its dense weights: the function at its current parameters.

    It is a value: it holds no module and does not follow later changes of the parameters.
    """

    layers: Layers
    centres: tuple[Tensor, Tensor]
    scales: tuple[Tensor, Tensor]
    shape: tuple[int, ...] | None

    def __call__(self, x: Tensor) -> Tensor:
        """Return f(x): [n, ...] -> [n, ...]."""
        y = self.layers(self._standard(x)).mT * self.scales[1] + self.centres[1]
        return y.unflatten(1, self.shape) if self.shape else y

    def gradient(self, x: Tensor) -> Tensor:
        """Return ∂f/∂x [n, d] of a network with one output, at x [n, d].

        Differentiating this explicit gradient again takes half the time of a second derivative
        by autograd.
        """
        slope = self.layers.gradient(self._standard(x)).mT
        return slope * (self.scales[1] / self.scales[0])

    def _standard(self, x: Tensor) -> Tensor:
        return ((x.flatten(1) - self.centres[0]) / self.scales[0]).mT


class Network(Standardised):
    """A ``Chain`` in standardised coordinates."""

    net: Chain
    input_centre: Tensor
    input_scale: Tensor
    output_centre: Tensor
    output_scale: Tensor

    def prepared(self) -> Prepared:
        """Return the function at the current parameters, with its dense weights computed once."""
        return Prepared(
            self.net.prepared(),
            (self.input_centre, self.output_centre),
            (self.input_scale, self.output_scale),
            self._output_shape,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return f(x): [n, ...] -> [n, ...]."""
        return self.prepared()(x)
