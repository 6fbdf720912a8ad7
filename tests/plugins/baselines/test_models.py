"""The baselines: what they decline, their recipes, and the closed forms of the best constants."""

from __future__ import annotations

import numpy as np
import pytest
import symbench_baselines
import torch
from sklearn.linear_model import LogisticRegression
from symbench_baselines.closed_form import LeastSquares, MatrixLog
from symbench_baselines.images import CNN, CNNMaxPool, FCLConv, FCShallow
from symbench_baselines.models import MLP, AugmentedMLP, Constant, Linear, PenalisedMLP
from symbench_baselines.penalty import LearnedPenaltyMLP
from torch import Tensor, nn
from torch.func import functional_call, jvp, stack_module_state, vmap

from symbench import Model, Symmetry
from symbench.contract import Calibrates, Context, Data, Fits, Kind, Loss, Problem, seeded
from symbench.groups import O, Scalar, V, value_range
from symbench.registry.registration import Registration

G = O(3)
LAW = Symmetry(G, (Scalar + 2 * V)(G), V(G))


def problem(
    kind: Kind = "vectors", loss: Loss = "mse", *, symmetry: Symmetry | None = LAW
) -> Problem:
    if kind == "image":
        return Problem(kind, loss, (1, 4, 4), (5,), symmetry)
    return Problem(kind, loss, (7,), (3,) if loss == "mse" else (5,), symmetry)


def draw(view: Problem, n: int, seed: int = 0) -> Data:
    generator = seeded("baselines", seed)
    x = torch.randn(n, *view.input_shape, generator=generator)
    if view.loss == "cross-entropy":
        return Data(x, torch.randint(view.output_size, (n,), generator=generator))
    return Data(x, torch.randn(n, *view.output_shape, generator=generator))


def context(data: Data) -> Context:
    return Context(len(data), 0, 10, torch.device("cpu"), data, seeded("fit"), data)


def fitted(model: Fits, view: Problem, data: Data) -> nn.Module:
    return model.fit(view, data, context(data))


ALL: list[type[Model]] = [MLP, AugmentedMLP, PenalisedMLP, Constant, Linear]
CASES = [problem(), problem(loss="cross-entropy"), problem("image", "cross-entropy")]


@pytest.mark.parametrize("view", CASES)
@pytest.mark.parametrize("model", ALL)
def test_every_model_returns_the_output_shape_alone_and_stacked(
    model: type[Model], view: Problem
) -> None:
    data = draw(view, 6)
    modules = [model().build(view) for _ in range(2)]
    for module in modules:
        if isinstance(module, Calibrates):
            module.calibrate(data.x, data.y)
    alone = torch.stack([module(data.x) for module in modules])

    def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(modules[0], (parameters, buffers), (x,))  # type: ignore[no-any-return]

    stacked = vmap(one, in_dims=(0, 0, None))(*stack_module_state(modules), data.x)
    assert alone.shape == (2, 6, *view.output_shape)
    torch.testing.assert_close(stacked, alone)


