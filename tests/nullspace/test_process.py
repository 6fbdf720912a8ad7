"""Kernel regression, its derivative in closed form, and labels from its prior."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from symbench.contract import Data, seeded
from symbench.nullspace import process as kernel
from symbench.nullspace.process import Choice, Regression


def normal(*shape, seed="kernel"):
    return torch.randn(*shape, generator=seeded(seed, *shape), dtype=torch.float64)


def smooth(x):
    return torch.stack([x.sin().sum(1), (x[:, 0] * x[:, 1])], 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(1, 3), st.floats(0.5, 5), st.sampled_from([1e-4, 1e-1]))
def test_the_derivative_in_closed_form_is_that_of_the_function(size, outputs, length, noise):
    x, y, probes = normal(20, size), normal(20, outputs), normal(7, size, seed="probes")
    f = Regression(normal(size, size, seed="T") / length, noise, x).of(y)
    value, jacobian = f.derivative(probes)
    expected = torch.func.vmap(torch.func.jacrev(lambda x: f(x[None])[0]))(probes)
    assert torch.allclose(value, f(probes))
    assert torch.allclose(jacobian, expected, rtol=1e-5, atol=1e-6)


def test_without_noise_it_interpolates_and_with_much_noise_it_is_the_mean():
    x = normal(30, 3)
    for noise, wanted in ((1e-9, smooth(x)), (1e9, smooth(x).mean(0).expand(30, 2))):
        f = Regression(torch.eye(3).double(), noise, x).of(smooth(x))
        assert torch.allclose(f(x), wanted, atol=1e-3)


def test_fewer_centres_than_examples_give_nearly_the_same_function(monkeypatch):
    x, probes = normal(300, 2), normal(100, 2, seed="probes")
    exact = Regression(torch.eye(2).double() / 2, 1e-4, x).of(smooth(x))(probes)
    monkeypatch.setattr(kernel, "_CENTRES", 150)
    reduced = Regression(torch.eye(2).double() / 2, 1e-4, x).of(smooth(x))
    assert len(reduced.z) == 150
    assert float((reduced(probes) - exact).norm() / exact.norm()) < 0.01


def test_it_computes_in_float64_whatever_the_type_of_its_input():
    x = normal(30, 3)
    f = Regression(torch.eye(3).double(), 1e-6, x).of(smooth(x))
    single = f(x.float())
    assert single.dtype == torch.float32
    assert torch.allclose(single.double(), f(x.float().double()), atol=1e-6)


@pytest.mark.parametrize("length", [1.5, 6.0])
def test_labels_from_the_prior_have_its_covariance(length):
    x = normal(6, 2)
    draws = Regression(torch.eye(2).double() / length, 1e-6, x).prior(20_000, seeded("draws"))
    found = draws @ draws.mT / draws.shape[1]
    assert torch.allclose(found, kernel.kernel(x / length, x / length), atol=0.1)


def test_the_choice_predicts_held_out_examples_and_sees_their_noise():
    x = normal(250, 2)
    clean = smooth(x)
    noisy = clean + normal(*clean.shape, seed="noise")
    exact, rough = (
        Choice.of(torch.eye(2).double(), Data(x[:200], y[:200]), Data(x[200:], y[200:]))
        for y in (clean, noisy)
    )
    assert exact.error < 1e-3 < rough.error
    assert exact.noise < rough.noise
    assert exact.longer > exact.length


def test_labels_that_do_not_vary_leave_the_error_of_a_guess():
    x, y = normal(20, 2), torch.ones(20, 1).double()
    assert Choice.of(torch.eye(2).double(), Data(x[:16], y[:16]), Data(x[16:], y[16:])).error == 1
