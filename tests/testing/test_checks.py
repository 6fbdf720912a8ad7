"""The checks find every broken law, and pass what breaks none."""

from __future__ import annotations

import math
import re
import threading
from dataclasses import dataclass

import odd_modules as odd
import pytest
import torch
from torch import nn
from toys import Labels, Norms, Small

from symbench import Data, Metric, Symmetry
from symbench.errors import SymbenchError, UnknownNameError
from symbench.groups import SO, Scalar, V
from symbench.registry import Registry
from symbench.testing import Skipped, checks
from symbench.testing.handling import loads_torch


class Good(Small):
    """A model that breaks no law."""

    name, summary = "subject", "a model under test"


class Forgetful(Good):
    """Draws from the global generator in its forward pass."""

    class _Net(nn.Linear):
        def forward(self, x):
            return super().forward(x) + 1e-9 * torch.rand(1)

    def build(self, problem):
        return self._Net(problem.input_size, problem.output_size)


class Crowded(Good):
    """Centres its output over the batch."""

    class _Net(nn.Linear):
        def forward(self, x):
            y = super().forward(x)
            return y - y.mean(0)

    def build(self, problem):
        return self._Net(problem.input_size, problem.output_size)


class Wide(Good):
    """Returns one coordinate too many."""

    def build(self, problem):
        return nn.Linear(problem.input_size, problem.output_size + 1)


class Counting(Good):
    """Counts its networks in the class, so that the third one differs."""

    built = 0

    def build(self, problem):
        Counting.built += 1
        module = super().build(problem)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.mul_(1 + 0.1 * Counting.built)
        return module


class Mute(Good):
    """Declines without a reason."""

    def accepts(self, problem):
        return ""


class Unwritable(Good):
    """Has an option that JSON cannot hold."""

    @dataclass
    class Config(Small.Config):
        clip: float = math.inf


class Helping(Good):
    """Draws further examples of a task."""

    def build(self, problem):
        Norms().sample(1000, 1, "train")
        return super().build(problem)


class Watching(Good):
    """Leaves a thread that ends some time later."""

    def build(self, problem):
        threading.Timer(5.0, lambda: None).start()
        return super().build(problem)


class Sharing(Good):
    """Keeps the scale of the first network's inputs in its class."""

    class _Net(nn.Linear):
        scale = None

        def forward(self, x):
            if Sharing._Net.scale is None:
                Sharing._Net.scale = x.detach().std()
            return super().forward(x / self.scale)

    def build(self, problem):
        return self._Net(problem.input_size, problem.output_size)


class Missing(Norms):
    """Reads a file that is not there."""

    name = "subject"

    def sample(self, n, seed, split):
        raise FileNotFoundError("points.npy")


class Odd(Good):
    """Its configuration changes in a JSON round trip."""

    @dataclass
    class Config:
        width: int = 16
        learning_rate: float = 0.01
        widths: tuple = ()

        def __post_init__(self):
            self.width += 1


class Infinite(Good):
    """Has a gradient that is NaN."""

    class _Net(nn.Linear):
        def forward(self, x):
            y = super().forward(x)
            return y + 0 * (y - y).abs().sqrt()

    def build(self, problem):
        return self._Net(problem.input_size, problem.output_size)


def holding(module):
    """A model whose ``build`` returns module(input_size, output_size)."""

    class Odd(Good):
        def build(self, problem):
            return module(problem.input_size, problem.output_size)

    return Odd


class Few(Norms):
    """Has 50 examples, however many are asked for."""

    name = "subject"

    def sample(self, n, seed, split):
        return super().sample(min(n, 50), seed, split)


class Leaky(Norms):
    """Its test set repeats the training set."""

    name = "subject"

    def sample(self, n, seed, split):
        return super().sample(n, seed, "train")


class Crooked(Norms):
    """Its target does not have the declared symmetry."""

    name = "subject"

    def target(self, x):
        return super().target(x) + x[:, :1]


class Nervous(Norms):
    """Draws from the global generator."""

    name = "subject"

    def sample(self, n, seed, split):
        x = torch.randn(n, 6)
        return Data(x, self.target(x))


class Broad(Norms):
    """Draws data of another shape than it declares."""

    name, output_shape = "subject", (2,)


class OpenAlgebra(Norms):
    """Has two rotations about two axes; their bracket, the third rotation, is missing."""

    name = "subject"

    @property
    def symmetry(self):
        group = SO(3)
        group.algebra = group.algebra[:2]
        return Symmetry(group, (2 * V)(group), Scalar(group))


class Score(Metric):
    """The mean of the predictions."""

    name, version, summary = "subject", "1", "mean prediction"

    def score(self, trained, task, generator):
        return float(trained.prediction.mean())


class Nameless(Score):
    def score(self, trained, task, generator):
        return {"error": 1.0}


class Endless(Score):
    def score(self, trained, task, generator):
        return float("inf")


class Fickle(Score):
    def score(self, trained, task, generator):
        return float(torch.rand(1))


