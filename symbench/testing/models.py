"""The laws of models, checked on the tasks that a model accepts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
from functools import partial

import torch
from torch import Tensor, nn

from symbench.contract import Calibrates, Fits, Model, Recipe, Symmetry, Task, seeded
from symbench.contract.modules import difference as difference_of_modules
from symbench.contract.modules import shared_tensors
from symbench.draws import Draws
from symbench.metrics.network import in_blocks
from symbench.registry.problem import make_problem
from symbench.runs.json_values import check_json
from symbench.runs.protocol import TIERS
from symbench.runs.watch import watched
from symbench.testing.conformance import Law, Skipped, Subject
from symbench.testing.laws import difference, require, require_card, untouched_randomness
from symbench.training.setup import (
    FleetMode,
    TrainingSetup,
    Trial,
    TrialKey,
    seeded_globally,
)
from symbench.training.train import train

_UPDATES = 3
_ROUNDING = 1e-4  # relative difference of float32 outputs after a few updates
_EXACT = 1e-9  # relative difference of float64 outputs, also under boosts of rapidity 1
_TOGETHER = 5e-3  # relative difference of stacked and single trials after a few steps of Adam


def _model(subject: Subject) -> Model:
    subject.outside  # noqa: B018 - noted before the first network is built
    return subject.model.for_tier("smoke")


def _built(subject: Subject, task: Task, seed: int = 0) -> nn.Module:
    """Return a fresh module as the engine builds it, calibrated but not trained."""
    model = _model(subject)
    start = seeded(task.name, task.version, seed, "init").initial_seed()
    with seeded_globally(start, torch.device("cpu")):
        generator = torch.Generator().manual_seed(start)
        module = model.build(make_problem(subject.registry, task, model, generator))
        if isinstance(module, Calibrates) and task.loss != "none":
            data = task.sample(_size(task), seed, "train")
            module.calibrate(data.x, data.y)
        with torch.no_grad():  # lazy layers draw their weights in the first call
            module.eval()(task.sample(2, 0, "valid").x)
    return module.train()


def _size(task: Task) -> int:
    return max(8, min(64, task.sizes["smoke"][0]))


def _trained(subject: Subject, task: Task, seeds: tuple[int, ...], fleet: FleetMode) -> list[Trial]:
    model = _model(subject)
    problem = partial(make_problem, subject.registry, task, model)
    setup = TrainingSetup(Draws.of(task), model, problem, _UPDATES, torch.device("cpu"), 1, fleet)
    return train(setup, [TrialKey(_size(task), seed) for seed in seeds])


def _tasks(subject: Subject, *, learned: bool = False) -> Iterator[Task]:
    tasks = [task for task in subject.accepted if not (learned and task.loss == "none")]
    if not tasks:
        raise Skipped("it accepts no task whose data are on this machine")
    yield from tasks


def its_card_is_valid(subject: Subject) -> None:
    """The card agrees with the class."""
    require_card(subject.card)
    prior = subject.card.details.get("prior")
    require(
        prior == subject.model.prior,
        f"the card says prior {prior!r}, the class {subject.model.prior!r}",
    )


def its_configuration_round_trips(subject: Subject) -> None:
    """Config is a dataclass of JSON values, and equal after a JSON round trip, in every tier."""
    for tier in TIERS:
        model = subject.model.for_tier(tier)
        check_json(f"{model.name}: Config", model.config_dict())
        written = json.loads(json.dumps(model.config_dict()))
        again = subject.model(subject.model.Config(**written))
        require(
            json.dumps(again.config_dict()) == json.dumps(model.config_dict()),
            f"the configuration of tier {tier} changes when it is written and read",
        )


def it_answers_to_every_task(subject: Subject) -> None:
    """``accepts`` returns None or a reason, and ``recipe`` a recipe for every accepted task."""
    for task in subject.here:
        model = _model(subject)
        problem = subject.problem(task, model)
        reason = model.accepts(problem)
        require(
            reason is None or (isinstance(reason, str) and bool(reason.strip())),
            f"accepts({task.name}) returned {reason!r}: return None, or the reason to decline",
        )
        if reason is None:
            recipe = model.recipe(problem)
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
    """In evaluation mode an example has the same output by itself as in a batch."""
    for task in _tasks(subject):
        x = task.sample(5, 0, "valid").x
        module = _built(subject, task).eval()
        with torch.no_grad():
            batch = module(x)
            one_by_one = torch.cat([module(x[i : i + 1]) for i in range(len(x))])
        gap = difference(batch, one_by_one)
        require(gap < _ROUNDING, f"{task.name}: alone and in a batch differ by {gap:.1e}")


def the_same_seed_gives_the_same_model(subject: Subject) -> None:
    """Two trainings with the same seed give bitwise equal outputs."""
    for task in _tasks(subject):
        x = task.sample(5, 0, "valid").x
        first, again = (_trained(subject, task, (1,), "off")[0].module for _ in range(2))
        with torch.no_grad():
            require(
                torch.equal(first(x.clone()), again(x.clone())),
                f"{task.name}: two trainings with one seed differ",
            )


def its_trials_share_nothing(subject: Subject) -> None:
    """The networks of two seeds have no parameter in common."""
    for task in _tasks(subject):
        modules = [_built(subject, task, seed) for seed in (1, 2)]
        shared = [name for name, t in shared_tensors(modules).items() if t.requires_grad]
        require(
            not shared,
            f"{task.name}: the networks of two seeds share {shared[:1]}: make a new module in "
            "each call of build",
        )


def it_keeps_its_state_in_parameters_and_buffers(subject: Subject) -> None:
    """The trials can be stacked: a module keeps nothing of its own in plain attributes."""
    if isinstance(_model(subject), Fits):
        raise Skipped("it trains itself")
    for task in _tasks(subject, learned=True):
        first, second = (_built(subject, task, seed) for seed in (1, 2))
        place = difference_of_modules(first, second)
        require(
            not place,
            f"{task.name}: {place} differs between two seeds, so that the trials train one by "
            "one: register it as a buffer, by register_buffer",
        )
        subject.outside.restore()  # what earlier networks have changed
        decision = _trained(subject, task, (1, 2), "auto")[0].stacking
        require(
            decision is None or decision.reason != "state" or type(first) is not type(second),
            f"{task.name}: a call changes what the module keeps, so that the trials train one by "
            "one: register it as a buffer and change the buffer in place, by copy_",
        )


def it_draws_no_data_by_itself(subject: Subject) -> None:
    """The model uses only the data that it is given."""
    for task in _tasks(subject):
        with watched(Draws.of(task), _model(subject)):
            _trained(subject, task, (1,), "off")


def it_leaves_no_thread_behind(subject: Subject) -> None:
    """Nothing that it has started keeps its process from ending."""
    before = set(threading.enumerate())
    for task in _tasks(subject):
        _built(subject, task)
        left = [thread.name for thread in set(threading.enumerate()) - before if not thread.daemon]
        require(
            not left,
            f"{task.name}: build leaves {left[:1]} running, for which its process waits: join the "
            "thread, or start it with daemon=True",
        )


def it_does_not_write_into_its_input(subject: Subject) -> None:
    """A call leaves its input as it is."""
    for task in _tasks(subject):
        x = task.sample(4, 0, "valid").x
        module, given = _built(subject, task).eval(), x.clone()
        with torch.no_grad():
            module(given)
        require(
            torch.equal(x, given),
            f"{task.name}: a call changes its input: write x = x - m for x -= m, or clone x first",
        )


def alone_and_in_a_fleet_are_equal(subject: Subject) -> None:
    """A trial gives the same outputs whether it trains by itself or together with others.

    The others are those of its stack, or of a call of ``fit_together``.
    """
    for task in _tasks(subject, learned=True):
        x = task.sample(5, 0, "valid").x
        singles = [_trained(subject, task, (seed,), "off")[0] for seed in (1, 2)]
        fleet = _trained(subject, task, (1, 2), "auto")
        for single, stacked in zip(singles, fleet, strict=True):
            require(single.diverged == stacked.diverged, f"{task.name}: diverged only in one way")
            with torch.no_grad():
                gap = difference(single.module(x), stacked.module(x))
            require(gap < _TOGETHER, f"{task.name}: alone and stacked differ by {gap:.1e}")


def its_gradients_are_finite(subject: Subject) -> None:
    """At least one parameter has a gradient, and every gradient is finite."""
    if isinstance(_model(subject), Fits):
        raise Skipped("it trains itself")
    for task in _tasks(subject, learned=True):
        module = _built(subject, task).train()
        parameters = [p for p in module.parameters() if p.requires_grad]
        if not parameters:
            raise Skipped("it has no trainable parameters")
        module(task.sample(8, 0, "train").x).square().sum().backward()
        slopes = [p.grad for p in parameters if p.grad is not None]
        require(bool(slopes), f"{task.name}: no parameter has a gradient")
        finite = all(bool(slope.isfinite().all()) for slope in slopes)
        require(finite, f"{task.name}: a gradient is NaN or infinite")


def it_leaves_global_randomness_alone(subject: Subject) -> None:
    """Evaluating the module draws from no global generator."""
    for task in _tasks(subject):
        module = _built(subject, task).eval()
        x = task.sample(4, 0, "valid").x
        with torch.no_grad(), untouched_randomness("the module"):
            module(x)


def its_module_can_be_copied(subject: Subject) -> None:
    """A copy in float64 computes the same function, up to the rounding of float32."""
    for task in _tasks(subject):
        module = _built(subject, task).eval()
        x = task.sample(4, 0, "valid").x
        with torch.no_grad():
            before = module(x)
            try:
                double = deepcopy(module).double()(x.double())
            except (RuntimeError, TypeError) as error:
                raise Skipped(f"no float64 version: {error}") from error
            gap = difference(before.double(), double.double())
        require(gap < 1e-2, f"{task.name}: the float64 copy differs by {gap:.1e}")


def it_sees_no_symmetry_that_it_is_not_told(subject: Subject) -> None:
    """The problem of a model whose prior is not ``told`` holds no symmetry."""
    if subject.model.prior == "told":
        raise Skipped("its prior is told")
    for task in _tasks(subject):
        require(subject.problem(task).symmetry is None, "the problem shows the symmetry")


def its_declared_equivariance_holds(subject: Subject) -> None:
    """If its card says ``equivariant=True``, then f(gx) = g f(x), also before training."""
    if not subject.card.details.get("equivariant"):
        raise Skipped("its card does not say equivariant=True")
    require(subject.model.prior == "told", "equivariant=True needs a model whose prior is told")
    for task in _tasks(subject):
        if (symmetry := task.told) is not None:
            gap = _violation(_built(subject, task).double().eval(), task, symmetry)
            require(gap < _EXACT, f"{task.name}: f(gx) and g f(x) differ by {gap:.1e}")


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
    its_trials_share_nothing,
    it_keeps_its_state_in_parameters_and_buffers,
    it_draws_no_data_by_itself,
    it_leaves_no_thread_behind,
    it_does_not_write_into_its_input,
    alone_and_in_a_fleet_are_equal,
    its_gradients_are_finite,
    it_leaves_global_randomness_alone,
    its_module_can_be_copied,
    it_sees_no_symmetry_that_it_is_not_told,
    its_declared_equivariance_holds,
)
