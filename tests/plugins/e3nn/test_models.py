"""The e3nn model: exact equivariance, parity, what it declines, and how it runs."""

from __future__ import annotations

import math
from copy import deepcopy

import e3nn
import pytest
import symbench_e3nn
import torch
from e3nn import o3
from hypothesis import given, settings
from hypothesis import strategies as st
from symbench_e3nn.layers import TensorProductNetwork, bounded, clebsch_gordan, network
from symbench_e3nn.models import E3NN
from torch import Tensor, nn
from torch.func import functional_call, jvp, stack_module_state, vmap

from symbench import InputError, Symmetry
from symbench.contract import Problem, seeded
from symbench.groups import SO, Group, Lorentz, O, Representation, Scalar, Trivial, V
from symbench.registry.registration import Registration


def problem(
    group: Group, inputs: Representation, outputs: Representation, ambient: Group | None = None
) -> Problem:
    law = Symmetry(group, inputs(group), outputs(group))
    return Problem("vectors", "mse", (law.input.size,), (law.output.size,), law, ambient)


AXIAL = SO(2) * Trivial(1)
PROBLEMS = {
    "o3-inertia": problem(O(3), 5 * Scalar + 5 * V, V * V),
    "so3-cross": problem(SO(3), 2 * V, V),
    "mixed-summands": problem(O(3), V + Scalar + V, V + V * V + Scalar),
    "told-too-much": problem(AXIAL, 3 * V, V, ambient=O(3)),
}
SMALL = {"channels": 4}


def inputs_of(view: Problem, n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, view.input_size, generator=seeded("e3nn", seed))


