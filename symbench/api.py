"""The verbs of the command line, as functions for notebooks and scripts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbench import registry
from symbench.contract import Metric, Model, Problem, Task
from symbench.contract.values import DEFAULT_TIER
from symbench.errors import InputError
from symbench.metrics import CORE
from symbench.records.record import Record
from symbench.registry import Registry
from symbench.registry.given import add_given
from symbench.registry.problem import make_problem
from symbench.results import frames, leaderboard
from symbench.results.leaderboard.beside import why_none
from symbench.results.report.documents import render_fragment
from symbench.results.report.tables import coverage
from symbench.results.sources import open_publication
from symbench.runs.options import DEFAULT_STORE, Options
from symbench.runs.plan import Selection
from symbench.runs.run import Run, execute

if TYPE_CHECKING:
    from pandas import DataFrame

    from symbench.results.leaderboard import Leaderboard


@dataclass(frozen=True, repr=False)
class Result:
    """A finished run and the leaderboard of its records. A notebook shows its tables.

    ``why_none_beside`` says why no published row stands beside those of the run, if some should.
    """

    run: Run
    leaderboard: Leaderboard
    why_none_beside: str = ""

    @property
    def records(self) -> list[Record]:
        """The records of the planned cells."""
        return self.run.records

    @property
    def exit_code(self) -> int:
        """The exit code of the command line for this run."""
        return self.run.exit_code

    def frame(self) -> DataFrame:
        """Return a data frame with one row per cell: names, ranks, scores and their intervals."""
        return frames.cells(self.leaderboard)

    def trials(self) -> DataFrame:
        """Return a data frame with one row per score of a trial, by n_train and seed."""
        return frames.trials(self.records)

    def __repr__(self) -> str:
        """Return one line; the leaderboard has the tables."""
        done = coverage(self.leaderboard)
        return f"<Result of {self.run.name!r}, tier {self.leaderboard.tier}: {done}>"

    def _repr_html_(self) -> str:
        return render_fragment(self.leaderboard)


def run(  # noqa: PLR0913 - the same options as the command line
    tasks: Sequence[str | Task] = (),
    models: Sequence[str] = (),
    tier: str | None = None,
    store: str | Path = DEFAULT_STORE,
    *,
    sizes: Sequence[int] = (),
    seeds: int | None = None,
    metrics: Sequence[str] = (),
    against: Sequence[str | Path] = (),
    executor: str = "inline",
    plugin_files: Sequence[Path | str] = (),
    blocked: Sequence[str] = (),
    **options: Any,
) -> Result:
    """Train, score and store the selected cells, and return the result.

    ``tasks`` and ``models`` are names or globs; none means all. A task may be given by itself, such
    as a ``TableTask``; it runs in this process only (executor ``inline``). ``metrics`` are those
    that are to score although neither the task nor the model is of their plugin. ``against`` are
    publications whose rows of the same data, sizes and budget stand beside those of the run.
    ``plugin_files`` are loaded besides the installed plugins, without those in ``blocked``.
    ``options`` are the other fields of ``Options``. Finished cells of the store are reused.

    Raises:
        InputError: an unknown name or option value, or an empty selection.
        StoreError: the store cannot be written.
    """
    published = [record for path in against for record in open_publication(path).records()]
    plugins = registry.load(tuple(plugin_files), tuple(blocked))
    given = [task for task in tasks if isinstance(task, Task)]
    if given and executor != "inline":
        raise InputError(
            f"task {given[0].name} was given as an object, which only executor='inline' can run: "
            "register it in a plugin file"
        )
    for task in given:
        add_given(plugins, task)
    names = [task.name if isinstance(task, Task) else task for task in tasks]
    selection = Selection(
        tuple(names), tuple(models), tier or DEFAULT_TIER, tuple(sizes), seeds,
        metrics=tuple(metrics),
    )  # fmt: skip
    how = Options(store=Path(store), executor=executor, **options)
    done = result(execute(plugins, selection, how), published)
    if done.why_none_beside:
        warnings.warn(done.why_none_beside, stacklevel=2)
    return done


def result(run: Run, published: Sequence[Record] = ()) -> Result:
    """Return a finished run with its leaderboard, and published records beside its own."""
    tier, planned = run.cells[0].identity.tier, len(run.cells)
    table = leaderboard.make(run.records, tier, planned=planned, published=published)
    beside = not published or any("published" in row.flags for row in table.rows)
    return Result(run, table, "" if beside else why_none(run.records, published))


@cache
def _registry() -> Registry:
    return registry.load()


def task(name: str) -> Task:
    """Return a registered task.

    Raises:
        UnknownNameError: nothing is registered under the name.
    """
    return _registry().task(name)


def model(name: str) -> type[Model]:
    """Return a registered model class; raises like ``task``."""
    return _registry().model(name)


def problem(task: Task, model: Model | type[Model]) -> Problem:
    """Return the problem: what the model sees of the task."""
    return make_problem(_registry(), task, model)


def tasks() -> list[str]:
    """Return the names of the registered tasks."""
    return list(_registry().tasks)


def models() -> list[str]:
    """Return the names of the registered models."""
    return list(_registry().models)


def list_metrics() -> list[type[Metric]]:
    """Return the metric classes of the core and of plugins."""
    return [*CORE, *(card.load() for card in _registry().metrics.values())]


def metrics() -> list[type[Metric]]:
    """Return ``list_metrics()``; this name is deprecated and goes with the next release."""
    warnings.warn("symbench.api.metrics is now list_metrics", DeprecationWarning, stacklevel=2)
    return list_metrics()
