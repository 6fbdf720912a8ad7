"""What a model keeps outside of its modules is each trial's own, or the training is refused."""

from __future__ import annotations

import threading
from collections import deque
from functools import cache, partial
from types import SimpleNamespace

import numpy as np
import odd_modules as odd
import pytest
import torch
import toys
from hypothesis import given
from hypothesis import strategies as st

from symbench.draws import Draws
from symbench.errors import InputError
from symbench.registry.problem import make_problem
from symbench.training.outside import Outside, conflict
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")
SOME = [TrialKey(64, seed) for seed in range(2)]
X = TASK.sample(32, 0, "valid").x

COUNT, MASKS, LOG, MEAN = 0, {}, [], torch.zeros(6)
OBJECT = SimpleNamespace(count=0)
TABLE, LARGE, QUEUE = np.zeros(3), torch.zeros(2**17), deque([1, 2])


@pytest.fixture(autouse=True)
def as_they_were():
    yield
    globals().update(COUNT=0)
    MASKS.clear()
    LOG.clear()
    MEAN.zero_()
    ClassCache.cache.clear()
    RunningMean.mean = None


class Counting(odd.Wrapped):
    """Counts its calls in a global, and uses the count."""

    def forward(self, x):
        global COUNT  # noqa: PLW0603
        COUNT += 1
        return super().forward(x) * (1 + 1 / COUNT if self.training else 1)


class Masked(odd.Wrapped):
    """Keeps a constant for each number of inputs in a global."""

    def forward(self, x):
        mask = MASKS.setdefault(x.shape[-1], torch.ones(x.shape[-1]))
        return super().forward(x * mask)


class Logging(odd.Wrapped):
    """Adds numbers of its own to a global list."""

    def forward(self, x):
        if len(LOG) < 20:
            LOG.append(float(self.net[0].weight[0, 0].detach()))
        return super().forward(x)


class ClassCache(odd.Wrapped):
    """Scales its input by what the first of all calls has seen."""

    cache = {}  # noqa: RUF012

    def forward(self, x):
        scale = self.cache.setdefault("scale", x.detach().std())
        return super().forward(x / scale)


class RunningMean(odd.Wrapped):
    """Keeps the mean of its inputs in the class."""

    mean = None

    def forward(self, x):
        if self.training:
            new = x.detach().mean(0)
            RunningMean.mean = new if self.mean is None else 0.9 * self.mean + 0.1 * new
        return super().forward(x if self.mean is None else x - self.mean)


class InPlace(odd.Wrapped):
    """Adds to a global tensor in place."""

    def forward(self, x):
        MEAN.add_(x.detach().mean(0))
        return super().forward(x - MEAN)


class DefaultArgument(odd.Wrapped):
    """Counts its training calls in a default argument."""

    def forward(self, x, count=[0]):  # noqa: B006
        count[0] += self.training
        return super().forward(x) * (1 + count[0])


class InObject(odd.Wrapped):
    """Counts its training calls in an object."""

    def forward(self, x):
        OBJECT.count += self.training
        return super().forward(x) * (1 + OBJECT.count)


class OnlyInTraining(odd.Wrapped):
    """Counts its training calls in an attribute of a function, which it uses in training only."""

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        trained.calls = getattr(trained, "calls", 0) + 1
        return super().forward(x) * (1 + trained.calls)


class Memo(odd.Wrapped):
    """Keeps a constant in an object."""

    def forward(self, x):
        OBJECT.ones = torch.ones(x.shape[-1])
        return super().forward(x * OBJECT.ones)


class Late(odd.Wrapped):
    """Keeps the scale of the first large batch in an attribute."""

    scale = None

    def forward(self, x):
        if self.training and len(x) > 4 and self.scale is None:
            self.scale = x.detach().std()
        return super().forward(x if self.scale is None else x / self.scale)


class LateBuffer(odd.Wrapped):
    """Replaces a buffer in large batches."""

    def __init__(self, i, o):
        super().__init__(i, o)
        self.register_buffer("mean", torch.zeros(i))

    def forward(self, x):
        if self.training and len(x) > 4:
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(0)
        return super().forward(x - self.mean)


def model_of(module):
    class Here(toys.Small):
        name = "here"

        def build(self, problem):
            return module(problem.input_size, problem.output_size)

    return Here()


def trained(model, keys=SOME, fleet="auto", updates=6):
    problem_of = partial(make_problem, REGISTRY, TASK, model)
    setup = TrainingSetup(
        Draws.of(TASK), model, problem_of, updates, torch.device("cpu"), fleet=fleet
    )
    return train(setup, keys)


def outputs(trials):
    with torch.no_grad():
        return torch.stack([trial.module(X.clone()) for trial in trials])


@pytest.mark.parametrize("module", [Counting, Masked, Late, LateBuffer])
def test_a_trial_among_others_is_the_trial_alone(module):
    together = trained(model_of(module))
    assert {trial.stacked for trial in together} == {1}
    assert {trial.stacking.reason for trial in together} == {"state"}
    for trial, key in zip(together, SOME, strict=True):
        globals().update(COUNT=0)
        MASKS.clear()
        alone = trained(model_of(module), [key], "off")
        assert torch.equal(outputs([trial]), outputs(alone))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (Logging, "LOG"),
        (ClassCache, "ClassCache.cache"),
        (RunningMean, "RunningMean.mean"),
    ],
)
@pytest.mark.parametrize("fleet", ["auto", "off"])
def test_state_that_trials_share_is_refused_by_its_name(module, name, fleet):
    with pytest.raises(InputError, match=rf"{name} differs after the trainings of two trials"):
        trained(model_of(module), fleet=fleet)


