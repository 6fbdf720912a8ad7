"""The verb ``publish``: stores -> tables, a site, and a submission that others can verify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from symbench.cli.loading import registered, staleness
from symbench.cli.options import BlockedPlugins, PluginFiles, StoreDirectories, StoredTier
from symbench.cli.sources import open_stores
from symbench.contract.values import check_tier
from symbench.errors import StoreError
from symbench.records.store import Store, records_of
from symbench.results.leaderboard import newest_tier
from symbench.results.report.escape import plain

Form = Literal["tables", "site", "compact"]

if TYPE_CHECKING:
    from symbench.records.record import Record
    from symbench.registry import Registry


def publish(  # noqa: PLR0913 - one parameter per option
    *,
    to: Annotated[Path, typer.Option(metavar="DIR", help="A new directory, or an earlier one.")],
    store: StoreDirectories = None,
    tier: StoredTier = None,
    no_site: Annotated[bool, typer.Option("--no-site", help="Leave the HTML pages out.")] = False,
    compact: Annotated[
        bool, typer.Option("--compact", help="Only a README and the compressed submission.")
    ] = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """Others can check the submission with `symbench verify`.

    With --compact it takes little room in a repository. `symbench site` makes pages of it.
    """
    stores = open_stores(store)
    form: Form = "compact" if compact else "tables" if no_site else "site"
    with registered(plugin, no_plugin) as registry:
        written, line = write(stores, tier, staleness(registry), to, registry, form=form)
    typer.echo("\n".join([*(str(path) for path in written), line]))


def write(
    stores: Sequence[Store],
    tier: str | None,
    stale: Callable[[Record], bool],
    to: Path,
    registry: Registry | None = None,
    *,
    form: Form = "site",
) -> tuple[list[Path], str]:
    """Publish the records of one tier; return the written files and a line that sums them up.

    Args:
        stores: where the records are, and the learned generators beside them.
        tier: smoke, quick, standard or full; by default that of the newest record.
        stale: whether the task, model, protocol or metrics of a record have changed.
        to: a new directory, or one of an earlier publication.
        registry: describes tasks and models on the site; without it the pages hold only results.
        form: the tables, these and a site, or the compact form of a publication.

    Raises:
        InputError: an unknown tier, nothing to publish, or a directory that holds something else.
    """
    from symbench.publish import submission
    from symbench.publish.site import content_of, files

    if tier is not None:
        check_tier(tier)
    records = records_of(stores)
    made = submission.make(records, tier or newest_tier(records) or "quick", stale)
    done = made.leaderboard.coverage
    line = (
        f"{done.planned} cells of tier {made.tier} ({done.failed} failed), "
        f"{len(made.absent)} pairs without a current record; sha256 {made.hashes.whole}"
    )
    if form == "tables":
        return submission.write(made, to), line
    pictures = _pictures([record.key for record in made.records], stores)
    if form == "compact":
        return submission.write(made, to, compact=pictures), line
    return submission.write(made, to, files(content_of(made, registry, pictures))), line


def _pictures(keys: Sequence[str], stores: Sequence[Store]) -> dict[str, list[bytes]]:
    """Return the heat maps of the records that have learned generators beside them."""
    from symbench.results.report.generators import heat_maps

    pictures: dict[str, list[bytes]] = {}
    for key in keys:
        for store in stores:
            if not (store.cells / f"{key}.safetensors").is_file():
                continue
            try:
                if maps := heat_maps(store.read_tensors(key)):
                    pictures[key] = maps
            except (StoreError, RuntimeError) as error:  # torch's, if shapes do not fit
                typer.echo(f"symbench: warning: {plain(str(error), 500)}", err=True)
    return pictures
