"""Refuses a cell whose model takes data by itself, or changes what computes its scores.

A plugin that hides can defeat this: it runs in the same process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType

from torch import nn

from symbench.contract import Data, Metric, Model, Split, Task
from symbench.draws import Draws
from symbench.errors import PluginError
from symbench.runs import judge

# modules that draw data for whoever calls them
_FOR_OTHERS = {"symbench.draws", "symbench.contract.task", "symbench.registry.settings"}


@contextmanager
def watched(draws: Draws, model: Model) -> Iterator[None]:
    """Watch the block, in which the model is trained and scored on the task of the draws.

    Raises:
        PluginError: the model has drawn data of the task, changed the test data that are kept, or
            replaced a function that all models share.
    """
    _require_own_code(model, draws.task)
    cls, own, drawn = type(draws.task), vars(type(draws.task)).get("sample"), list[str]()
    sample, kept = cls.sample, draws.stamp()

    @wraps(sample)
    def watching(task: Task, n: int, seed: int, split: Split) -> Data:
        if (place := _culprit(sys._getframe(1))) is not None:
            drawn.append(
                f"model {model.name} draws data of {task.name} by itself, of the split {split}, in "
                f"{place}: use only the data that fit, calibrate and forward are given"
            )
            raise PluginError(drawn[0])
        return sample(task, n, seed, split)

    cls.sample = watching  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        if own is None:
            del cls.sample
        else:
            cls.sample = own  # type: ignore[method-assign]
    if drawn:  # and the model has caught the error
        raise PluginError(drawn[0])
    draws.require_kept(kept)
    _require_own_code(model, draws.task)


def _require_own_code(model: Model, task: Task) -> None:
    name = judge.replaced() or judge.replaced_in(type(model)) or judge.replaced_in(type(task))
    if name is not None:
        raise PluginError(
            f"{name} is not the original function: a plugin has replaced it; leave the plugin "
            "out, or start the run again if the file was edited during the run"
        )
    if (name := judge.hooked()) is not None:
        raise PluginError(
            f"{name} is not empty: a plugin has added hooks for all models; leave the plugin out"
        )


def _culprit(frame: FrameType | None) -> str | None:
    """Return where a model asked for data; None if symbench, the task or a metric asked.

    The nearest method of one of them decides. What none of them has called, as in a thread of its
    own, is a model's.
    """
    place = ""
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module not in _FOR_OTHERS:
            place = place or frame.f_code.co_qualname
            owner = _owner(frame)
            if isinstance(owner, Model | nn.Module):
                return place
            if isinstance(owner, Task | Metric) or module.partition(".")[0] == "symbench":
                return None
        frame = frame.f_back
    return place


def _owner(frame: FrameType) -> object:
    """Return the object whose method is running in the frame; None if it is not a method."""
    code = frame.f_code
    first = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    scope = code.co_qualname.split(".")[-2:-1]
    return first if scope and scope[0] in {cls.__name__ for cls in type(first).__mro__} else None
