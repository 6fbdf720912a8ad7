"""The scalars models: exact equivariance, what they decline, and how they run."""

from __future__ import annotations

from copy import deepcopy

import pytest
import symbench_scalars
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbench_scalars.models import PermutationScalars, PublishedScalars, Scalars
from symbench_scalars.soft import SoftScalars
from torch import Tensor, nn
from torch.func import functional_call, jvp, stack_module_state, vmap

from symbench import InputError, Model, Symmetry
from symbench.contract import Calibrates, Problem, seeded
from symbench.groups import (
    SO,
    C,
    Group,
    Lorentz,
    O,
    Representation,
    Rescaled,
    Scalar,
    Sp,
    Standardised,
    Trivial,
    V,
)
from symbench.registry.registration import Registration


def problem(
    group: Group,
    inputs: Representation,
    outputs: Representation,
    bodies: int = 1,
    ambient: Group | None = None,
) -> Problem:
    law = Symmetry(group, inputs(group), outputs(group), bodies)
    return Problem("vectors", "mse", (law.input.size,), (law.output.size,), law, ambient)


AXIAL = SO(2) * Trivial(1)
PROBLEMS = {
    "o5-invariant": problem(O(5), 2 * V, Scalar),
    "o3-inertia": problem(O(3), 5 * Scalar + 5 * V, V * V, bodies=5),
    "lorentz-scattering": problem(Lorentz(), 4 * V, Scalar),
    "lorentz-tensors": problem(Lorentz(), 4 * V, V + V * V, bodies=2),
    "mixed-summands": problem(SO(3), V + Scalar + 2 * V, 2 * Scalar + V * V + V),
    "told-too-much": problem(AXIAL, 4 * V, 4 * V, bodies=2, ambient=O(3)),
}
MODELS: list[type[Scalars] | type[PublishedScalars]] = [
    Scalars,
    PermutationScalars,
    PublishedScalars,
]
CASES = [
    (model, name)
    for name, view in PROBLEMS.items()
    for model in MODELS
    if model().accepts(view) is None
]


def inputs_of(view: Problem, n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, view.input_size, generator=seeded("scalars", seed))


