"""The statistic of the paired comparison, in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import f as fisher
from symbench_graphs.pair_fleet import Protocol
from symbench_graphs.pair_statistic import critical, same, t_squared
from symbench_graphs.paired import PairVerdict


def interlaced(D):
    """Return embeddings whose differences are D [T, q, d]."""
    return torch.stack([D, torch.zeros_like(D)], 2).flatten(1, 2)


def test_the_threshold_of_the_published_code_is_72_34():
    assert critical(32, 16) == pytest.approx(72.338, abs=2e-3)
    assert critical(16, 16) == math.inf


def test_without_q_the_level_is_5e_12_rather_than_5_per_cent():
    proper = 32 * critical(32, 16) * (32 - 16) / (31 * 16)
    assert fisher.sf(proper, 16, 16) == pytest.approx(5.5e-12, rel=0.05)


@pytest.mark.parametrize("mean", [0.0, 0.5, 3.0])
def test_in_one_dimension_it_is_the_squared_mean_over_the_variance(mean):
    D = mean + torch.tensor([1.0, -1.0]).repeat(16)[None, :, None]
    assert float(t_squared(interlaced(D)).value) == pytest.approx(mean**2 * 31 / 32)


def test_in_more_dimensions_it_solves_with_the_covariance():
    D = torch.randn(5, 32, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    D = D + 0.3
    expected = [d.mean(0) @ torch.linalg.solve(torch.cov(d.T), d.mean(0)) for d in D]
    torch.testing.assert_close(t_squared(interlaced(D)).value, torch.stack(expected))


def test_it_does_not_change_under_a_linear_map():
    generator = torch.Generator().manual_seed(1)
    D = torch.randn(3, 32, 16, generator=generator, dtype=torch.float64) + 0.5
    A = torch.randn(16, 16, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(t_squared(interlaced(D)).value, t_squared(interlaced(D @ A)).value)


def test_with_q_noise_passes_the_threshold_in_5_per_cent_of_cases_and_never_without():
    D = torch.randn(4000, 32, 16, generator=torch.Generator().manual_seed(2))
    value = t_squared(interlaced(D)).value
    share = float((32 * value > critical(32, 16)).double().mean())
    assert abs(share - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 4000)
    assert float(value.max()) < critical(32, 16)


def test_without_any_relabelling_noise_it_is_zero_and_says_so():
    D = torch.tensor([[[0.1, 0.2]], [[0.0, 0.0]]]).expand(2, 32, 2)
    found = t_squared(interlaced(D))
    assert found.value.tolist() == [0, 0]
    assert found.degenerate.tolist() == [True, False]


def test_what_is_not_finite_has_no_statistic():
    D = torch.randn(2, 32, 3, generator=torch.Generator().manual_seed(3)) + 100
    D[0, 4, 1] = float("nan")
    value = t_squared(interlaced(D)).value
    assert value[0] == 0
    assert value[1] > 1000


def test_statistics_that_agree_are_not_a_separation():
    a = torch.tensor([1e9, 100.0, 0.0])
    assert same(a, torch.tensor([1e9 + 5e3, 100.1, 5e-7])).tolist() == [True, False, True]
    assert PairVerdict(100.0, 1.0, False).separated(32, Protocol())
    assert not PairVerdict(100.0, 100.0, False).separated(32, Protocol())
    assert PairVerdict(100.0, 100.0, False).unreliable(32, Protocol())
    assert not PairVerdict(70.0, 1.0, False).separated(32, Protocol())
    assert PairVerdict(70.0, 1.0, False).separated(32, Protocol(include_q=True))
