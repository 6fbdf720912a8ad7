"""Which of many models the fast tests take; the slow ones take all."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import pytest

from symbench.registry import Registry


def two_a_plugin(registry: Registry, names: Iterable[str]) -> list[Any]:
    """The names as parameters; all but the first and the last of every plugin are marked slow."""

    def plugin(name: str) -> str:
        return registry.models[name].plugin

    parameters = []
    for _, group in groupby(sorted(names, key=plugin), plugin):
        first, *others = list(group)
        between = [pytest.param(name, marks=pytest.mark.slow) for name in others[:-1]]
        parameters += [first, *between, *others[-1:]]
    return parameters
