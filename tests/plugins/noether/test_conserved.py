"""Conserved quantities by a null space of features and by a network: counts and controls."""

from __future__ import annotations

import pytest
import torch
from symbench_noether.conserved import (
    ConservedQuantities,
    Search,
    constancy,
    invariant_loss,
    invariants,
    learn_invariant,
    monomials,
    quadratic,
)

from symbench import Data, Model, Problem, Task
from symbench.contract import Trained


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def oscillators(*frequencies, damping=0.0):
    w = torch.tensor(frequencies, dtype=torch.float64)

    def field(z):
        q, p = z.chunk(2, -1)
        return torch.cat([w * p, -w * q - damping * p], -1)

    return field


def gravity(z):
    first, second, p1, p2 = z.chunk(4, -1)
    apart = first - second
    force = -apart / apart.norm(dim=-1, keepdim=True) ** 3
    return torch.cat([p1, p2, force, -force], -1)


def with_inverse_distance(z):
    first, second, _, _ = z.chunk(4, -1)
    return torch.cat([monomials(z), 1 / (first - second).norm(dim=-1, keepdim=True)], -1)


def springs(z):
    """Two masses on springs of rest length 1 under gravity; the second spring is twice as stiff."""
    first, second, p1, p2 = z.chunk(4, -1)
    down = torch.tensor([0.0, 0.0, -1.0], dtype=torch.float64)
    apart = first - second
    long, wide = first.norm(dim=-1, keepdim=True), apart.norm(dim=-1, keepdim=True)
    pull = 2 * (wide - 1) * apart / wide
    return torch.cat([p1, p2, down - (long - 1) * first / long - pull, down + pull], -1)


def with_lengths(z):
    first, second, _, _ = z.chunk(4, -1)
    lengths = [v.norm(dim=-1, keepdim=True) for v in (first, first - second)]
    return torch.cat([monomials(z), *lengths], -1)


def bodies():
    x = normal(2000, 8)
    return x[(x[:, :2] - x[:, 2:4]).norm(dim=1) > 0.5]


def hanging():
    rest = torch.tensor([0.0, 0.0, -1.5, 0.0, 0.0, -3.0, *[0.0] * 6], dtype=torch.float64)
    return rest + normal(3000, 12) * torch.tensor([0.2] * 6 + [0.4] * 6, dtype=torch.float64)


