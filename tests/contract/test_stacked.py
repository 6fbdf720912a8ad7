"""Which modules can be stacked, and what a stacked call notices."""

from __future__ import annotations

import odd_modules as odd
import pytest
import torch
from torch import nn
from torch.func import stack_module_state

from symbench.contract.stacked import StackedForward, alike, probe

X = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("module", "stackable"), [(odd.Wrapped, True), (odd.PlainTensor, False), (odd.Closure, False)]
)
def test_modules_are_alike_if_they_differ_in_parameters_and_buffers_only(module, stackable):
    assert alike([module(3, 1) for _ in range(3)]) is stackable


@pytest.mark.parametrize(
    ("module", "assigns"),
    [
        (odd.Wrapped, False),
        (odd.PlainTensor, False),
        (odd.EvalCache, False),
        (odd.FilledInForward, True),
        (odd.AssignedBuffer, True),
        (lambda i, o: nn.Sequential(nn.Linear(i, o), nn.BatchNorm1d(o)), False),
    ],
)
def test_a_probe_sees_assignments_and_changes_nothing(module, assigns):
    module = module(3, 2)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    random, x = torch.get_rng_state(), X.clone()
    found = probe(module, x)
    assert found.assigns is assigns
    assert found.output.shape == (8, 2)
    assert module.training
    assert getattr(module, "scale", None) is None
    assert torch.equal(random, torch.get_rng_state())
    assert torch.equal(x, X)
    assert all(torch.equal(before[name], t) for name, t in module.state_dict().items())


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("module", "assigns"),
    [(odd.Wrapped, False), (odd.FilledInForward, True), (odd.AssignedBuffer, True)],
)
def test_a_stacked_call_is_each_modules_call_and_notices_assignments(module, assigns, together):
    modules = [module(3, 2) for _ in range(2 if together else 1)]
    x = torch.stack([X + i for i in range(len(modules))])
    forward = StackedForward(modules[0], together=together)
    assert not forward.has_assigned()
    outputs = forward(*stack_module_state(modules), x)
    assert forward.has_assigned() is assigns
    alone = torch.stack([one(part.clone()) for one, part in zip(modules, x, strict=True)])
    torch.testing.assert_close(outputs, alone)
