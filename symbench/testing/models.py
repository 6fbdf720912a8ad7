"""What every model promises, on the tasks that it accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, is_dataclass
from functools import partial

import torch
from torch import Tensor, nn

from symbench.contract import Calibrates, Fits, Model, Recipe, Symmetry, Task, seeded
from symbench.draws import Draws
from symbench.metrics.network import in_blocks
from symbench.registry.view import make_problem
from symbench.runs.protocol import TIERS
from symbench.testing.conformance import Law, Skipped, Subject
from symbench.testing.laws import difference, require, require_card, untouched_randomness
from symbench.training.setup import FleetMode, TrainingSetup, Trial, TrialKey
from symbench.training.train import train

_UPDATES = 3
_ROUNDING = 1e-4  # of float32 outputs after a few updates
_EXACT = 1e-9  # of float64 outputs, boosts of rapidity 1 included
_TOGETHER = 5e-3  # two routes of arithmetic, after a few steps of Adam


def _model(subject: Subject) -> Model:
    return subject.model.for_tier("smoke")


def _built(subject: Subject, task: Task, seed: int = 0) -> nn.Module:
    """Return a fresh module as the engine builds it, calibrated but not trained."""
    model = _model(subject)
    start = seeded(task.name, task.version, seed, "init").initial_seed()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(start)
        view = make_problem(subject.registry, task, model, torch.Generator().manual_seed(start))
        module = model.build(view)
    if isinstance(module, Calibrates) and task.loss != "none":
        data = task.sample(_size(task), seed, "train")
        module.calibrate(data.x, data.y)
    return module


def _size(task: Task) -> int:
    return max(8, min(64, task.sizes["smoke"][0]))


def _trained(subject: Subject, task: Task, seeds: tuple[int, ...], fleet: FleetMode) -> list[Trial]:
    model = _model(subject)
    view = partial(make_problem, subject.registry, task, model)
    setup = TrainingSetup(Draws.of(task), model, view, _UPDATES, torch.device("cpu"), 1, fleet)
    return train(setup, [TrialKey(_size(task), seed) for seed in seeds])


def _tasks(subject: Subject, *, learned: bool = False) -> Iterator[Task]:
    tasks = [task for task in subject.accepted if not (learned and task.loss == "none")]
    if not tasks:
        raise Skipped("no task here that it accepts")
    yield from tasks


def its_card_is_valid(subject: Subject) -> None:
    """The class says what its card says."""
    require_card(subject.card)
    prior = subject.card.details.get("prior")
    require(prior == subject.model.prior, f"the card says prior {prior!r}, not the class")


def its_configuration_round_trips(subject: Subject) -> None:
    """Config is a dataclass of JSON values, the same after a round trip, in every tier."""
    require(is_dataclass(subject.model.Config), "Config is no dataclass")
    for tier in TIERS:
        model = subject.model.for_tier(tier)
        written = json.loads(json.dumps(model.config_dict()))
        again = subject.model(subject.model.Config(**written))
        require(
            json.dumps(again.config_dict()) == json.dumps(model.config_dict()),
            f"the configuration of tier {tier} changes when it is written and read",
        )


def it_answers_to_every_task(subject: Subject) -> None:
    """``accepts`` gives None or a reason; what it accepts it gives a recipe for."""
    for task in subject.here:
        model = _model(subject)
        view = subject.problem(task, model)
        reason = model.accepts(view)
        require(
            reason is None or (isinstance(reason, str) and bool(reason.strip())),
            f"accepts({task.name}) returned {reason!r}: give None, or the reason to decline",
        )
        if reason is None:
            recipe = model.recipe(view)
            require(isinstance(recipe, Recipe), f"recipe({task.name}) is a {type(recipe)}")
            json.dumps(asdict(recipe), allow_nan=False)


def it_builds_what_it_accepts(subject: Subject) -> None:
    """The module maps [n, *input_shape] to [n, *output_shape], float32 to float32."""
    for task in _tasks(subject):
        x = task.sample(5, 0, "valid").x
        module = _built(subject, task).eval()
        with torch.no_grad():
            y = module(x)
        expected = (len(x), *task.output_shape)
        require(isinstance(y, Tensor), f"{task.name}: returned a {type(y).__name__}")
        require(tuple(y.shape) == expected, f"{task.name}: {list(y.shape)}, wanted {expected}")
        require(y.dtype == torch.float32, f"{task.name}: returned {y.dtype} for float32")
        require(bool(y.isfinite().all()), f"{task.name}: the untrained output is not finite")


def one_example_does_not_see_another(subject: Subject) -> None:
    """In evaluation mode the output of an example is the same alone and in a batch."""
    for task in _tasks(subject):
        x = task.sample(5, 0, "valid").x
        module = _built(subject, task).eval()
        with torch.no_grad():
            batch = module(x)
            alone = torch.cat([module(x[i : i + 1]) for i in range(len(x))])
        found = difference(batch, alone)
        require(found < _ROUNDING, f"{task.name}: alone and in a batch differ by {found:.1e}")


def the_same_seed_gives_the_same_model(subject: Subject) -> None:
    """Two trainings of one seed end in equal outputs, bit by bit."""
    for task in _tasks(subject):
        x = task.sample(5, 0, "valid").x
        first, again = (_trained(subject, task, (1,), "off")[0].module for _ in range(2))
        with torch.no_grad():
            require(torch.equal(first(x), again(x)), f"{task.name}: two runs of a seed differ")


def alone_and_in_a_fleet_are_equal(subject: Subject) -> None:
    """A trial's result depends neither on the trials beside it nor on those before it."""
    for task in _tasks(subject, learned=True):
        x = task.sample(5, 0, "valid").x
        alone = [_trained(subject, task, (seed,), "off")[0] for seed in (1, 2)]
        fleet = _trained(subject, task, (1, 2), "auto")
        for one, other in zip(alone, fleet, strict=True):
            require(one.diverged == other.diverged, f"{task.name}: diverged by one route alone")
            with torch.no_grad():
                found = difference(one.module(x), other.module(x))
            require(found < _TOGETHER, f"{task.name}: alone and beside others: {found:.1e}")


