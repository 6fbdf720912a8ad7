"""Tasks and models for tests of searches: some hide their test split, some misbehave."""

from __future__ import annotations

import types
from dataclasses import dataclass

import torch
import toys

from symbench.contract.model import NoConfig
from symbench.registry import Registry


class Blind(toys.Norms):
    """A task that refuses to draw its test split while ``shut`` is set."""

    name = "blind"
    shut = False
    drawn: set[tuple[str, int]] = set()  # noqa: RUF012 - the draws of all instances

    def sample(self, n, seed, split):
        assert not (self.shut and split == "test"), "the search drew the test split"
        self.drawn.add((split, seed))
        return super().sample(n, seed, split)


class Flat(toys.Norms):
    """A task of loss ``none``."""

    name, loss = "flat", "none"


class Moody(toys.Small):
    """Raises, diverges or declines, depending on its configuration."""

    name = "moody"

    @dataclass
    class Config:
        mood: str = "calm"
        learning_rate: float = 0.01

    search = {"mood": ["calm", "broken", "picky", "nan"]}  # noqa: RUF012

    def accepts(self, problem):
        return "no mood for it" if self.config.mood == "picky" else None

    def build(self, problem):
        if self.config.mood == "broken":
            raise ZeroDivisionError("mind the <gap>")
        net = torch.nn.Linear(problem.input_size, problem.output_size)
        if self.config.mood == "nan":
            torch.nn.init.constant_(net.weight, float("nan"))
        return net


class Hopeless(Moody):
    """Raises in ``build``."""

    name = "hopeless"

    def build(self, problem):
        raise ZeroDivisionError


class Plain(toys.Small):
    """Has no options."""

    name, Config = "plain", NoConfig


class Rude(toys.Small):
    """Raises in ``accepts``."""

    name = "rude"

    def accepts(self, problem):
        raise ZeroDivisionError("no <answer>")


class Own(toys.Small):
    """Trains itself."""

    name = "own"

    def fit(self, problem, data, context):
        assert context.seed >= 1000
        return self.build(problem)


def search_registry() -> Registry:
    """A registry that holds the toys and the classes of this file."""

    @toys.hookimpl
    def symbench_register(registry):
        for task in (Blind, Flat):
            registry.task(task)
        for model in (Moody, Hopeless, Plain, Rude, Own):
            registry.model(model)

    registry = toys.toy_registry()
    plugin = types.ModuleType("search_toys")
    plugin.symbench_register = symbench_register
    registry.add(plugin, "search_toys", "1", "tests")
    return registry
