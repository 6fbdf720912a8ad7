"""What ``run`` needs between its options and one call: suites, checks, the plan, progress."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from symbench.errors import InputError
from symbench.records.record import FINISHED, Record
from symbench.records.store import Store
from symbench.registry import Registry
from symbench.runs import plan
from symbench.runs.plan import Cell, Selection

if TYPE_CHECKING:
    from symbench.api import Result
    from symbench.runs.options import Options
    from symbench.training.setup import FleetMode

_SUITE_KEYS = {"name", "summary", "tasks", "models", "tier", "sizes", "seeds"}

Document = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """What is to be run, as it was given."""

    everything: bool
    tasks: tuple[str, ...]
    models: tuple[str, ...]
    suite: str | None
    tier: str | None
    seeds: int | None
    sizes: tuple[int, ...]
    tuned: bool


def ladder(text: str | None) -> tuple[int, ...]:
    """Return the sizes of ``100,300,1000``.

    Raises:
        InputError: not whole numbers separated by commas.
    """
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError as error:
        raise InputError(f"--sizes {text!r}: give whole numbers, such as 100,300,1000") from error


def fleet(route: str) -> FleetMode:
    """Return the route of ``--fleet``.

    Raises:
        InputError: there is none of that name.
    """
    if route not in ("auto", "on", "off"):
        raise InputError(f"--fleet {route!r}: take one of auto, on, off")
    return cast("FleetMode", route)


def check(choice: Choice, options: Options) -> None:
    """Refuse what cannot be run.

    Raises:
        InputError: nothing chosen, or a value out of its range.
    """
    if not (choice.everything or choice.tasks or choice.models or choice.suite):
        raise InputError("nothing chosen: take --all, -t TASK, -m MODEL or --suite FILE.toml")
    if options.ray_address is not None and options.executor != "ray":
        raise InputError(f"--ray-address {options.ray_address!r}: it needs --executor ray")
    for name in ("jobs", "timeout", "memory"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise InputError(f"--{name} {value}: it must be above 0")


def selection(choice: Choice, registry: Registry, store: Path) -> Selection:
    """Return what to run: the suite's choice, with the options on top.

    Raises:
        InputError: a suite that cannot be read, an unknown tier, or a size or seed out of range.
    """
    from symbench.runs.options import default_tier

    suite = {} if choice.suite is None else _suite(choice.suite, registry)
    seeds = suite.get("seeds") if choice.seeds is None else choice.seeds
    chosen = Selection(
        choice.tasks or tuple(suite.get("tasks", ())),
        choice.models or tuple(suite.get("models", ())),
        choice.tier or suite.get("tier") or default_tier(),
        choice.sizes or tuple(suite.get("sizes", ())),
        seeds,
    )
    if not choice.tuned:
        return chosen
    from symbench.tuning.tuned import tuned_cells

    pairs = [(cell.task, cell.model) for cell in plan.make_plan(registry, chosen)]
    return replace(chosen, tuned=tuned_cells(registry, pairs, chosen.tier, store))


def _suite(name: str, registry: Registry) -> Mapping[str, Any]:
    if name in registry.suites:
        suite: Mapping[str, Any] = registry.suites[name].load()
    else:
        suite = _suite_file(Path(name), registry)
    if unknown := sorted(set(suite) - _SUITE_KEYS):
        raise InputError(f"suite {name!r} has no key {unknown[0]!r}: take {sorted(_SUITE_KEYS)}")
    for key, kind in (("tasks", str), ("models", str), ("sizes", int)):
        values = suite.get(key, [])
        if not isinstance(values, list | tuple) or not all(type(v) is kind for v in values):
            raise InputError(f"suite {name!r}: {key} must be a list of {kind.__name__}")
    if type(suite.get("tier", "")) is not str or type(suite.get("seeds", 1)) is not int:
        raise InputError(f"suite {name!r}: tier must be a string, seeds a whole number")
    return suite


def _suite_file(path: Path, registry: Registry) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        known = ", ".join(registry.suites) or "none"
        raise InputError(
            f"suite {str(path)!r} is no readable file ({error.strerror}), "
            f"nor a registered suite ({known})"
        ) from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise InputError(f"suite {str(path)!r} is not TOML: {error}") from error


def dry_run(registry: Registry, chosen: Selection, path: Path, *, fresh: bool) -> list[Document]:
    """Return the plan: each cell, and whether it would run, be reused, or is declined."""
    store = Store(path)
    return [
        _planned(cell, None if fresh else store.read(cell.key))
        for cell in plan.make_plan(registry, chosen)
    ]


def _planned(cell: Cell, stored: Record | None) -> Document:
    reused = stored is not None and stored.status in FINISHED
    what = "declined" if cell.reason else "reuse" if reused else "run"
    own = {"task": cell.task, "model": cell.model, "key": cell.key}
    return {**own, "plan": what, "reason": cell.reason}


def run(registry: Registry, chosen: Selection, options: Options) -> Result:
    """Carry out the selection, and show on stderr how far it is."""
    from symbench.api import result
    from symbench.cli.progress import Watch
    from symbench.runs.run import execute

    watch = Watch()
    registry.add_reporter(watch)
    with watch.bars:
        return result(execute(registry, chosen, options))


def document(result: Result) -> Document:
    """Return what ``run --json`` prints."""
    return {
        "run": result.run.name,
        "store": str(result.run.store),
        "cells": [asdict(outcome) for outcome in result.run.outcomes],
        "exit": result.exit_code,
    }