def trained_a_little(model: Model, view: Problem, seed: int = 0) -> nn.Module:
    """Return a calibrated network away from its start, where zero layers would hide errors."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = model.build(view)
    x = inputs_of(view, 64, seed) * torch.linspace(0.2, 2.0, view.input_size)
    if isinstance(module, Calibrates):
        module.calibrate(x, torch.randn(64, *view.output_shape, generator=seeded("y", seed)))
    generator = seeded("step", seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return module


def moved(view: Problem, seed: int) -> tuple[Representation, Representation, Tensor]:
    if view.symmetry is None:
        raise ValueError("no symmetry")
    group = view.ambient or view.symmetry.group
    g = group.sample(16, seeded("g", seed))
    return view.symmetry.input.rebind(group), view.symmetry.output.rebind(group), g


def relative_error(a: Tensor, b: Tensor) -> float:
    return float(((a - b).norm() / b.norm()).detach())


def test_every_model_reads_the_tasks_it_is_meant_for() -> None:
    accepted = {model.name: {name for m, name in CASES if m is model} for model in MODELS}
    assert accepted["scalars"] == accepted["scalars-2021"] == set(PROBLEMS)
    assert accepted["scalars-perm"] == {"o3-inertia", "lorentz-tensors", "told-too-much"}


@pytest.mark.parametrize(("model", "name"), CASES)
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**20))
def test_outputs_move_with_the_inputs(model: type[Model], name: str, seed: int) -> None:
    view = PROBLEMS[name]
    rho_in, rho_out, g = moved(view, seed)
    module = trained_a_little(model(), view)
    x = inputs_of(view, 16, seed)
    single = relative_error(module(rho_in.act(g.float(), x)), rho_out.act(g.float(), module(x)))
    double = deepcopy(module).double()
    x = x.double()
    error = relative_error(double(rho_in.act(g, x)), rho_out.act(g, double(x)))
    compact = rho_in.group.is_compact
    assert error < (1e-12 if compact else 1e-10)
    assert single < (1e-5 if compact else 1e-4)


def test_the_test_of_equivariance_sees_a_perceptron() -> None:
    view = PROBLEMS["o3-inertia"]
    rho_in, rho_out, g = moved(view, 0)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 32), nn.SiLU(), nn.Linear(32, 9))
    x = inputs_of(view, 16)
    error = relative_error(net(rho_in.act(g.float(), x)), rho_out.act(g.float(), net(x)))
    assert error > 0.1


def permuted(view: Problem, x: Tensor, order: Tensor) -> Tensor:
    """Permute the bodies of inputs with the scalars of all bodies first, then the vectors."""
    if view.symmetry is None:
        raise ValueError("no symmetry")
    parts = torch.split(x, [summand.size for summand in view.symmetry.input.summands], dim=1)
    bodies = view.symmetry.bodies
    places = [start + int(i) for start in range(0, len(parts), bodies) for i in order]
    return torch.cat([parts[place] for place in places], 1)


@pytest.mark.parametrize("name", [name for model, name in CASES if model is PermutationScalars])
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**20))
def test_the_permutation_model_does_not_depend_on_the_order_of_bodies(name: str, seed: int) -> None:
    view = PROBLEMS[name]
    if name == "told-too-much":  # its outputs are indexed by body; the mean over them is not
        view = problem(AXIAL, 4 * V, V, bodies=2, ambient=O(3))
    module = trained_a_little(PermutationScalars(), view).double()
    x = inputs_of(view, 16, seed).double()
    bodies = 1 if view.symmetry is None else view.symmetry.bodies
    order = torch.randperm(bodies, generator=seeded("order", seed))
    assert relative_error(module(permuted(view, x, order)), module(x)) < 1e-12


@pytest.mark.parametrize("model", [Scalars, PublishedScalars])
def test_the_other_models_depend_on_the_order_of_bodies(model: type[Model]) -> None:
    view = PROBLEMS["o3-inertia"]
    module = trained_a_little(model(), view).double()
    x = inputs_of(view, 16).double()
    swapped = permuted(view, x, torch.tensor([1, 0, 2, 3, 4]))
    assert relative_error(module(swapped), module(x)) > 1e-3


def test_mirror_images_are_not_distinguished_under_so3() -> None:
    view = PROBLEMS["mixed-summands"]
    rho_in, rho_out = O(3), O(3)
    if view.symmetry is None:
        raise ValueError("no symmetry")
    mirror = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    act_in, act_out = view.symmetry.input.rebind(rho_in), view.symmetry.output.rebind(rho_out)
    module = trained_a_little(Scalars(), view).double()
    x = inputs_of(view, 8).double()
    assert relative_error(module(act_in.act(mirror, x)), act_out.act(mirror, module(x))) < 1e-12


def test_the_translation_option_takes_vectors_relative_to_their_mean() -> None:
    view = PROBLEMS["o3-inertia"]
    shift = torch.cat([torch.zeros(5), torch.tensor([1.0, -2.0, 0.5]).repeat(5)]).double()
    x = inputs_of(view, 8).double()
    for model in (Scalars, PermutationScalars):
        option = model.for_tier("quick", translation=True)
        relative = trained_a_little(option, view).double()
        absolute = trained_a_little(model(), view).double()
        assert relative_error(relative(x + shift), relative(x)) < 1e-12
        assert relative_error(absolute(x + shift), absolute(x)) > 1e-3


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (Problem("vectors", "mse", (10,), (1,)), "no symmetry"),
        (Problem("image", "mse", (10,), (1,), PROBLEMS["o5-invariant"].symmetry), "image"),
        (problem(Sp(2), 2 * V, Scalar), "O(p,q)"),
        (problem(C(4), 2 * V, Scalar), "O(p,q)"),
        (problem(AXIAL, 2 * V, V), "O(p,q)"),
        (problem(O(3), V * V, Scalar), "rank"),
        (problem(O(3), V, V * V * V), "rank"),
        (problem(O(3), 3 * Scalar, Scalar), "no vector"),
        (problem(Lorentz(), V + V.dual, Scalar), "covectors"),
        (
            Problem("vectors", "mse", (9,), (1,), PROBLEMS["o5-invariant"].symmetry),
            "maps 10 to 1 coordinates, but the task maps 9 to 1",
        ),
    ],
)
@pytest.mark.parametrize("model", MODELS)
def test_what_cannot_be_read_is_declined_with_the_reason(
    model: type[Model], view: Problem, words: str
) -> None:
    assert words in str(model().accepts(view))
    with pytest.raises(InputError, match=words.replace("(", r"\(").replace(")", r"\)")):
        model().build(view)


def test_the_permutation_model_declines_a_single_body_and_shared_inputs() -> None:
    model = PermutationScalars()
    assert "no bodies" in str(model.accepts(PROBLEMS["o5-invariant"]))
    assert "each of the 5 bodies" in str(model.accepts(problem(O(3), 5 * V + V, V, bodies=5)))
    mixed = problem(O(3), Scalar + V + Scalar + V, V, bodies=2)
    assert "each of the 2 bodies" in str(model.accepts(mixed))


def test_the_translation_option_needs_two_vectors() -> None:
    model = Scalars.for_tier("quick", translation=True)
    assert "two" in str(model.accepts(problem(O(3), V, Scalar)))


@pytest.mark.parametrize(("model", "name"), CASES)
def test_stacked_networks_compute_what_each_computes_alone(model: type[Model], name: str) -> None:
    view = PROBLEMS[name]
    modules = [trained_a_little(model(), view, seed) for seed in range(2)]
    x = inputs_of(view, 5)

    def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return functional_call(modules[0], (parameters, buffers), (x,))  # type: ignore[no-any-return]

    stacked = vmap(one)(*stack_module_state(modules))
    alone = torch.stack([module(x) for module in modules])
    torch.testing.assert_close(stacked, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("model", "name"), CASES)
def test_forward_derivatives_are_those_of_the_function(model: type[Model], name: str) -> None:
    view = PROBLEMS[name]
    module = trained_a_little(model(), view).double()
    x = inputs_of(view, 4).double()
    direction = inputs_of(view, 4, seed=1).double()
    tangent = jvp(module, (x,), (direction,))[1]
    step = 1e-6 * direction
    difference = (module(x + step) - module(x - step)) / 2e-6
    assert relative_error(tangent, difference) < 1e-6


@pytest.mark.parametrize("model", [Scalars, PermutationScalars])
def test_vanishing_vectors_have_finite_derivatives(model: type[Model]) -> None:
    view = PROBLEMS["o3-inertia"]
    module = trained_a_little(model(), view)
    x = torch.zeros(2, view.input_size, requires_grad=True)
    module(x).sum().backward()
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())


@pytest.mark.parametrize("model", MODELS)
def test_inputs_of_the_wrong_size_are_refused(model: type[Model]) -> None:
    view = PROBLEMS["o3-inertia"]
    module = model().build(view)
    net = module.net if isinstance(module, Standardised | Rescaled) else module
    with pytest.raises(InputError, match="expected"):
        net(torch.zeros(3, 19))


@pytest.mark.parametrize("model", MODELS)
def test_features_do_not_depend_on_zeros_in_the_data(model: type[Model]) -> None:
    view = PROBLEMS["o3-inertia"]
    module = model().build(view)
    x = inputs_of(view, 16)
    x[0] = 0  # every product of the first example is zero
    if isinstance(module, Calibrates):
        module.calibrate(x, torch.randn(16, 9, generator=seeded("y")))
    full = model().build(view)
    assert [p.shape for p in module.parameters()] == [p.shape for p in full.parameters()]
    if not isinstance(module, Rescaled):  # whose units have the shapes of the data
        assert [b.shape for b in module.buffers()] == [b.shape for b in full.buffers()]
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=seeded(parameter.shape)))
    moved = x.clone()
    moved[0, -3:] = 1
    assert float((module(moved) - module(x))[0].detach().abs().max()) > 1e-4


@pytest.mark.parametrize("model", MODELS)
def test_equal_seeds_build_equal_networks(model: type[Model]) -> None:
    def built(seed: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = model().build(PROBLEMS["o3-inertia"])
        return nn.utils.parameters_to_vector(module.parameters())

    assert torch.equal(built(1), built(1))
    assert not torch.equal(built(1), built(2))


def test_published_networks_have_the_published_sizes() -> None:
    sizes = {
        name: sum(p.numel() for p in PublishedScalars.for_tier("full").build(view).parameters())
        for name, view in PROBLEMS.items()
    }
    assert sizes["o5-invariant"] == 1_255_001
    assert sizes["lorentz-scattering"] == 1_258_501
    assert sizes["o3-inertia"] == 191_716


def test_published_recipes_differ_by_task() -> None:
    model = PublishedScalars()
    assert model.recipe(PROBLEMS["o5-invariant"]).learning_rate == 1e-3
    assert model.recipe(PROBLEMS["o3-inertia"]).learning_rate == 5e-3


def test_the_cards_say_what_the_classes_say() -> None:
    registration = Registration("symbench_scalars")
    symbench_scalars.symbench_register(registration)
    cards = {card.name: card for card in registration.cards}
    listed = (*MODELS, SoftScalars)
    assert set(cards) == {cls.name for cls in listed}
    for cls in listed:
        card = cards[cls.name]
        assert card.load() is cls
        assert card.version == cls.version
        assert card.details == {"prior": cls.prior, "equivariant": cls is not SoftScalars}
        assert card.summary == cls.summary
