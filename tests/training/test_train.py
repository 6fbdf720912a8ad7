"""Training: a trial's result is its own, whichever route it takes."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import toys

from symbench import Recipe
from symbench.draws import Draws
from symbench.errors import InputError, ShapeError
from symbench.registry.problem import make_problem
from symbench.training.objective import batch_indices, trial_losses
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train
from symbench.training.update import learning_rate

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")
KEYS = [TrialKey(n, seed) for n in (16, 64) for seed in range(3)]


def setup_of(model, fleet="auto", task=TASK, updates=40, recipe=None):
    problem_of = partial(make_problem, REGISTRY, task, model)
    device = torch.device("cpu")
    return TrainingSetup(
        Draws.of(task), model, problem_of, updates, device, fleet=fleet, recipe=recipe
    )


def outputs(trials, task=TASK):
    x = task.sample(32, 0, "test").x
    with torch.no_grad():
        return torch.stack([trial.module(x) for trial in trials])


@pytest.mark.parametrize("model", [toys.Small, toys.Augmented, toys.Penalised])
def test_a_trial_does_not_depend_on_its_fleet(model):
    together = outputs(train(setup_of(model(), "on"), KEYS))
    one_by_one = outputs(train(setup_of(model(), "off"), KEYS))
    alone = outputs(train(setup_of(model(), "on"), KEYS[3:4]))
    torch.testing.assert_close(together, one_by_one, atol=2e-4, rtol=2e-4)
    torch.testing.assert_close(together[3:4], alone, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("fleet", ["auto", "on", "off"])
@pytest.mark.parametrize("model", [toys.Small, toys.Augmented])
def test_sizes_trained_together_or_apart_give_the_same_bits(model, fleet):
    whole = outputs(train(setup_of(model(), fleet), KEYS))
    parts = [outputs(train(setup_of(model(), fleet), part)) for part in (KEYS[:3], KEYS[3:])]
    assert torch.equal(whole, torch.cat(parts))


def test_training_lowers_the_loss_of_every_trial():
    test = TASK.sample(256, 0, "test")
    untrained = outputs(train(setup_of(toys.Small(), updates=0), KEYS))
    trained = train(setup_of(toys.Small(), updates=150), KEYS)
    with torch.no_grad():
        errors = torch.stack([(t.module(test.x) - test.y).square().mean() for t in trained])
    before = (untrained - test.y[:32]).square().mean((1, 2))
    assert bool((errors[3:] < 0.5 * before[3:]).all())


def test_labels_are_learnt_too():
    task = REGISTRY.task("labels")
    test = task.sample(256, 0, "test")
    trained = train(setup_of(toys.Small(), task=task, updates=150), [TrialKey(512, 0)])
    accuracy = (trained[0].module(test.x).argmax(1) == test.y).double().mean()
    assert accuracy > 0.6


@pytest.mark.parametrize("model", [toys.Dropping, toys.Branching])
def test_what_cannot_be_stacked_is_trained_one_by_one(model):
    trials = train(setup_of(model()), KEYS)
    assert {trial.stacked for trial in trials} == {1}
    alone = outputs(train(setup_of(model()), KEYS[3:4]))
    assert torch.equal(outputs(trials)[3:4], alone)


def test_a_small_model_is_stacked():
    assert {trial.stacked for trial in train(setup_of(toys.Small()), KEYS)} == {3}


def test_a_diverged_trial_leaves_the_others_untouched(monkeypatch):
    healthy = outputs(train(setup_of(toys.Small(), "on"), KEYS))
    draw = TASK.sample

    def poisoned(n, seed, split):
        data = draw(n, seed, split)
        if (n, seed, split) == (64, 1, "train"):
            data.y.mul_(float("inf"))
        return data

    monkeypatch.setattr(TASK, "sample", poisoned)
    monkeypatch.setattr(
        "symbench.draws._draw", lambda draws, n, seed, split: poisoned(n, seed, split)
    )
    trials = train(setup_of(toys.Small(), "on"), KEYS)
    assert [trial.diverged for trial in trials] == [False] * 4 + [True] + [False]
    keep = [0, 1, 2, 3, 5]
    torch.testing.assert_close(outputs(trials)[keep], healthy[keep])


def test_no_training_touches_the_global_generator():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    train(setup_of(toys.Dropping()), KEYS[:1])
    train(setup_of(toys.Augmented()), KEYS)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_wrong_output_shape_is_refused_before_training():
    with pytest.raises(ShapeError, match=r"\(4, 2\).*expects \(4, 1\)"):
        train(setup_of(toys.WrongShape()), KEYS)


def test_augmentation_without_a_symmetry_is_refused():
    class Cheat(toys.Small):
        def recipe(self, problem):
            return Recipe(augment=True)

    with pytest.raises(InputError, match='prior "told"'):
        train(setup_of(Cheat()), KEYS)


def test_augmentation_brings_the_model_nearer_to_invariance():
    def breach(model):
        trial = train(setup_of(model, updates=300), [TrialKey(16, 0)])[0]
        x = TASK.sample(256, 0, "test").x
        g = TASK.symmetry.group.sample(256, torch.Generator().manual_seed(0))
        with torch.no_grad():
            moved = trial.module(TASK.symmetry.input.act(g, x))
            return float((moved - trial.module(x)).square().mean())

    assert breach(toys.Augmented()) < 0.3 * breach(toys.Told())


def test_a_given_recipe_replaces_the_models():
    class Fickle(toys.Small):
        def recipe(self, problem):
            raise AssertionError("the recipe is given")

    recipe = toys.Small().recipe(None)
    given = outputs(train(setup_of(Fickle(), recipe=recipe), KEYS))
    assert torch.equal(given, outputs(train(setup_of(toys.Small()), KEYS)))


@pytest.mark.parametrize("changed", [{"optimiser": "adan"}, {"schedule": "step"}])
def test_an_unknown_recipe_is_refused(changed):
    class Odd(toys.Small):
        def recipe(self, problem):
            return Recipe(**changed)

    with pytest.raises(InputError, match="unknown"):
        train(setup_of(Odd()), KEYS)


@pytest.mark.parametrize(
    ("schedule", "half"), [("constant", 0.1), ("cosine", 0.05), ("exponential", 0.1 * 0.04**0.5)]
)
def test_a_schedule_halfway(schedule, half):
    recipe = Recipe(learning_rate=0.1, schedule=schedule, final=0.04)
    assert learning_rate(recipe, 0, 10) == pytest.approx(0.1)
    assert learning_rate(recipe, 5, 10) == pytest.approx(half)


def test_batches_pass_through_every_example_once_an_epoch():
    indices = batch_indices(12, 4, 6, torch.Generator().manual_seed(0)).flatten()
    assert sorted(indices[:12].tolist()) == list(range(12))
    assert sorted(indices[12:].tolist()) == list(range(12))
    assert not torch.equal(indices[:12], indices[12:])


def test_trial_losses_are_the_library_losses():
    y = torch.randn(2, 5, 3)
    prediction = torch.randn(2, 5, 3)
    expected = [3 * torch.nn.functional.mse_loss(p, t) for p, t in zip(prediction, y, strict=True)]
    losses = trial_losses(TASK, prediction, (y, y))
    torch.testing.assert_close(losses, torch.stack(expected))
    labels = torch.tensor([[0, 1, 2, 0, 1], [2, 2, 1, 0, 0]])
    entropy = [
        torch.nn.functional.cross_entropy(p, t) for p, t in zip(prediction, labels, strict=True)
    ]
    losses = trial_losses(REGISTRY.task("labels"), prediction, (y, labels))
    torch.testing.assert_close(losses, torch.stack(entropy))
