"""Networks of several trials have the same values together and one by one."""

from dataclasses import replace

import pytest
import torch
from known_tasks import Angle, perceptron, trained
from torch import nn

from symbench.metrics.conservation import flows
from symbench.metrics.network import Network, Networks, once, once_each, once_per_cell


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
