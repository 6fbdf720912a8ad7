"""Networks that may leave the symmetry: equivariant at the start, free to follow the target."""

from __future__ import annotations

import pytest
import torch
from symbench_baselines.penalty import LearnedPenaltyMLP
from symbench_discovery.groupconv import GroupConvolution, Lifting
from symbench_discovery.relaxed import RelaxedConvolution, RelaxedLifting, SteerableRelaxed
from symbench_emlp.soft import SoftEMLP, SoftEMLPConfig
from symbench_images.tasks import Rotated
from symbench_scalars.soft import SoftScalars
from symbench_vectors.tasks import O3Inertia, O5Invariant

import symbench
from symbench import seeded

SOFT = [SoftEMLP, SoftScalars]


def built(model, task):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return model.build(symbench.problem(task, model))


def violation(net, task) -> float:
    x = task.sample(32, 0, "valid").x.double()
    law = task.told
    g = law.group.sample(len(x), seeded("g"))
    with torch.no_grad():
        y = law.output.act(g, net.double().eval()(x))
        return float((net(law.input.act(g, x)) - y).norm() / y.norm())


@pytest.mark.parametrize("model", SOFT)
@pytest.mark.parametrize("task", [O5Invariant, O3Inertia])
def test_they_start_equivariant_and_can_leave_the_symmetry(model, task):
    net = built(model.for_tier("smoke"), task())
    assert violation(net, task()) < 1e-12
    with torch.no_grad():
        for name, p in net.named_parameters():
            if "free" in name:
                p.add_(torch.randn(p.shape, generator=seeded(name)).to(p))
    assert violation(net, task()) > 1e-3


def test_without_a_width_soft_emlp_is_exact_whatever_its_free_part():
    net = built(SoftEMLP(SoftEMLPConfig(free=0.0)), O5Invariant())
    with torch.no_grad():
        for name, p in net.named_parameters():
            if "free" in name:
                p.add_(1.0)
    assert violation(net, O5Invariant()) < 1e-12


@pytest.mark.parametrize(
    ("relaxed", "exact"), [(RelaxedLifting, Lifting), (RelaxedConvolution, GroupConvolution)]
)
def test_equal_weights_are_a_group_convolution(relaxed, exact):
    layer, plain = relaxed(2, 3, 4, banks=1, free=1.0), exact(2, 3, 4)
    with torch.no_grad():
        plain.weight.copy_(layer.weight)
    assert torch.allclose(layer.filters(), plain.filters())
    with torch.no_grad():
        layer.delta[0, 1] = 1.0
    change = (layer.filters() - plain.filters()).abs().amax((0, 2, 3))
    assert torch.equal(change > 1e-6, torch.tensor([False, True, False, False]))


def test_the_relaxed_network_starts_invariant_under_quarter_turns():
    net = built(SteerableRelaxed(), Rotated())
    x = torch.rand(4, 1, 8, 8, generator=seeded("x"))
    with torch.no_grad():
        assert torch.allclose(net(x), net(x.rot90(1, (2, 3))), atol=1e-5)
        net.net.lift.delta[0, 0] = 1.0
        assert not torch.allclose(net(x), net(x.rot90(1, (2, 3))), atol=1e-4)


def test_the_penalty_declines_other_losses_and_the_quick_tier():
    view = symbench.problem(O5Invariant(), LearnedPenaltyMLP)
    assert LearnedPenaltyMLP().accepts(view) is None
    assert "twin" in LearnedPenaltyMLP.for_tier("quick").accepts(view)