def trained_a_little(view: Problem, seed: int = 0) -> nn.Module:
    """Return a calibrated network away from its start, where its layers are the identity."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = E3NN.for_tier("quick", **SMALL).build(view)
    generator = seeded("step", seed)
    y = torch.randn(64, *view.output_shape, generator=generator)
    module.calibrate(inputs_of(view, 64, seed), y)  # type: ignore[operator]
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return module


def relative_error(a: Tensor, b: Tensor) -> float:
    return float(((a - b).norm() / b.norm()).detach())


def law_error(module: nn.Module, view: Problem, group: Group, g: Tensor) -> float:
    if view.symmetry is None:
        raise ValueError("no symmetry")
    rho_in, rho_out = view.symmetry.input.rebind(group), view.symmetry.output.rebind(group)
    dtype = next(module.parameters()).dtype
    x, g = inputs_of(view, len(g)).to(dtype), g.to(dtype)
    return relative_error(module(rho_in.act(g, x)), rho_out.act(g, module(x)))


@pytest.mark.parametrize("name", PROBLEMS)
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**20))
def test_outputs_move_with_the_inputs(name: str, seed: int) -> None:
    view = PROBLEMS[name]
    if view.symmetry is None:
        raise ValueError("no symmetry")
    group = view.ambient or view.symmetry.group
    g = group.sample(8, seeded("g", seed))
    module = trained_a_little(view)
    assert law_error(module, view, group, g) < 1e-5
    assert law_error(module.double(), view, group, g) < 1e-12


def test_float64_is_exact_even_after_a_conversion_to_float32() -> None:
    view = PROBLEMS["o3-inertia"]
    module = deepcopy(trained_a_little(view).double().float()).double()
    assert law_error(module, view, O(3), O(3).sample(8, seeded("g"))) < 1e-12


def test_told_so3_it_distinguishes_mirror_images_and_told_o3_it_does_not() -> None:
    mirror = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)).expand(8, 3, 3)
    for group, low, high in ((SO(3), 1e-2, math.inf), (O(3), 0.0, 1e-12)):
        view = problem(group, 2 * V, V)
        error = law_error(trained_a_little(view).double(), view, O(3), mirror)
        assert low <= error < high


def test_the_first_irrep_has_the_axes_of_the_defining_representation() -> None:
    rotation = SO(3).sample(1, seeded("axes"))[0].float()
    torch.testing.assert_close(o3.Irrep("1o").D_from_matrix(rotation), rotation, atol=1e-5, rtol=0)


def test_products_of_two_vectors_are_dot_cross_and_traceless_square() -> None:
    a, b = torch.randn(2, 3, generator=seeded("ab"), dtype=torch.float64)
    vector = o3.Irrep("1o")
    dot, cross, square = (
        torch.einsum("i,j,ijk->k", a, b, clebsch_gordan(vector, vector, o3.Irrep(out)))
        for out in ("0e", "1e", "2e")
    )
    torch.testing.assert_close(dot.abs(), (a @ b)[None].abs() / math.sqrt(3))
    expected = torch.linalg.cross(a, b) / math.sqrt(2)
    torch.testing.assert_close(cross * (cross @ expected).sign(), expected)
    symmetric = (torch.outer(a, b) + torch.outer(b, a)) / 2 - (a @ b) / 3 * torch.eye(3).double()
    torch.testing.assert_close(square.norm(), symmetric.norm())


def test_bounded_features_stay_below_their_root_mean_square_of_one() -> None:
    x = torch.randn(9, 12, generator=seeded("x")) * torch.logspace(-3, 6, 9)[:, None]
    assert float(bounded(x).square().mean(1).max()) <= 1.0 + 1e-6
    torch.testing.assert_close(bounded(x)[0], x[0], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (Problem("vectors", "mse", (6,), (3,)), "no symmetry"),
        (Problem("image", "mse", (6,), (3,), PROBLEMS["so3-cross"].symmetry), "image"),
        (problem(O(5), 2 * V, Scalar), "O(5)"),
        (problem(Lorentz(), 4 * V, Scalar), "O(1,3)"),
        (problem(AXIAL, 2 * V, V), "SO(2)"),
        (problem(O(3), V * V, Scalar), "rank"),
        (problem(O(3), V, V * V * V), "rank"),
    ],
)
def test_what_cannot_be_read_is_declined_with_the_reason(view: Problem, words: str) -> None:
    assert words in str(E3NN().accepts(view))


def test_the_tasks_on_space_are_accepted() -> None:
    assert [E3NN().accepts(view) for view in PROBLEMS.values()] == [None] * len(PROBLEMS)


@pytest.mark.parametrize("name", PROBLEMS)
def test_stacked_networks_compute_what_each_computes_alone(name: str) -> None:
    view = PROBLEMS[name]
    modules = [trained_a_little(view, seed) for seed in range(2)]
    x = inputs_of(view, 5)

    def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return functional_call(modules[0], (parameters, buffers), (x,))  # type: ignore[no-any-return]

    stacked = vmap(one)(*stack_module_state(modules))
    alone = torch.stack([module(x) for module in modules])
    torch.testing.assert_close(stacked, alone, atol=1e-4, rtol=1e-4)


def test_forward_derivatives_are_those_of_the_function() -> None:
    view = PROBLEMS["o3-inertia"]
    module = trained_a_little(view).double()
    x, direction = inputs_of(view, 4).double(), inputs_of(view, 4, seed=1).double()
    tangent = jvp(module, (x,), (direction,))[1]
    step = 1e-6 * direction
    assert relative_error(tangent, (module(x + step) - module(x - step)) / 2e-6) < 1e-6


def test_equal_seeds_build_equal_networks_and_no_global_state_is_left() -> None:
    def built(seed: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = E3NN.for_tier("quick", **SMALL).build(PROBLEMS["so3-cross"])
        return nn.utils.parameters_to_vector(module.parameters())

    before = (e3nn.get_optimization_defaults(), torch.get_default_dtype())
    assert torch.equal(built(1), built(1))
    assert not torch.equal(built(1), built(2))
    assert (e3nn.get_optimization_defaults(), torch.get_default_dtype()) == before


def test_inputs_of_the_wrong_size_are_refused() -> None:
    module = E3NN.for_tier("quick", **SMALL).build(PROBLEMS["so3-cross"])
    with pytest.raises(InputError, match="expected"):
        module.net(torch.zeros(2, 5))  # type: ignore[operator]


@pytest.mark.statistics
def test_a_cross_product_is_learned_under_so3_and_not_under_o3() -> None:
    x = torch.randn(300, 6, generator=seeded("cross"))
    y = torch.linalg.cross(x[:, :3], x[:, 3:])
    errors = {}
    for group in (SO(3), O(3)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = E3NN.for_tier("quick", **SMALL).build(problem(group, 2 * V, V))
        module.calibrate(x[:200], y[:200])  # type: ignore[operator]
        optimiser = torch.optim.Adam(module.parameters(), lr=1e-2)
        for _ in range(80):
            loss = (module(x[:200]) - y[:200]).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        errors[str(group)] = float(((module(x[200:]) - y[200:]).square().mean() / y.var()).detach())
    assert errors["SO(3)"] < 0.1
    assert errors["O(3)"] > 0.9


def test_the_card_says_what_the_class_says() -> None:
    registration = Registration("symbench_e3nn")
    symbench_e3nn.symbench_register(registration)
    (card,) = registration.cards
    assert card.load() is E3NN
    assert (card.name, card.version, card.summary) == (E3NN.name, E3NN.version, E3NN.summary)
    assert card.details == {"prior": E3NN.prior, "equivariant": True}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_network_is_the_one_that_the_constructor_makes(name):
    group = O(3) if name != "so3-cross" else SO(3)
    law = tuple(rep.rebind(group) for rep in (PROBLEMS[name].symmetry.input,
                                              PROBLEMS[name].symmetry.output))  # fmt: skip
    for seed in range(2):
        made = []
        for make in (TensorProductNetwork, network):
            torch.manual_seed(seed)
            made.append((make(*law, 4, 1), torch.rand(3)))
        (one, after_one), (other, after_other) = made
        assert torch.equal(after_one, after_other)  # both have drawn as many numbers
        states = one.state_dict(), other.state_dict()
        assert states[0].keys() == states[1].keys()
        assert all(torch.equal(tensor, states[1][key]) for key, tensor in states[0].items())
        x = torch.randn(5, law[0].size)
        assert torch.equal(one(x), other(x))


def test_copies_share_code_and_no_tensor():
    law = PROBLEMS["so3-cross"].symmetry
    net = network(law.input, law.output, 4, 1)
    other = deepcopy(net)
    kept = {id(part) for part in net.modules()} & {id(part) for part in other.modules()}
    assert kept
    assert all(not [*part.parameters(), *part.buffers()] for part in net.modules()
               if id(part) in kept)  # fmt: skip
    before = other.embedding.weight.clone()
    with torch.no_grad():
        net.embedding.weight.add_(1)
    assert torch.equal(other.embedding.weight, before)
