"""Known values of the diffused ring: density, score, probability flow, most likely paths."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.integrate import dblquad, solve_ivp
from symbench_noether import rings
from symbench_noether.action import least_action
from symbench_noether.rings import RADIUS, WIDTH, RingDiffusion

# (x, t): log p, score, divergence of the score
KNOWN = {
    (3.0, 1.0, 1.0): (-5.554999112506, (1.185131913722, 0.395043971241), -0.320339922303),
    (6.0, 0.0, 0.5): (-5.063417042712, (-1.893679042653, 0.0), -2.111547466997),
    (0.2, -0.1, 5.0): (-5.563302589386, (-0.004000380999, 0.002000190499), -0.040013334082),
    (-4.0, 3.0, 0.1): (-3.783105711818, (0.080253187675, -0.060189890756), -3.199935890070),
}
# angle of the end in degrees: action without correction, J without, J with
BRIDGES = {
    90: (0.0073439, 0.0, 0.0),
    45: (0.521457, -1.22062, -1.42850),
    0: (1.654572, -1.40772, -2.02020),
    -45: (2.314069, -0.34398, -1.42850),
    -85: (2.432446, -0.03045, -0.17607),
}
TOP, BOTTOM = 5.0, 0.5


def double(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def bridges(correction, intervals=200):
    angles = double(*BRIDGES).deg2rad()
    end = RADIUS * torch.stack([angles.cos(), angles.sin()], 1)
    start = double([0.0, 10.0]).expand_as(end)
    clock = torch.linspace(0, TOP**2 - BOTTOM**2, intervals + 1, dtype=torch.float64)
    lagrangian = rings.reverse_lagrangian(rings.score, TOP, correction)
    return least_action(lagrangian, start, end, clock)


def test_the_ratio_of_bessel_functions():
    ratios = rings.bessel_ratio(double(1.0, 10.0, 100.0))
    assert ratios.tolist() == pytest.approx(
        [0.4463899658965, 0.9485998259548, 0.9949873730052], abs=1e-13
    )
    assert float(rings.bessel_ratio(torch.tensor(1e6))) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("place", "values"), KNOWN.items())
def test_density_score_and_divergence(place, values):
    x, t = double(place[:2]), double(place[2])
    density, score, divergence = values
    assert float(rings.log_density(x, t)) == pytest.approx(density, abs=1e-11)
    assert rings.score(x, t)[0].tolist() == pytest.approx(score, abs=1e-11)
    assert float(rings.divergence(x, t)) == pytest.approx(divergence, abs=1e-11)


def test_the_density_integrates_to_one():
    def density(y, x):
        return math.exp(float(rings.log_density(double([x, y]), double(1.0))))

    quarter = dblquad(density, 0, 12, 0, 12, epsabs=1e-7)[0]
    assert 4 * quarter == pytest.approx(1, abs=1e-6)


def test_the_score_is_the_gradient_of_the_log_density_also_at_the_centre():
    x, t = double([3.0, 1.0], [0.0, 0.0], [1e-7, 0.0]), double(0.7, 1.0, 2.0)
    x.requires_grad_()
    gradient = torch.autograd.grad(rings.log_density(x, t).sum(), x)[0]
    score = rings.score(x, t)
    assert torch.allclose(score, gradient, atol=1e-9)
    slopes = torch.stack(
        [torch.autograd.grad(score[:, i].sum(), x, retain_graph=True)[0][:, i] for i in (0, 1)]
    )
    assert torch.allclose(slopes.sum(0)[[0]], rings.divergence(x, t)[[0]], atol=1e-12)


def test_the_density_obeys_the_heat_equation():
    generator = torch.Generator().manual_seed(0)
    x = 4 * torch.randn(200, 2, generator=generator, dtype=torch.float64)
    t = (0.3 + 3 * torch.rand(200, generator=generator, dtype=torch.float64)).requires_grad_()
    change = torch.autograd.grad(rings.log_density(x, t).sum(), t)[0]
    expected = t * (rings.divergence(x, t) + rings.score(x, t).square().sum(1))
    assert torch.allclose(change, expected, atol=1e-11)


def test_the_second_moment_and_the_fisher_information_of_samples():
    generator = torch.Generator().manual_seed(0)
    n, level = 200_000, 2.0
    angle = 2 * math.pi * torch.rand(n, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, 2, generator=generator, dtype=torch.float64)
    variance = WIDTH**2 + level**2
    x = RADIUS * torch.stack([angle.cos(), angle.sin()], 1) + math.sqrt(variance) * noise
    assert float(x.square().sum(1).mean()) == pytest.approx(RADIUS**2 + 2 * variance, rel=0.01)
    t = torch.full((n,), level, dtype=torch.float64)
    fisher = float(rings.score(x, t).square().sum(1).mean())
    assert fisher == pytest.approx(0.2074, rel=0.01)
    assert -float(rings.divergence(x, t).mean()) == pytest.approx(fisher, rel=0.02)


@pytest.mark.parametrize(
    ("first", "radius", "last"),
    [
        (5.0, 10.0, 5.3630677606),
        (5.0, 5.0, 4.6868565802),
        (5.0, math.hypot(1, 0.5), 3.8406372433),
        (31.6227766, 10.0, 4.1187629393),
    ],
)
def test_the_probability_flow_ends_at_the_known_radius(first, radius, last):
    assert float(rings.flow_radius(double(radius), first, 0.0)) == pytest.approx(last, abs=1e-6)


def test_the_probability_flow_is_that_of_an_integrator():
    def slope(t, r):
        point = double([float(r[0]), 0.0])
        return [-t * float(rings.score(point, double(t))[0, 0])]

    end = solve_ivp(slope, (5.0, 0.5), [10.0], rtol=1e-10, atol=1e-12).y[0, -1]
    assert float(rings.flow_radius(double(10.0), 5.0, 0.5)) == pytest.approx(end, abs=1e-8)


def test_most_likely_bridges_and_their_angular_momenta():
    found = bridges(correction=False)
    assert found.reasons == ("",) * len(BRIDGES)
    J = found.angular_momentum
    assert float((J.amax(1) - J.amin(1)).max()) < 1e-12
    for i, (action, momentum, _) in enumerate(BRIDGES.values()):
        # on 200 intervals; the reference has a grid of the same size and exact boundary terms
        assert float(found.action[i]) == pytest.approx(action, rel=4e-4)
        assert float(J[i].mean()) == pytest.approx(momentum, abs=5e-4)


def test_the_angular_momentum_of_a_bridge_is_not_monotone_in_the_angle():
    momenta = bridges(correction=False, intervals=100).angular_momentum.mean(1).abs()
    assert float(momenta[2]) > float(momenta[1]) > float(momenta[0])
    assert float(momenta[2]) > float(momenta[3]) > float(momenta[4])


def test_with_the_correction_bridges_are_straight_in_the_square_of_the_noise():
    found = bridges(correction=True)
    assert found.reasons == ("",) * len(BRIDGES)
    part = torch.linspace(0, 1, 201).double()[:, None]
    line = found.points[:, :1] * (1 - part) + found.points[:, -1:] * part
    assert float((found.points - line).abs().max()) < 1.6e-3
    start, end = found.points[:, 0], found.points[:, -1]
    exact = (start[:, 0] * end[:, 1] - start[:, 1] * end[:, 0]) / (TOP**2 - BOTTOM**2)
    assert exact.tolist() == pytest.approx([value[2] for value in BRIDGES.values()], abs=1e-5)
    assert torch.allclose(found.angular_momentum.mean(1), exact, atol=1e-3)


def test_targets_are_exact_on_the_test_split_and_minus_the_noise_on_the_others():
    task = RingDiffusion()
    test = task.sample(300, 0, "test", dtype=torch.float64)
    assert torch.equal(test.y, task.target(test.x))
    train = task.sample(50_000, 0, "train", dtype=torch.float64)
    assert float(train.y.std()) == pytest.approx(1, rel=0.01)
    low, high = (math.log(level) for level in task.levels)
    assert low <= float(train.x[:, 2].min()) <= float(train.x[:, 2].max()) <= high


def test_the_mean_of_the_noisy_targets_is_the_exact_one():
    task = RingDiffusion()
    train = task.sample(200_000, 0, "train", dtype=torch.float64)
    exact = task.target(train.x)
    for feature in (
        torch.ones(len(exact), 2).double(),
        exact,
        train.x[:, :2],
        train.x[:, 2:] * exact,
    ):
        rest = ((train.y - exact) * feature).sum(1)
        error = float(rest.std()) / math.sqrt(len(rest))
        assert abs(float(rest.mean())) < 5 * error
    # and the remainder is smaller than the targets
    assert float((train.y - exact).square().mean()) < 0.7


def test_the_target_is_equivariant_under_rotations_of_the_plane():
    task = RingDiffusion()
    x = task.sample(100, 0, "test", dtype=torch.float64).x
    symmetry = task.symmetry
    for g in symmetry.group.sample(5, torch.Generator().manual_seed(0)):
        moved = task.target(symmetry.input.act(g, x))
        assert torch.allclose(moved, symmetry.output.act(g, task.target(x)), atol=1e-12)


def test_the_drift_of_the_reverse_diffusion_is_the_target_times_twice_no_more():
    task = RingDiffusion()
    x = task.sample(100, 0, "test", dtype=torch.float64).x
    assert torch.allclose(task.drift(x[:, :2], x[:, 2].exp()), 2 * task.target(x), atol=1e-13)
