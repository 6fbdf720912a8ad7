"""The C_N network: exactly invariant under quarter turns of the image."""

from __future__ import annotations

import pytest
import torch
from symbench_discovery.groupconv import GroupConvolution, Lifting, filter_turns
from symbench_discovery.steerable import SteerableCNN
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from symbench.contract import Problem, seeded

DIGITS = Problem("image", "cross-entropy", (1, 8, 8), (10,))


@pytest.mark.parametrize("orientations", [4, 8])
def test_quarter_turns_of_filters_are_those_of_rot90(orientations: int) -> None:
    filters = torch.randn(9, generator=seeded("filter")).double()
    turned = filter_turns(3, orientations)[orientations // 4] @ filters
    torch.testing.assert_close(turned.view(3, 3), torch.rot90(filters.view(3, 3)), rtol=0, atol=0)


@pytest.mark.parametrize("orientations", [4, 8])
def test_layers_turn_with_the_image(orientations: int, stream) -> None:
    lift = Lifting(2, 3, orientations).double()
    convolve = GroupConvolution(3, 4, orientations).double()
    x = torch.randn(2, 2, 7, 7, generator=seeded("x")).double()

    def turned(f: Tensor) -> Tensor:
        return torch.rot90(f.roll(orientations // 4, 2), 1, (3, 4))

    f, g = lift(x), convolve(lift(x))
    lifted = lift(torch.rot90(x, 1, (2, 3)))
    torch.testing.assert_close(lifted, turned(f))
    torch.testing.assert_close(convolve(lifted), turned(g))
    assert float((lifted - f).detach().abs().max()) > 0.1


@pytest.mark.parametrize(("orientations", "side"), [(4, 8), (8, 8), (4, 28)])
def test_logits_are_invariant_under_quarter_turns(orientations: int, side: int, stream) -> None:
    problem = Problem("image", "cross-entropy", (1, side, side), (10,))
    net = SteerableCNN.for_tier("quick", orientations=orientations).build(problem)
    x = torch.randn(20, 1, side, side, generator=seeded("x"))
    y = net(x)
    for quarter in (1, 2, 3):
        torch.testing.assert_close(net(torch.rot90(x, quarter, (2, 3))), y, atol=1e-6, rtol=0)


def test_logits_notice_a_scramble_of_the_pixels(stream) -> None:
    net = SteerableCNN().build(DIGITS)
    x = torch.randn(20, 1, 8, 8, generator=seeded("x"))
    order = torch.randperm(64, generator=seeded("scramble"))
    scrambled = x.flatten(2)[..., order].view_as(x)
    # a thousand times the tolerance for quarter turns above
    assert float((net(scrambled) - net(x)).detach().std()) > 1e-3


def test_networks_train_stacked_as_they_do_alone(stream) -> None:
    modules: list[nn.Module] = [SteerableCNN.for_tier("smoke").build(DIGITS) for _ in range(2)]
    x = torch.randn(3, 1, 8, 8, generator=seeded("x"))

    def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return functional_call(modules[0], (parameters, buffers), (x,))  # type: ignore[no-any-return]

    stacked = vmap(one)(*stack_module_state(modules))
    alone = torch.stack([module(x) for module in modules])
    torch.testing.assert_close(stacked, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "problem",
    [
        Problem("vectors", "mse", (4,), (1,)),
        Problem("image", "mse", (1, 7, 7), (1, 7, 7)),
        Problem("image", "cross-entropy", (1, 8, 6), (10,)),
    ],
)
def test_what_is_no_square_image_to_classify_is_declined(problem: Problem) -> None:
    reason = SteerableCNN().accepts(problem)
    assert reason is not None
    assert "steerable-cnn" in reason
