"""Pictures of the learned generators of stored records, with an index of what was written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from symbench.errors import InputError, StoreError
from symbench.files import safe_name
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from torch import Tensor

    from symbench.records.record import Record
    from symbench.records.store import Source
    from symbench.results.leaderboard import Leaderboard


def draw(sources: Sequence[Source], table: Leaderboard, to: Path) -> None:
    """Write one PNG, named by task and model, for each shown cell with learned generators.

    An index on stderr has a line for each file.

    Raises:
        InputError: the directory cannot be created or written.
    """
    from symbench.results.report.generators import draw_generators

    shown = {(row.task, row.model) for row in table.rows}
    names: set[str] = set()
    try:
        to.mkdir(parents=True, exist_ok=True)
        for record, tensors in _drawable(sources, table.tier, shown):
            identity = record.identity
            name = f"{safe_name(identity.task)}.{safe_name(identity.model)}"
            if name in names:  # the same cell of another version or with other sizes
                name += f".{record.key}"
            names.add(name)
            size = max(identity.sizes)
            title = f"{identity.task} · {identity.model} · n = {size} · {table.tier}"
            drawn, of = draw_generators(tensors, title, to / f"{name}.png")
            count = f"{drawn} of {of} generator{'s' if of > 1 else ''}"
            typer.echo(f"{to / name}.png  {plain(title)} · {count}", err=True)
    except OSError as error:
        raise InputError(
            f"cannot draw into {str(to)!r}: {error.strerror}; choose another --figures DIR"
        ) from error
    plural = "figure" if len(names) == 1 else "figures"
    typer.echo(f"symbench: {len(names)} {plural} of learned generators in {to}", err=True)


def _drawable(
    sources: Sequence[Source], tier: str, shown: set[tuple[str, str]]
) -> Iterator[tuple[Record, dict[str, Tensor]]]:
    """Yield the shown records with generators that can be drawn, and their tensors."""
    from symbench.results.report.generators import drawable

    for source in sources:
        for record in source.records():
            identity = record.identity
            if identity.tier != tier or (identity.task, identity.model) not in shown:
                continue
            try:
                tensors = source.read_tensors(record.key)
            except StoreError as error:
                typer.echo(f"symbench: warning: {plain(str(error), 500)}", err=True)
                continue
            if drawable(tensors):
                yield record, tensors
