"""The verb ``plot``: stored records -> charts as files, and an index of what was written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symbench.cli.loading import matcher, registered
from symbench.cli.options import (
    BlockedPlugins,
    ModelPatterns,
    PluginFiles,
    StoreDirectories,
    StoredTier,
    TaskPatterns,
)
from symbench.cli.sources import read_records
from symbench.contract.values import check_tier
from symbench.errors import InputError
from symbench.files import safe_name
from symbench.results.leaderboard.over_tasks import summarise
from symbench.results.leaderboard.selection import newest
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from symbench.plot import Chart
    from symbench.records.record import Record

_FORMATS = ("svg", "png")


def plot(  # noqa: PLR0913 - one parameter per option
    *,
    to: Annotated[Path, typer.Option(metavar="DIR", help="The directory of the charts.")],
    store: StoreDirectories = None,
    tier: StoredTier = None,
    task: TaskPatterns = None,
    model: ModelPatterns = None,
    score: Annotated[
        str, typer.Option(metavar="NAME", help="The score to draw, by its name in the records.")
    ] = "error",
    form: Annotated[str, typer.Option("--format", metavar="svg,png", help="One or both.")] = "svg",
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """One chart per task: learning curves, or a row of dots per model where there is one size.

    Without -t and -m it also draws the rankings over tasks: mean ranks and performance profiles.
    """
    forms = parse_formats(form)
    if tier is not None:
        check_tier(tier)
    read = read_records(store, tier)
    with registered(plugin, no_plugin) as registry:
        current = newest(read.all, read.tier, read.staleness(registry))[0]
    charts = list(_of_tasks(current, task, model, score))
    if not (task or model) and score == "error":
        charts += _over_tasks(current, read.tier)
    if not charts:
        raise InputError(f"nothing to draw: no {read.tier} record of these tasks has {score!r}")
    for line in write(charts, to, forms):
        typer.echo(line)


def parse_formats(text: str) -> tuple[str, ...]:
    """Return the formats of ``svg,png``.

    Raises:
        InputError: another format, or none.
    """
    forms = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not forms or set(forms) - set(_FORMATS):
        raise InputError(f"--format {text!r}: choose svg, png or svg,png")
    return forms


def write(charts: Sequence[tuple[str, Chart]], to: Path, forms: Sequence[str]) -> Iterator[str]:
    """Write each chart in each format, and yield a line with the file's name and its content.

    Raises:
        InputError: the directory or a file cannot be written.
    """
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot draw into {str(to)!r}: {error.strerror}; choose another --to DIR"
        ) from error
    for name, chart in charts:
        for form in forms:
            path = chart.save(to / f"{safe_name(name)}.{form}")
            yield f"{path}  {plain(chart.heading)}"


def _of_tasks(
    records: Sequence[Record],
    tasks: Sequence[str] | None,
    models: Sequence[str] | None,
    score: str,
) -> Iterator[tuple[str, Chart]]:
    """Yield the chart of each matching task that has the score.

    Raises:
        InputError: no task or no model matches.
    """
    from symbench.plot import learning_curve

    names = sorted({one.identity.task for one in records if one.trials})
    chosen = [name for name in names if matcher(tasks)(name)]
    if not chosen:
        raise InputError(f"no task with results matches -t: choose one of {', '.join(names)}")
    wanted = matcher(models)
    found = False
    for name in chosen:
        of_task = [one for one in records if one.identity.task == name and one.trials]
        if not any(wanted(one.identity.model) for one in of_task):
            continue
        found = True
        if any(score in trial.scores for one in of_task for trial in one.trials):
            picked = sorted({one.identity.model for one in of_task if wanted(one.identity.model)})
            yield name, learning_curve(of_task, name, picked if models else None, score)
    if not found:
        raise InputError("no model with results on these tasks matches -m")


def _over_tasks(records: Sequence[Record], tier: str) -> Iterator[tuple[str, Chart]]:
    """Yield the diagrams of ranks and the profiles of each ranking that has them."""
    from symbench.plot import rank_diagram
    from symbench.plot.profiles import profiles

    for ranking in summarise(records, tier).rankings:
        compared = ranking.comparisons
        if compared is not None and compared.nemenyi is not None:
            yield f"ranks.{ranking.name}", rank_diagram(compared.nemenyi)
        if ranking.standings:
            yield f"profiles.{ranking.name}", profiles(ranking)
