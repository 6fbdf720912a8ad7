"""Networks of several trials have the same values together and one by one."""

from dataclasses import replace

import pytest
import torch
from known_tasks import Angle, Function, Inertia, Minkowski, constant, perceptron, trained
from torch import nn

from symbench.metrics import EquivarianceError, GeneratorOverlap, LieDerivative
from symbench.metrics.conservation import flows
from symbench.metrics.network import (
    Network,
    Networks,
    once,
    once_each,
    once_per_cell,
    one_function,
)


class Counting(nn.Module):
    """Counts its calls; ``branches`` adds a branch on a value, which vmap cannot vectorise."""

    def __init__(self, seed, *, branches=False):
        super().__init__()
        self.net, self.branches, self.calls = perceptron(10, 1, seed), branches, 0

    def forward(self, x):
        self.calls += 1
        return self.net(x) if not self.branches or float(x.sum()) < 1e9 else x[:, :1]


def stack(*modules):
    return Networks([Network(module.double(), torch.float64) for module in modules])


def inputs(trials=3, n=50):
    return torch.randn(trials, n, 10, generator=torch.Generator().manual_seed(0)).double()


def test_networks_of_one_architecture_are_called_once():
    modules = [Counting(seed) for seed in range(3)]
    x = inputs()
    with torch.no_grad():
        expected = torch.stack([m.net.double()(part) for m, part in zip(modules, x, strict=True)])
    torch.testing.assert_close(stack(*modules)(x), expected, rtol=1e-12, atol=1e-12)
    assert sum(module.calls for module in modules) == 1


def test_what_vmap_refuses_is_called_one_by_one():
    modules = [Counting(seed, branches=True) for seed in range(3)]
    networks, x = stack(*modules), inputs()
    for _ in range(2):
        with torch.no_grad():
            expected = [m.net.double()(part) for m, part in zip(modules, x, strict=True)]
        assert torch.equal(networks(x), torch.stack(expected))
    # stacking was tried once, for the first call
    assert [module.calls for module in modules] == [3, 2, 2]


def test_networks_of_two_kinds_are_called_one_by_one():
    modules = [perceptron(10, 1, 0), Counting(1)]
    x = inputs(2)
    assert torch.equal(stack(*modules)(x)[1], stack(modules[1])(x[1:])[0])


def test_an_evaluation_may_differentiate():
    modules, x = [Counting(seed) for seed in range(3)], inputs()
    v = torch.randn(10, generator=torch.Generator().manual_seed(1)).double()

    def slope(module, part):
        return torch.func.jvp(module, (part,), (v.expand_as(part),))[1]

    found = stack(*modules).each(slope, x)
    expected = torch.stack([slope(m, part) for m, part in zip(modules, x, strict=True)])
    torch.testing.assert_close(found, expected.detach(), rtol=1e-10, atol=1e-12)
    assert not found.requires_grad


class Decay(nn.Module):
    """dx/dt = -rate x, exactly."""

    def __init__(self, rate):
        super().__init__()
        self.rate = nn.Parameter(torch.tensor(rate))

    def forward(self, x):
        return self.flow(x, torch.tensor([0.0, 1.0]))

    def flow(self, state, times):
        return state[:, None] * (-self.rate * times.to(state))[:, None].exp()


def test_rollouts_start_from_each_trials_own_states():
    rates = (0.5, 1.0, 2.0)
    one = trained(Angle(), perceptron(10, 1, 0))
    trials = [replace(one, module=Decay(rate)) for rate in rates]
    states = [torch.full((4, 2), float(place)) for place in range(3)]
    found = flows(trials, states, (0.0, 1.0, 3.0))
    expected = [
        state.double()[:, None] * (-rate * torch.tensor([0.0, 1, 3]).double())[:, None].exp()
        for rate, state in zip(rates, states, strict=True)
    ]
    torch.testing.assert_close(found, torch.stack(expected))


def test_a_module_without_float64_is_float32_for_all_trials():
    class Fixed(nn.Linear):
        def forward(self, x):
            if x.dtype != torch.float32:
                raise RuntimeError("expected scalar type Float")
            return super().forward(x)

    trials = [trained(Angle(), Fixed(10, 1)) for _ in range(2)]
    networks = Networks.of(trials)
    assert networks.dtype == torch.float32
    expected = [t.module(x.float()) for t, x in zip(trials, inputs(2), strict=True)]
    torch.testing.assert_close(networks(inputs(2)), torch.stack(expected).detach())