CASES = {
    "one oscillator": (oscillators(1.0), quadratic, normal(2000, 2), 1, 0.1),
    "two equal oscillators": (oscillators(1.0, 1.0), quadratic, normal(2000, 4), 4, 0.1),
    "three equal oscillators": (oscillators(1.0, 1.0, 1.0), quadratic, normal(2000, 6), 9, 0.1),
    "two incommensurate": (oscillators(1.0, 2**0.5), quadratic, normal(2000, 4), 2, 0.1),
    "damped": (oscillators(1.0, damping=0.3), quadratic, normal(2000, 2), 0, 0.1),
    "two bodies": (gravity, monomials, bodies(), 7, 0.1),
    "two bodies with energy": (gravity, with_inverse_distance, bodies(), 8, 0.09),
    "springs": (springs, monomials, hanging(), 1, 9e-4),
    "springs with energy": (springs, with_lengths, hanging(), 2, 9e-4),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_null_space_has_its_known_dimension_and_a_gap(case):
    field, features, x, count, gap = case
    found = invariants(field, features, x)
    assert found.exact == found.found == count
    relative = found.values / found.values[-1]
    assert float(relative[:count].sum()) < 1e-13
    assert float(relative[count]) > gap


def test_the_quantity_of_an_oscillator_is_its_energy():
    x = normal(500, 2)
    found = invariants(oscillators(3.0), quadratic, x)
    assert found.exact == 1
    energy = invariants(oscillators(1.0), quadratic, x)
    assert found.cosine(energy) >= 1 - 1e-12


def test_rates_are_those_of_combinations_of_unit_variance():
    """Under dq/dt = -q, relative to their size, the feature q decays at rate 1 and q² at rate 2."""
    x = normal(4000, 1)
    for features, rate in ((lambda x: x, 1.0), (lambda x: x**3, 3.0)):
        found = invariants(lambda x: -x, features, x)
        assert float(found.values) == pytest.approx(rate, rel=0.05)


def test_features_that_repeat_others_or_do_not_vary_are_not_counted():
    x = normal(500, 2)

    def redundant(x):
        return torch.cat([quadratic(x), 2 * quadratic(x), torch.ones_like(x)], -1)

    found = invariants(oscillators(1.0), redundant, x)
    assert (len(found.values), found.exact) == (3, 1)


def test_what_cannot_be_judged_has_no_answer():
    assert invariants(lambda x: x / 0, quadratic, normal(100, 2)) is None
    assert invariants(lambda x: x[:, :1], quadratic, normal(100, 2)) is None
    assert invariants(lambda x: 0 * x, quadratic, normal(100, 2)) is None
    assert invariants(oscillators(1.0), quadratic, normal(3, 2)) is None


class Oscillator(Task):
    """The damped or free oscillator as a mechanical task."""

    name, version, summary, kind = "oscillator", "1", "a test", "trajectory"
    input_shape = output_shape = (2,)
    damping = 0.0
    symmetry = None

    def field(self, state, t):
        return oscillators(1.0, damping=self.damping)(state)

    def sample(self, n, seed, split):
        x = normal(n, 2, seed)
        return Data(x, self.field(x, None))


class Damped(Oscillator):
    damping = 0.3


class Any(Model):
    name, version, prior = "any", "1", "none"

    def build(self, problem):
        raise AssertionError


class Learned(torch.nn.Module):
    def __init__(self, field):
        super().__init__()
        self.field = field


def scores(task, module):
    test = task.sample(200, 0, "test")
    trained = Trained(module, Any(), Problem("trajectory", "mse", (2,), (2,)), 9, 0, test, test.y)
    assert ConservedQuantities().applies(task, Any())
    return ConservedQuantities().score(trained, task, torch.Generator())


def test_the_exact_field_conserves_all_and_a_damped_one_nothing():
    task, damped = Oscillator(), Damped()
    found = scores(task, Learned(task.field))
    assert found["conserved_quantities"] >= 1 - 1e-9
    assert found["conserved_quantities.found"] == found["conserved_quantities.found.truth"] == 1
    found = scores(damped, Learned(damped.field))
    assert "conserved_quantities" not in found
    assert found["conserved_quantities.found"] == found["conserved_quantities.found.truth"] == 0


def test_a_conservative_field_learned_for_a_damped_one_is_a_false_discovery():
    found = scores(Damped(), Learned(Oscillator().field))
    assert found["conserved_quantities.found"] == 1
    assert found["conserved_quantities.found.truth"] == 0


def test_a_field_of_another_invariant_is_told_apart():
    def stretched(state, t):
        return oscillators(1.0)(state) * torch.tensor([2.0, 0.5], dtype=state.dtype)

    found = scores(Oscillator(), Learned(stretched))
    assert found["conserved_quantities.found"] == 1
    assert found["conserved_quantities"] < 0.95


def test_a_module_without_a_field_has_no_score():
    assert scores(Oscillator(), torch.nn.Identity()) == {}


def orbits(damping, seed, groups=20, points=50):
    generator = torch.Generator().manual_seed(seed)
    radius, angle = torch.rand(2, groups, 1, generator=generator)
    t = torch.linspace(0, 6.28, points)
    r, phase = (0.5 + 1.5 * radius) * (-damping * t).exp(), 6.28 * angle - t
    return torch.stack([r * phase.cos(), r * phase.sin()], -1)


def test_the_loss_is_that_of_the_paper():
    """F = q on two groups: the mean variance within, and Q minus that of displaced states."""
    groups = torch.tensor([[[0.0, 0.0], [2.0, 0.0]], [[1.0, 0.0], [1.0, 5.0]]])
    noise = torch.tensor([[[0.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]])
    search = Search(spread=3.0, weight=2.0)
    loss = invariant_loss(lambda x: x[..., 0], groups, noise, search)
    assert float(loss) == pytest.approx((2 + 0) / 2 + 2 * abs(3 - (2 + 0.5) / 2))


@pytest.mark.slow
@pytest.mark.statistics
def test_a_network_finds_the_energy_of_an_oscillator_and_nothing_in_a_damped_one():
    search, test = Search(updates=800), orbits(0.0, 1)
    net = learn_invariant(orbits(0.0, 0), torch.Generator().manual_seed(0), search)
    energy, value = test.square().sum(-1).flatten(), net(test).detach().flatten()
    assert abs(float(torch.corrcoef(torch.stack([energy, value]))[0, 1])) > 0.98
    assert constancy(net, test) < 0.03
    control = learn_invariant(orbits(0.3, 0), torch.Generator().manual_seed(0), search)
    assert constancy(control, orbits(0.3, 1)) > 0.5


def test_the_same_generator_learns_the_same_network_and_leaves_other_randomness_alone():
    before, search = torch.random.get_rng_state(), Search(updates=3)
    nets = [
        learn_invariant(orbits(0.0, 0), torch.Generator().manual_seed(s), search) for s in (0, 0, 1)
    ]
    values = [net(orbits(0.0, 1)) for net in nets]
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])
    assert torch.equal(before, torch.random.get_rng_state())


def test_constancy_is_the_part_of_the_variance_within_groups():
    groups = torch.tensor([[[0.0], [1.0]], [[10.0], [11.0]]])
    assert constancy(lambda x: x[..., 0], groups) == pytest.approx(0.25 / 25.25)