class Misguided(Norms):
    """Tells models a group that acts on another number of coordinates."""

    name = "subject"

    @property
    def told(self):
        group = SO(4)
        return Symmetry(group, V(group), Scalar(group))


class Absent(Norms):
    """Has no sizes for the tier of the checks."""

    name, sizes = "subject", {"smoke": (), "quick": (16,), "full": (16,)}


class Sound(Norms):
    """A task that breaks no law."""

    name = "subject"


class Untrue(Small):
    """A perceptron whose card says that it is equivariant."""

    name, prior, summary = "subject", "told", "a model under test"


class Local(Good):
    """Holds a lambda, which cannot be pickled."""

    def __init__(self, config=None):
        super().__init__(config)
        self.activation = lambda x: x


def broken(thing, *, explained=False, **card):
    """Return the titles of the broken laws of one class, or the messages."""
    registry = Registry()

    class Module:
        pass

    module = Module()
    from symbench import hookimpl

    def symbench_register(registry):
        kinds = {"model": registry.model, "task": registry.task, "metric": registry.metric}
        kind = "metric" if issubclass(thing, Metric) else "task"
        kinds["model" if issubclass(thing, Small) else kind](thing, **card)
        if not issubclass(thing, Norms):
            registry.task(Norms)
            registry.task(Labels)

    module.symbench_register = hookimpl(symbench_register)
    registry.add(module, "toy", "1", "here")
    titles = []
    for check in checks("subject", registry=registry):
        try:
            check()
        except Skipped:
            continue
        except (AssertionError, OSError, RuntimeError, SymbenchError) as error:
            titles.append(str(error) if explained else check.title)
    return titles


@pytest.mark.parametrize("module", [odd.lazy, odd.by_numpy, odd.plain_class_in_build])
def test_an_odd_model_that_can_be_trained_breaks_no_law(module):
    assert set(broken(holding(module))) <= {"it can be sent to a worker"}


@pytest.mark.parametrize("thing", [Good, Score])
def test_a_sound_model_or_metric_breaks_no_law(thing):
    assert broken(thing) == []


def test_a_sound_task_breaks_no_law():
    assert broken(Sound) == []


@pytest.mark.parametrize(
    ("thing", "law"),
    [
        (Forgetful, "it leaves global randomness alone"),
        (Crowded, "one example does not see another"),
        (Wide, "it builds what it accepts"),
        (Counting, "the same seed gives the same model"),
        (Mute, "it answers to every task"),
        (Odd, "its configuration round trips"),
        (Unwritable, "its configuration round trips"),
        (Helping, "it draws no data by itself"),
        (Watching, "it leaves no thread behind"),
        (Missing, "its data can be used in a run"),
        (Infinite, "its gradients are finite"),
        (holding(odd.PlainTensor), "it keeps its state in parameters and buffers"),
        (holding(odd.FilledInForward), "it keeps its state in parameters and buffers"),
        (holding(odd.shared_module), "its trials share nothing"),
        (holding(odd.WritesIntoInput), "it does not write into its input"),
        (holding(odd.by_the_system), "the same seed gives the same model"),
        (Few, "its data can be used in a run"),
        (Leaky, "its splits are disjoint"),
        (Crooked, "its truth satisfies its symmetry"),
        (Misguided, "what it tells acts on its data"),
        (Absent, "its card is valid"),
        (Nervous, "its data depend only on size seed and split"),
        (Broad, "its data have the shapes it states"),
        (OpenAlgebra, "its generators close under the bracket"),
        (Nameless, "its scores are finite and bear its name"),
        (Endless, "its scores are finite and bear its name"),
        (Fickle, "it gives the same scores again"),
    ],
)
def test_a_broken_law_is_found(thing, law):
    assert law in broken(thing)


@pytest.mark.parametrize(
    ("thing", "sentence"),
    [
        (Helping, "draws data of norms by itself, of the split train, in Helping.build"),
        (Watching, r"start it with daemon=True"),
        (Sharing, r"Sharing._Net.scale .*: keep it in the module, by register_buffer"),
        (Unwritable, "subject: Config.clip is inf"),
        (Missing, "return from available why they are"),
    ],
)
def test_a_broken_law_is_explained(thing, sentence):
    assert re.search(sentence, "\n".join(broken(thing, explained=True)))


def test_an_unknown_name_suggests_near_ones():
    with pytest.raises(UnknownNameError, match="o5-invariant"):
        checks("o5-invarient")


def test_a_model_that_holds_a_lambda_cannot_be_sent():
    assert broken(Local) == ["it can be sent to a worker"]


def test_a_perceptron_declared_equivariant_breaks_a_law():
    assert broken(Untrue, equivariant=True) == ["its declared equivariance holds"]


@pytest.mark.parametrize(("module", "loaded"), [("symbench_emlp", False), ("torch.nn", True)])
def test_a_plugin_that_registers_only_cards_loads_no_torch(module, loaded):
    assert loads_torch(module) is loaded