def test_a_global_that_changes_the_next_build_is_refused_by_its_name():
    with pytest.raises(InputError, match="MEAN changes when a network is built and called"):
        trained(model_of(InPlace))


@pytest.mark.parametrize("module", [DefaultArgument, InObject, OnlyInTraining])
@pytest.mark.parametrize("fleet", ["auto", "off"])
def test_state_that_cannot_be_found_is_noticed_by_a_network_built_after_training(module, fleet):
    with pytest.raises(InputError, match="training changes the networks that are built after it"):
        trained(model_of(module), fleet=fleet)


def test_a_constant_kept_in_an_object_is_allowed():
    assert {trial.stacked for trial in trained(model_of(Memo))} == {2}


def test_each_trial_has_its_own_model_object():
    class Keeping(toys.Small):
        name = "keeping"

        def build(self, problem):
            self.net = super().build(problem)
            return self.net

    together = trained(Keeping())
    assert {trial.stacking.reason for trial in together} == {"short"}
    assert all(trial.model.net is trial.module for trial in together)


def test_what_a_model_object_holds_is_each_trials_own():
    class Listing(toys.Small):
        name = "listing"

        def __init__(self, config=None):
            super().__init__(config)
            self.nets = []

        def build(self, problem):
            self.nets.append(super().build(problem))
            return self.nets[-1]

    together = trained(Listing())
    assert all(trial.model.nets == [trial.module] for trial in together)


def test_a_model_object_that_cannot_be_copied_deeply_is_shared():
    class Locked(toys.Small):
        name = "locked"

        def __init__(self, config=None):
            super().__init__(config)
            self.lock = threading.Lock()

    assert len(trained(Locked())) == 2


def test_a_fit_that_changes_an_earlier_network_is_refused():
    class Reusing(toys.Small):
        name = "reusing"

        def fit(self, problem, data, context):
            net = OBJECT.nets.setdefault(0, self.build(problem))
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter.copy_(torch.randn_like(parameter))
            return net.requires_grad_(False)

    OBJECT.nets = {}
    with pytest.raises(InputError, match="changed the network that an earlier call returned"):
        trained(Reusing())


@cache
def hoard():
    return []


def in_a_cache(model):
    return hoard()


def in_a_default_argument(model, kept=[]):  # noqa: B006
    return kept


def in_a_function(model):
    return hoard.__dict__.setdefault("kept", [])


def in_an_object(model):
    return OBJECT.__dict__.setdefault("kept", [])


@pytest.mark.parametrize(
    "place", [in_a_cache, in_a_default_argument, in_a_function, in_an_object]
)  # fmt: skip
def test_a_fit_that_keeps_the_data_of_other_trials_is_refused(place):
    class Hoarding(toys.Small):
        name = "hoarding"

        def fit(self, problem, data, context):
            kept = place(self)
            kept.append(data.y)
            module = self.build(problem)
            with torch.no_grad():
                next(module.parameters()).mul_(torch.cat(kept).square().sum())
            return module

    with pytest.raises(InputError, match="two calls of fit with one seed differ"):
        trained(Hoarding())
    place(None).clear()
    assert len(trained(Hoarding(), SOME[:1])) == 1


def test_a_model_that_trains_itself_starts_each_trial_anew():
    class Fitting(toys.Small):
        name = "fitting"

        def fit(self, problem, data, context):
            LOG.append(0)
            module = self.build(problem)
            with torch.no_grad():
                next(module.parameters()).mul_(len(LOG))
            return module

    together = trained(Fitting())
    LOG.clear()
    alone = trained(Fitting(), SOME[1:])
    assert torch.equal(outputs(together[1:]), outputs(alone))


@given(
    st.recursive(
        st.integers() | st.floats() | st.text(max_size=3),
        lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=2), some),
        max_leaves=6,
    ),
    st.lists(st.integers(0, 9), max_size=3),
)
def test_values_are_put_back(value, added):
    Late.kept = {"value": value}
    text = repr(Late.kept)
    outside = Outside(model_of(Masked))
    assert outside.changed() == []
    Late.kept["more"] = added
    if isinstance(value, list):
        value.append(0)
    QUEUE.extend(added)
    TABLE[1:] += 1
    MEAN.add_(1)
    Late.other = MASKS[1] = 1
    assert outside.changed()
    outside.restore()
    assert outside.changed() == []
    assert repr(Late.kept) == text
    assert (list(QUEUE), TABLE.tolist(), MEAN.tolist()) == ([1, 2], [0] * 3, [0] * 6)
    assert not hasattr(Late, "other")
    assert MASKS == {}


def test_a_large_tensor_that_changes_in_place_is_a_conflict():
    outside = Outside(model_of(Masked))
    ends = [outside.read()]
    LARGE.add_(1)
    ends.append(outside.read())
    assert str(conflict(ends)).endswith("test_outside.LARGE")
    assert conflict(ends[:1]) is None
