"""The search space of a model: which fields of its configuration are searched, and where."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from symbench.contract import Model
from symbench.errors import InputError

_FLOAT_FACTOR, _WHOLE_FACTOR = 10, 2


class _Dimension(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Range(_Dimension):
    """Numbers from ``low`` to ``high``, both included; uniform in their logarithm if ``log``."""

    kind: Literal["whole", "real"]
    low: float
    high: float
    log: bool


class Categories(_Dimension):
    """A choice between values that have no order."""

    kind: Literal["choices"] = "choices"
    values: list[bool | int | float | str]


Space = dict[str, Range | Categories]


def search_space(model: Model) -> Space:
    """Return the search space of a model, around the present values of its configuration.

    If the class declares ``search = {"width": (16, 256), "activation": ["relu", "silu"]}``, only
    these fields are searched. A tuple is a range: of integers if both ends are, on the log scale if
    both are positive. A list holds categories. A present value outside its range widens the range.

    Otherwise every positive number is searched on the log scale: a float within a factor of ten, an
    integer within a factor of two. Strings, flags and numbers that are not positive are fixed.

    Raises:
        InputError: ``search`` names an unknown field, or gives neither a range nor categories.
    """
    present = {field.name: getattr(model.config, field.name) for field in fields(model.config)}
    if unknown := sorted(set(model.search) - set(present)):
        raise InputError(
            f"{model.name}: search names {unknown[0]!r}, but its Config has {sorted(present)}; "
            "name one of these"
        )
    if model.search:
        return {name: _declared(model, name, present[name]) for name in sorted(model.search)}
    derived = {name: _derived(value) for name, value in sorted(present.items())}
    return {name: span for name, span in derived.items() if span is not None}


def _derived(value: object) -> Range | None:
    if type(value) is int and value > 0:
        low = max(1, value // _WHOLE_FACTOR)
        return Range(kind="whole", low=low, high=value * _WHOLE_FACTOR, log=True)
    if type(value) is float and 0 < value < math.inf:
        return Range(kind="real", low=value / _FLOAT_FACTOR, high=value * _FLOAT_FACTOR, log=True)
    return None


def _declared(model: Model, name: str, present: Any) -> Range | Categories:
    given = model.search[name]
    if isinstance(given, list) and given:
        return Categories(values=given if present in given else [*given, present])
    if not _is_range(given):
        raise InputError(
            f"{model.name}: search[{name!r}] is {given!r}: give (low, high) with low < high, "
            "or a list of values"
        )
    whole = all(type(end) is int for end in (*given, present))
    numeric = type(present) in (int, float) and math.isfinite(present)
    low, high = (min(given[0], present), max(given[1], present)) if numeric else given
    return Range(kind="whole" if whole else "real", low=low, high=high, log=low > 0)


def _is_range(given: object) -> bool:
    if not isinstance(given, tuple) or len(given) != 2:
        return False
    return all(type(end) in (int, float) and math.isfinite(end) for end in given) and (
        given[0] < given[1]
    )
