"""Products at points are convolutions."""

from __future__ import annotations

import pytest
import torch
from symbench_discovery.winograd import correlate, filter_points
from torch.func import jvp
from torch.nn import functional

from symbench.contract import seeded


@pytest.mark.parametrize("halved", [False, True])
@pytest.mark.parametrize("side", [2, 3, 4, 7, 8, 13])
def test_correlations_are_those_of_torch(side: int, halved: bool) -> None:
    generator = seeded("winograd", side)
    x = torch.randn(2, 3, side, side, generator=generator, dtype=torch.float64)
    filters = torch.randn(5, 3, 3, 3, generator=generator, dtype=torch.float64)
    points = torch.einsum("pq,oiq->pio", filter_points(x), filters.flatten(2))
    found = correlate(x.permute(2, 3, 0, 1), points, halved=halved).permute(2, 3, 0, 1)
    smaller = functional.avg_pool2d(x, 2) if halved else x
    torch.testing.assert_close(found, functional.conv2d(smaller, filters, padding=1))


def test_rounding_in_single_precision_is_that_of_a_few_additions() -> None:
    x = torch.randn(8, 32, 8, 8, generator=seeded("x"))
    filters = torch.randn(16, 32, 3, 3, generator=seeded("filters")) / 17
    points = torch.einsum("pq,oiq->pio", filter_points(x), filters.flatten(2))
    found = correlate(x.permute(2, 3, 0, 1), points).permute(2, 3, 0, 1)
    exact = functional.conv2d(x.double(), filters.double(), padding=1)
    assert float((found - exact).abs().max()) < 1e-5


def test_what_a_derivative_first_asked_for_serves_later_calls() -> None:
    x, points = torch.ones(6, 6, 1, 1), filter_points(torch.ones(()))[:, :1, None]
    first, tangent = jvp(lambda t: correlate(t, points), (x,), (x,))
    torch.testing.assert_close(tangent, first)
    torch.testing.assert_close(correlate(x, points), first)
