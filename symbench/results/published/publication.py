"""A publication as a source of records: a directory with a submission, or the submission itself."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from symbench.errors import InputError, StoreError
from symbench.results.published.document import COMPRESSED, FILE_NAME, Submission
from symbench.results.published.pictures import FILE_NAME as PICTURES
from symbench.results.published.pictures import unpacked
from symbench.results.published.reading import file_of, read

if TYPE_CHECKING:
    from torch import Tensor

    from symbench.records.record import Record


class Publication:
    """The records of a submission, read like those of a store. Nothing is ever written to it.

    Its records are shown as published: whether today's code would give the same results is for
    ``symbench verify`` to say.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @cached_property
    def submission(self) -> Submission:
        """The submission, read and checked once.

        Raises:
            InputError: it cannot be read, or is no submission; the message names the file.
        """
        file = file_of(self.path)
        try:
            return read(file)
        except InputError as error:
            raise InputError(f"{file} cannot be used: {error}") from error

    @cached_property
    def pictures(self) -> dict[str, list[bytes]]:
        """PNG heat maps of learned generators by the key of their record.

        Raises:
            InputError: the file with them cannot be read.
        """
        return unpacked(self.path / PICTURES) if self.path.is_dir() else {}

    def records(self) -> list[Record]:
        """Return every record of the submission."""
        return list(self.submission.records)

    def read_tensors(self, key: str) -> dict[str, Tensor]:  # noqa: ARG002 - as of a store
        """Return no tensors: a publication has pictures of learned generators, and no matrices."""
        return {}

    def has_networks(self, record: Record) -> bool:  # noqa: ARG002 - as of a store
        """Return False: networks are not published."""
        return False

    def read_networks(self, record: Record) -> dict[str, Tensor]:  # noqa: ARG002 - as of a store
        """Refuse: networks are not published.

        Raises:
            StoreError: always.
        """
        raise StoreError(
            f"{self.path} is a publication, which keeps no networks: give the store it was made "
            "from, or run the cell with --keep-networks"
        )

    def origin(self) -> str:
        """Return what made the results: versions of symbench and the machines."""
        made = self.submission.provenance
        code = f"symbench {' and '.join(made.symbench) or 'of an unknown version'}"
        git = f", git {' and '.join(made.git)}" if made.git else ""
        return f"{code}{git}, on {' and '.join(made.machine) or 'an unknown machine'}"


def is_publication(path: Path) -> bool:
    """Whether the path is a submission's file, or a directory that has one and no records."""
    if path.is_dir():
        has_one = any((path / name).is_file() for name in (FILE_NAME, COMPRESSED))
        return has_one and not (path / "cells").is_dir()
    return path.is_file() and (path.suffix == ".json" or path.name.endswith(".json.gz"))
