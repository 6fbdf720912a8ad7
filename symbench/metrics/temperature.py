"""The temperature at which class probabilities fit labelled data best."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

_LARGEST = math.log(1e3)  # of |log temperature|
_STEPS = 60  # of golden-section search: the interval shrinks to 1e-12 of its length


def calibrated(logits: Tensor, labels: Tensor) -> float:
    """Return the T > 0 for which softmax(logits / T) has the least cross-entropy.

    The cross-entropy is convex in 1/T, so a search in log T finds the one minimum. The answer is
    between 1e-3 and 1e3 times the standard deviation of the logits; 1 if they do not vary. So
    logits multiplied by any factor give the same probabilities.

    Args:
        logits: [n, classes], finite.
        labels: [n].

    Source: Guo et al. 2017, On calibration of modern neural networks.
    """
    z = logits.double()
    unit = float((z - z.mean(1, keepdim=True)).square().mean().sqrt())
    if not unit > 0:
        return 1.0

    def loss(log_t: float) -> float:
        return float(functional.cross_entropy(z / (unit * math.exp(log_t)), labels))

    low, high, golden = -_LARGEST, _LARGEST, (math.sqrt(5) - 1) / 2
    for _ in range(_STEPS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return unit * math.exp((low + high) / 2)
