"""The verb ``tune``: one search per task and model, and the table of what they found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symbench.cli.loading import registered
from symbench.cli.options import (
    DEFAULT_STORE,
    AsJson,
    BlockedPlugins,
    Device,
    PluginFiles,
    StoreDirectory,
    TaskPatterns,
    TierToRun,
)
from symbench.cli.output import coloured, print_json, terminal_width
from symbench.cli.tables import (
    TableClasses,
    TableFile,
    TableInputs,
    TableLayout,
    TableOutputs,
    TableSymmetry,
    table_source,
)
from symbench.contract.values import DEFAULT_TIER
from symbench.errors import InputError
from symbench.results.report.escape import plain
from symbench.results.report.listing import listing
from symbench.results.report.numbers import number
from symbench.tuning.study import Study

if TYPE_CHECKING:
    from symbench.registry import Registry
    from symbench.tuning.search import Search

HEADINGS = ("task", "model", "attempts", "untuned", "tuned", "what changed")


@dataclass(frozen=True)
class SearchResult:
    """The search of one task and model, or the reason why there is none."""

    task: str
    model: str
    study: Study | None
    reason: str | None = None

    @property
    def failed(self) -> bool:
        """Whether no configuration of the search could be trained."""
        return self.study is not None and self.study.best is None


def tune(  # noqa: PLR0913 - one parameter per option
    model: Annotated[list[str], typer.Argument(metavar="MODEL", help="Names or globs.")],
    *,
    task: TaskPatterns = None,
    table: TableFile = None,
    inputs: TableInputs = None,
    outputs: TableOutputs = None,
    classes: TableClasses = False,
    layout: TableLayout = None,
    symmetry: TableSymmetry = None,
    attempts: Annotated[
        int,
        typer.Option("--attempts", "--trials", metavar="N", help="Attempts per task and model."),
    ] = 20,
    seeds: Annotated[int, typer.Option(metavar="K", help="Seeds per attempt.")] = 2,
    tier: TierToRun = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Random seed of the search.")] = 0,
    device: Device = "auto",
    store: StoreDirectory = DEFAULT_STORE,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Discard earlier attempts and start again.")
    ] = False,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> int:
    """Configurations are compared on the valid split, never on the test split."""
    from symbench.tuning.search import Search

    tables = table_source(table, inputs, outputs, classes, layout, symmetry)
    if not (tasks := [*(task or ()), *(source.name for source in tables)]):
        raise InputError("tune what on? Give -t TASK (a name or a glob; repeatable)")
    how = Search(store, tier or DEFAULT_TIER, attempts, seeds, seed, device, fresh)
    with registered(plugin, no_plugin, tables) as registry:
        results = list(searches(registry, tasks, model, how))
    if as_json:
        print_json(document(results, how))
    else:
        typer.echo(page(results, terminal_width(), colour=coloured()), nl=False)
    return exit_code(results)


def searches(
    registry: Registry, tasks: Sequence[str], models: Sequence[str], how: Search
) -> Iterator[SearchResult]:
    """Search every pair of the chosen tasks and models with the same budget.

    Raises:
        InputError: an unknown name, or a search that cannot begin.
    """
    from symbench.tuning.search import search

    for task in registry.drop_broken("task", registry.select("task", tasks)):
        for model in registry.drop_broken("model", registry.select("model", models)):
            study_or_reason = search(registry, task, model, how, _tell)
            if isinstance(study_or_reason, Study):
                yield SearchResult(task, model, study_or_reason)
            else:
                yield SearchResult(task, model, None, study_or_reason)


def _tell(study: Study) -> None:
    done, last, best = len(study.attempts), study.attempts[-1], study.best
    result = last.status if last.loss is None else number(last.loss)
    least = "" if best is None or best.loss is None else f", least {number(best.loss)}"
    why = "" if last.reason is None else f" ({last.reason})"
    pair = f"{study.spec.model} on {study.spec.task}"
    line = f"{pair}: attempt {done} of {study.budget}: valid loss {result}{least}{why}"
    typer.echo(plain(line), err=True)


def document(results: Sequence[SearchResult], how: Search) -> dict[str, Any]:
    """Return what ``tune --json`` prints."""
    return {
        "store": str(how.store),
        "tier": how.tier,
        "trials": how.attempts,
        "searches": [_one(result) for result in results],
        "exit": exit_code(results),
    }


def _one(result: SearchResult) -> dict[str, Any]:
    pair = {"task": result.task, "model": result.model}
    if result.study is None:
        return {**pair, "reason": result.reason}
    best, first = result.study.best, result.study.attempts[0]
    return {
        **pair,
        "trials": len(result.study.attempts),
        "untuned_loss": first.loss,
        "loss": None if best is None else best.loss,
        "config": None if best is None else best.config,
    }


def exit_code(results: Sequence[SearchResult]) -> int:
    """Return 1 if some search has no configuration that could be trained, else 0."""
    return 1 if any(result.failed for result in results) else 0


def page(results: Sequence[SearchResult], width: int, *, colour: bool) -> str:
    """Return a table with a line per pair: the valid loss before and after, and what changed."""
    return listing(HEADINGS, [_row(result) for result in results], width, colour=colour)


def _row(result: SearchResult) -> list[str]:
    study = result.study
    if study is None:
        return [result.task, result.model, "0", "", "", result.reason or ""]
    first, best = study.attempts[0], study.best
    untuned = first.status if first.loss is None else number(first.loss)
    tuned = "failed" if best is None or best.loss is None else number(best.loss)
    config = {} if best is None else best.config
    changed = [
        f"{name} {number(value) if isinstance(value, float) else value}"
        for name, value in config.items()
        if value != study.spec.base.get(name)
    ]
    what = ", ".join(changed) or ("nothing" if best else study.attempts[-1].reason or "")
    return [result.task, result.model, str(len(study.attempts)), untuned, tuned, what]
