"""What may be searched of a model's configuration."""

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
    """Numbers from ``low`` to ``high``, both included; even in their logarithm if ``log``."""

    kind: Literal["whole", "real"]
    low: float
    high: float
    log: bool


class Choices(_Dimension):
    """One of some values, in no order."""

    kind: Literal["choices"] = "choices"
    values: list[bool | int | float | str]


Space = dict[str, Range | Choices]


def search_space(model: Model) -> Space:
    """Return the ranges of the fields of the model's configuration, around its present values.

    Where the class declares ``search = {"width": (16, 256), "activation": ["relu", "silu"]}``, just
    these fields are searched: a tuple is a range, whole if both its ends are, on the log scale if
    both are positive; a list holds choices. Elsewhere a positive number is searched: a real one by
    a factor of ten either way, a whole one by a factor of two, on the log scale; texts, flags and
    numbers that are 0 or below stay. A present value outside its range widens it.

    Raises:
        InputError: ``search`` names an unknown field or holds neither a range nor choices.
    """
    present = {field.name: getattr(model.config, field.name) for field in fields(model.config)}
    if unknown := sorted(set(model.search) - set(present)):
        raise InputError(
            f"{model.name}: search names {unknown[0]!r}, but its Config has {sorted(present)}"
        )
    if model.search:
        return {name: _declared(model, name, present[name]) for name in sorted(model.search)}
    derived = {name: _derived(value) for name, value in sorted(present.items())}
    return {name: found for name, found in derived.items() if found is not None}


def _derived(value: object) -> Range | None:
    if type(value) is int and value > 0:
        low = max(1, value // _WHOLE_FACTOR)
        return Range(kind="whole", low=low, high=value * _WHOLE_FACTOR, log=True)
    if type(value) is float and 0 < value < math.inf:
        return Range(kind="real", low=value / _FLOAT_FACTOR, high=value * _FLOAT_FACTOR, log=True)
    return None


def _declared(model: Model, name: str, present: Any) -> Range | Choices:
    given = model.search[name]
    if isinstance(given, list) and given:
        return Choices(values=given if present in given else [*given, present])
    if not _is_range(given):
        raise InputError(
            f"{model.name}: search[{name!r}] is {given!r}: give (low, high) with low < high, "
            "or a list of choices"
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
