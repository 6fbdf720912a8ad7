"""The temperature of class probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from symbench.metrics.temperature import calibrated


def drawn(seed, n=200, classes=4):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, classes, generator=g)
    labels = torch.distributions.Categorical(logits=logits / 0.5).logits
    return logits, torch.multinomial(labels.exp(), 1, generator=g).flatten()


@pytest.mark.parametrize("seed", range(3))
def test_it_is_that_of_an_independent_minimiser(seed):
    logits, labels = drawn(seed)
    z, y = logits.double().numpy(), labels.numpy()

    def loss(log_t):
        scaled = z / np.exp(log_t)
        return np.mean(np.log(np.exp(scaled).sum(1)) - scaled[np.arange(len(y)), y])

    best = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-10})
    assert calibrated(logits, labels) == pytest.approx(np.exp(best.x), rel=1e-5)


def test_logits_of_known_temperature():
    logits, labels = drawn(0, n=20_000)
    assert calibrated(logits, labels) == pytest.approx(0.5, rel=0.05)


@given(st.integers(0, 5), st.floats(1e-6, 1e6))
@settings(max_examples=25, deadline=None)
def test_a_factor_of_the_logits_gives_the_same_probabilities(seed, factor):
    logits, labels = drawn(seed)
    logits = logits.double()
    assert calibrated(factor * logits, labels) == pytest.approx(
        factor * calibrated(logits, labels), rel=1e-6
    )


def test_constant_and_perfect_logits():
    labels = torch.arange(12) % 3
    assert calibrated(torch.zeros(12, 3), labels) == 1.0
    perfect = torch.nn.functional.one_hot(labels).float()
    assert 0 < calibrated(perfect, labels) < 0.01