@pytest.mark.parametrize("model", ALL)
def test_every_model_has_a_forward_derivative(model: type[Model]) -> None:
    view = problem()
    module = model().build(view).double()
    x = draw(view, 4).x.double()
    step = 1e-6 * torch.ones_like(x)
    tangent = jvp(module, (x,), (torch.ones_like(x),))[1]
    difference = (module(x + step) - module(x - step)) / 2e-6
    torch.testing.assert_close(tangent.expand_as(difference), difference, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("model", ALL)
def test_graphs_and_trajectories_are_declined_with_a_reason(model: type[Model]) -> None:
    for kind in ("graph", "trajectory"):
        why = model().accepts(problem(kind))
        assert kind in str(why)
    assert all(model().accepts(view) is None for view in CASES)


@pytest.mark.parametrize("model", [AugmentedMLP, PenalisedMLP])
def test_a_task_without_symmetry_is_declined_by_those_that_train_towards_one(
    model: type[Model],
) -> None:
    assert "no symmetry" in str(model().accepts(problem(symmetry=None)))
    assert MLP().accepts(problem(symmetry=None)) is None


def test_each_told_perceptron_asks_for_its_own_way_of_training() -> None:
    plain, augmented, penalised = (m().recipe(problem()) for m in (MLP, AugmentedMLP, PenalisedMLP))
    assert (plain.augment, plain.penalty) == (False, 0.0)
    assert (augmented.augment, augmented.penalty) == (True, 0.0)
    assert (penalised.augment, penalised.penalty) == (False, 1.0)
    assert PenalisedMLP.for_tier("quick", penalty=3.0).recipe(problem()).penalty == 3.0


def test_the_full_tier_has_the_published_size() -> None:
    view = Problem("vectors", "mse", (10,), (1,))
    module = MLP.for_tier("full").build(view)
    assert sum(p.numel() for p in module.parameters()) == 300_289


def test_equal_seeds_build_equal_networks() -> None:
    def built(seed: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return nn.utils.parameters_to_vector(MLP().build(problem()).parameters())

    assert torch.equal(built(1), built(1))
    assert not torch.equal(built(1), built(2))


def test_the_perceptron_does_not_depend_on_the_units_of_its_data() -> None:
    view, data = problem(), draw(problem(), 50)
    torch.manual_seed(0)
    first, second = MLP().build(view), MLP().build(view)
    second.load_state_dict(first.state_dict())
    x, y = 1e3 * data.x + 7, 1e-2 * data.y - 5
    first.calibrate(data.x, data.y)  # type: ignore[operator]
    second.calibrate(x, y)  # type: ignore[operator]
    torch.testing.assert_close(second(x), 1e-2 * first(data.x) - 5, atol=1e-4, rtol=1e-4)


def test_the_constant_is_the_mean_of_the_training_targets() -> None:
    view, data = problem(), draw(problem(), 20)
    prediction = fitted(Constant(), view, data)(draw(view, 4, seed=1).x)
    torch.testing.assert_close(prediction, data.y.mean(0).expand(4, 3))


def test_the_constant_gives_smoothed_class_frequencies() -> None:
    view = problem(loss="cross-entropy")
    data = Data(torch.zeros(5, 7), torch.tensor([0, 0, 0, 2, 4]))
    logits = fitted(Constant(), view, data)(torch.zeros(1, 7))
    expected = torch.tensor([[4.0, 1, 2, 1, 2]]) / 10
    torch.testing.assert_close(logits.softmax(1), expected)


@pytest.mark.parametrize("n", [4, 30])
def test_linear_is_least_squares_of_least_norm(n: int) -> None:
    view, data = problem(), draw(problem(), n)
    x, y = data.x.double().numpy(), data.y.double().numpy()
    weight, *_ = np.linalg.lstsq(x - x.mean(0), y - y.mean(0), rcond=None)
    probe = draw(view, 9, seed=1).x
    expected = (probe.double().numpy() - x.mean(0)) @ weight + y.mean(0)
    np.testing.assert_allclose(fitted(Linear(), view, data)(probe), expected, atol=2e-5)


def test_linear_recovers_an_affine_law_exactly() -> None:
    view, data = problem(), draw(problem(), 30)
    law = nn.Linear(7, 3)
    exact = Data(data.x, law(data.x).detach())
    probe = draw(view, 9, seed=1).x
    torch.testing.assert_close(fitted(Linear(), view, exact)(probe), law(probe), atol=1e-5, rtol=0)


def test_linear_is_multinomial_logistic_regression_on_classes() -> None:
    view = problem(loss="cross-entropy")
    data = draw(view, 60)
    x = data.x.flatten(1).double()
    design = np.hstack([(x / value_range(x)).numpy(), np.ones((60, 1))])
    reference = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, max_iter=10_000)
    reference.fit(design, data.y.numpy())
    probabilities = fitted(Linear(), view, data)(data.x).softmax(1)
    np.testing.assert_allclose(probabilities, reference.predict_proba(design), atol=1e-4)


def test_logistic_regression_is_finite_when_a_class_is_missing() -> None:
    view = problem(loss="cross-entropy")
    data = Data(draw(view, 12).x, torch.arange(12) % 2)
    logits = fitted(Linear(), view, data)(data.x)
    assert bool(logits.isfinite().all())
    assert set(logits.argmax(1).tolist()) <= {0, 1}


@pytest.mark.parametrize("model", [Constant, Linear])
def test_the_floors_are_deterministic(model: type[Constant] | type[Linear]) -> None:
    view, data = problem(), draw(problem(), 20)
    assert torch.equal(fitted(model(), view, data)(data.x), fitted(model(), view, data)(data.x))


def test_the_cards_say_what_the_classes_say() -> None:
    registration = Registration("symbench_baselines")
    symbench_baselines.symbench_register(registration)
    cards = {card.name: card for card in registration.cards}
    listed = [*ALL, CNN, CNNMaxPool, FCLConv, FCShallow, LeastSquares, MatrixLog, LearnedPenaltyMLP]
    assert set(cards) == {cls.name for cls in listed}
    for cls in listed:
        card = cards[cls.name]
        assert card.load() is cls
        assert (card.version, card.details["prior"]) == (cls.version, cls.prior)
        assert card.summary == cls.summary