def its_gradients_are_finite(subject: Subject) -> None:
    """Every trainable parameter has a finite gradient, and some parameter has one at all."""
    if isinstance(_model(subject), Fits):
        raise Skipped("it trains itself")
    for task in _tasks(subject, learned=True):
        module = _built(subject, task).train()
        parameters = [p for p in module.parameters() if p.requires_grad]
        if not parameters:
            raise Skipped("nothing in it is trained")
        module(task.sample(8, 0, "train").x).square().sum().backward()
        slopes = [p.grad for p in parameters if p.grad is not None]
        require(bool(slopes), f"{task.name}: no parameter has a gradient")
        finite = all(bool(slope.isfinite().all()) for slope in slopes)
        require(finite, f"{task.name}: a gradient is NaN or infinite")


def it_leaves_global_randomness_alone(subject: Subject) -> None:
    """Evaluation draws from no global generator."""
    for task in _tasks(subject):
        module = _built(subject, task).eval()
        x = task.sample(4, 0, "valid").x
        with torch.no_grad(), untouched_randomness("the module"):
            module(x)


def its_module_can_be_copied(subject: Subject) -> None:
    """A copy in float64 is the same function to the rounding of float32."""
    for task in _tasks(subject):
        module = _built(subject, task).eval()
        x = task.sample(4, 0, "valid").x
        with torch.no_grad():
            before = module(x)
            try:
                double = deepcopy(module).double()(x.double())
            except (RuntimeError, TypeError) as error:
                raise Skipped(f"no float64 version: {error}") from error
            found = difference(before.double(), double.double())
        require(found < 1e-2, f"{task.name}: float64 differs by {found:.1e}")


def what_it_was_not_told_it_does_not_see(subject: Subject) -> None:
    """A model that was not told the symmetry gets none, and builds without one."""
    if subject.model.prior == "told":
        raise Skipped("it is told")
    for task in _tasks(subject):
        require(subject.problem(task).symmetry is None, "the problem shows the symmetry")


def its_declared_equivariance_holds(subject: Subject) -> None:
    """A card that says ``equivariant=True`` is of f with f(gx) = g f(x), trained or not."""
    if not subject.card.details.get("equivariant"):
        raise Skipped("its card does not say equivariant=True")
    require(subject.model.prior == "told", "only a model that is told a symmetry can keep it")
    for task in _tasks(subject):
        if (symmetry := task.symmetry) is not None:
            found = _violation(_built(subject, task).double().eval(), task, symmetry)
            require(found < _EXACT, f"{task.name}: f(gx) and g f(x) differ by {found:.1e}")


@torch.no_grad()
def _violation(module: nn.Module, task: Task, symmetry: Symmetry) -> float:
    x = task.sample(8, 0, "valid").x.double()
    y = module(x)
    g = symmetry.group.sample(8, seeded(task.name, "conformance"))
    moved = symmetry.input.act(g[:, None], in_blocks(x, symmetry.input.size)).view_as(x)
    expected = symmetry.output.act(g[:, None], in_blocks(y, symmetry.output.size)).view_as(y)
    return difference(module(moved), expected)


LAWS: tuple[Law, ...] = (
    its_card_is_valid,
    its_configuration_round_trips,
    it_answers_to_every_task,
    it_builds_what_it_accepts,
    one_example_does_not_see_another,
    the_same_seed_gives_the_same_model,
    alone_and_in_a_fleet_are_equal,
    its_gradients_are_finite,
    it_leaves_global_randomness_alone,
    its_module_can_be_copied,
    what_it_was_not_told_it_does_not_see,
    its_declared_equivariance_holds,
)