def test_what_is_memoised_is_computed_for_those_that_lack_it():
    owners = [trained(Angle(), perceptron(10, 1, seed)) for seed in range(3)]
    assert once(owners[1], "name", lambda: "own") == "own"
    asked = []

    def compute(missing):
        asked.append(missing)
        return [0] * len(missing)

    for _ in range(2):
        assert once_each(owners, "name", compute) == [0, "own", 0]
    assert [[id(one) for one in some] for some in asked] == [[id(owners[0]), id(owners[2])]]
    with pytest.raises(ValueError, match="shorter"):
        once_each(owners[:1], "other", lambda _: [])


def test_what_a_cell_shares_is_computed_once_for_its_trials():
    first, other = trained(Angle(), perceptron(10, 1, 0)), trained(Angle(), perceptron(10, 1, 1))
    second = replace(other, cell_memo=first.cell_memo)
    assert once_per_cell(first, "name", lambda: "shared") == "shared"
    assert once_per_cell(second, "name", lambda: "never") == "shared"
    assert once_per_cell(other, "name", lambda: "apart") == "apart"


def test_large_inputs_are_evaluated_one_by_one():
    modules = [Counting(seed) for seed in range(3)]
    networks = stack(*modules)
    networks.each(lambda module, x: module(x), inputs(), numbers=2**15 + 1)
    assert [module.calls for module in modules] == [1, 1, 1]
    networks.each(lambda module, x: module(x), inputs(), numbers=2**15)
    assert [module.calls for module in modules] == [2, 1, 1]


class Twofold(nn.Module):
    """One function in float32; in float64 a share of another one is added."""

    def __init__(self, one, other, share=1.0):
        super().__init__()
        self.one, self.other, self.share = one, other, share

    def forward(self, x):
        y = self.one(x)
        return y + self.share * (self.other(x) - y) if x.dtype == torch.float64 else y


@pytest.mark.parametrize("task", [Angle(), Inertia(), Minkowski()], ids=lambda task: task.name)
def test_a_network_and_its_float64_copy_are_one_function(task):
    for seed in range(3):
        net = perceptron(task.input_shape[0], task.output_shape[0], seed)
        assert one_function(trained(task, net)) is None
    assert one_function(trained(task, Function(task.target))) is None


def test_another_function_in_float64_is_noticed_down_to_small_shares():
    net, target = perceptron(10, 1, 0), Angle().target
    deviation = float(trained(Angle(), net).prediction.std())
    for share in (1.0, 0.1, 1e-3):
        assert "another function" in one_function(trained(Angle(), Twofold(net, target, share)))
    # what passes gains less than a hundredth of the deviation
    small = 1e-6 * deviation
    assert one_function(trained(Angle(), Twofold(net, target, small))) is None


def test_no_symmetry_score_is_given_of_another_function():
    trial = trained(Angle(), Twofold(perceptron(10, 1, 0), Angle().target))
    for metric in (EquivarianceError, LieDerivative, GeneratorOverlap):
        assert metric().score(trial, Angle(), None) == {}
        assert "another function" in trial.notes[metric.name]


def test_a_constant_in_one_type_only_is_another_function():
    assert one_function(trained(Angle(), constant(3.0))) is None
    assert one_function(trained(Angle(), Twofold(constant(3.0), perceptron(10, 1, 0))))
    assert one_function(trained(Angle(), Twofold(perceptron(10, 1, 0), constant(3.0))))


def test_rounding_that_a_chaotic_function_amplifies_is_no_other_function():
    def wave(x, rate):
        return x[:, :1] + 0.3 * (rate * x.square().sum(1, keepdim=True)).sin()

    assert one_function(trained(Angle(), Function(lambda x: wave(x, 5e3)))) is None
    # float32 does not compute this function at all
    assert one_function(trained(Angle(), Function(lambda x: wave(x, 1e7))))


def test_chaos_hides_no_more_than_a_hundredth_of_the_deviation():
    def noisy(x):
        return perceptron(10, 1, 0).to(x.dtype)(x) + (1e6 * x.square().sum(1, keepdim=True)).sin()

    assert one_function(trained(Angle(), Twofold(noisy, Angle().target)))


def test_a_large_offset_rounds_more_but_hides_no_more():
    def offset(x):
        return 1e3 + perceptron(10, 1, 0).to(x.dtype)(x) * 10

    assert one_function(trained(Angle(), Function(offset))) is None
    assert one_function(trained(Angle(), Twofold(offset, lambda x: 1e3 + Angle().target(x))))


def test_a_function_that_draws_random_numbers_is_not_one_function():
    def random(x):
        generator = torch.Generator().manual_seed(int(x.dtype == torch.float64))
        return x[:, :1] + torch.randn(len(x), 1, generator=generator).to(x)

    assert "another function" in one_function(trained(Angle(), Function(random)))
