"""The networks of the scalars models."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from symbench_scalars.layers import (
    BilinearPerceptron,
    Combination,
    Parts,
    ZScore,
    invariant_count,
    invariants,
    perceptron,
    products,
)
from symbench_scalars.signature import Signature


class ScalarNetwork(nn.Module):
    """Coefficients from standardised scalars and invariants, and equivariant outputs from these."""

    def __init__(self, law: Signature, width: int, depth: int) -> None:
        super().__init__()
        self._definite = law.group.q == 0
        features = law.scalars + invariant_count(law.vectors, definite=self._definite)
        self.parts = Parts(law)
        self.standard = ZScore(features)
        self.combination = Combination(law)
        self.net = BilinearPerceptron(features, width, depth, sum(self.combination.counts()))

    def calibrate(self, x: Tensor, y: Tensor) -> None:  # noqa: ARG002 - only features
        """Store the statistics of the features of the training inputs x."""
        self.standard.calibrate(self._features(*self.parts(x)))

    def forward(self, x: Tensor) -> Tensor:
        """Return y: [n, input size] -> [n, output size]."""
        scalars, vectors, covectors = self.parts(x)
        z = self.standard(self._features(scalars, vectors, covectors))
        return cast(Tensor, self.combination(self.net(z), vectors))

    def _features(self, scalars: Tensor, vectors: Tensor, covectors: Tensor) -> Tensor:
        return torch.cat([scalars, invariants(vectors, covectors, definite=self._definite)], 1)


class PublishedNetwork(nn.Module):
    """A ReLU perceptron on the raw scalars and products, as in the code of Yao et al. (2021)."""

    def __init__(self, law: Signature, width: int, depth: int) -> None:
        super().__init__()
        self.parts = Parts(law)
        self.combination = Combination(law, ordered=True)
        features = law.scalars + invariant_count(law.vectors, definite=False)
        outputs = sum(self.combination.counts())
        self.net = perceptron(features, [width] * depth, outputs, nn.ReLU)

    def forward(self, x: Tensor) -> Tensor:
        """Return y: [n, input size] -> [n, output size]."""
        scalars, vectors, covectors = self.parts(x)
        features = torch.cat([scalars, products(vectors, covectors)], 1)
        return cast(Tensor, self.combination(self.net(features), vectors))
