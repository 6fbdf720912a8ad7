"""The verb ``score``: kept networks by another metric, or a network from a file on a task."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symbench.cli.options import (
    DEFAULT_STORE,
    TIERS,
    AsJson,
    BlockedPlugins,
    ModelPatterns,
    PluginFiles,
    StoreDirectory,
    TaskPatterns,
)
from symbench.cli.output import print_json
from symbench.contract.values import DEFAULT_TIER
from symbench.errors import InputError
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from symbench.contract import Task

_LONGEST = 20_000  # characters of an inspection


def score(  # noqa: PLR0913 - one parameter per option
    network: Annotated[
        str | None,
        typer.Argument(metavar="[FILE.py:FACTORY]", help="A function that returns a network."),
    ] = None,
    *,
    task: TaskPatterns = None,
    model: ModelPatterns = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Metric of the kept networks; repeatable."),
    ] = None,
    store: StoreDirectory = DEFAULT_STORE,
    tier: Annotated[
        str, typer.Option(metavar=TIERS, help="Tier of the task of a network.")
    ] = DEFAULT_TIER,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> int:
    """With --metric, score the networks of a store again, and store the scores; nothing is trained.

    With FILE.py:FACTORY, score the network that the function returns by the symmetry of one task,
    and name the input block that it does not move. The exit code is 1 if a cell cannot be scored.
    """
    if network is None:
        if not metric:
            raise InputError("nothing to score: give --metric NAME, or FILE.py:FACTORY and --task")
        return _stored(
            metric, (task or (), model or ()), store, (plugin, no_plugin), as_json=as_json
        )
    if metric or model or not task or len(task) != 1:
        raise InputError(f"{network}: give the one task whose symmetry counts by --task TASK")
    _inspect(network, task[0], tier, (plugin, no_plugin), as_json=as_json)
    return 0


_Plugins = tuple[Sequence[Path] | None, Sequence[str] | None]


def _stored(
    metrics: Sequence[str],
    patterns: tuple[Sequence[str], Sequence[str]],
    store: Path,
    plugins: _Plugins,
    *,
    as_json: bool,
) -> int:
    from symbench.stored import load

    documents, stdout = list[dict[str, Any]](), sys.stdout
    with redirect_stdout(sys.stderr):  # a plugin may print
        stored = load(store, plugin_files=plugins[0] or (), blocked=plugins[1] or ())
        for name in metrics:
            for one in stored.score(name, *patterns):
                identity = one.record.identity
                document = {
                    "task": identity.task, "model": identity.model, "tier": identity.tier,
                    "key": one.record.key, "metric": name, "trials": one.trials, "why": one.why,
                }  # fmt: skip
                documents.append(document)
                if not as_json:
                    typer.echo(_line(document), file=stdout)
    if not documents:
        raise InputError(f"nothing to score in {str(store)!r}: no trained cell matches")
    if as_json:
        print_json({"cells": documents})
    return 1 if any(document["why"] for document in documents) else 0


def _line(document: dict[str, Any]) -> str:
    what = document["why"] or f"{document['trials']} trials scored"
    return plain(f"{document['task']} {document['model']} {document['metric']}: {what}")


def _inspect(place: str, task: str, tier: str, plugins: _Plugins, *, as_json: bool) -> None:
    from symbench.cli.loading import registered
    from symbench.contract.values import check_tier
    from symbench.inspection import inspect

    check_tier(tier)
    with registered(*plugins) as registry:
        found = registry.task(task)
        inspection = inspect(_made(place, found), found, tier=tier)
    if as_json:
        print_json(inspection.document())
        return
    typer.echo("\n".join(plain(line, _LONGEST) for line in str(inspection).splitlines()))


def _made(place: str, task: Task) -> Any:
    """Return what the function of ``FILE.py:FACTORY`` returns; it may take the task.

    Raises:
        InputError: the file or the function is missing, raises, or returns what cannot be called.
    """
    path, _, name = place.rpartition(":")
    factory = getattr(_module(path, place), name, None)
    if not callable(factory):
        raise InputError(f"{place}: the file has no function {name!r}")
    try:
        made = factory(task) if _takes_task(factory) else factory()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's code may raise anything
        raise InputError(f"{place} raised {type(error).__name__}: {error!s:.500}") from error
    if not callable(made):
        raise InputError(f"{place} returned {type(made).__name__}: return a torch module")
    return made


def _takes_task(factory: Callable[..., Any]) -> bool:
    """Whether a function has a parameter without a default, which then gets the task."""
    try:
        parameters = signature(factory).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)


def _module(path: str, place: str) -> ModuleType:
    file = Path(path)
    if not path or not file.is_file():
        raise InputError(f"{place!r}: give FILE.py:FACTORY with an existing file")
    spec = importlib.util.spec_from_file_location(f"_symbench_scored_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise InputError(f"{place!r}: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent.absolute()))  # the file may import its neighbours
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's code may raise anything
        raise InputError(f"{path} raised {type(error).__name__}: {error!s:.500}") from error
    finally:
        sys.path.pop(0)
    return module
