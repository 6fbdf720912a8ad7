"""Published data sets of images, whose files are found, checked and decoded once per process."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from symbench import InputError
from symbench.downloads import RemoteFile, Stamp, find

Bytes = npt.NDArray[np.uint8]
Location = tuple[Stamp, ...]


@dataclass(frozen=True)
class Images:
    """Images [n, channels, side, side] and labels [n] of one official split, with values 0 to 255.

    Attributes:
        x: grey values or colours.
        y: labels, from 0.
    """

    x: Bytes
    y: Bytes


@dataclass(frozen=True)
class Decoded:
    """Both official splits, and the SHA-256 of all their values."""

    train: Images
    test: Images
    digest: str


class Source(ABC):
    """A published data set; subclasses are hashable values.

    The decoded images, or the reason why they were refused, are cached in the process until the
    size or the modification time of a file changes.
    """

    name: str
    classes: int
    channels: int
    side: int

    @property
    @abstractmethod
    def remotes(self) -> tuple[RemoteFile, ...]:
        """The published files of the data set."""

    @abstractmethod
    def alternatives(self, remote: RemoteFile) -> tuple[str, ...]:
        """Return the possible names of a file's content, the preferred one first."""

    @abstractmethod
    def decode(self, location: Location) -> Mapping[str, Images]:
        """Read and check the files; return the splits ``train`` and ``test``.

        Raises:
            InputError: a file is not as published; the message names it.
        """

    @abstractmethod
    def train_size(self, location: Location) -> int | None:
        """Return the number of training images, from the files' sizes; None if it is complete."""

    def stamps(self, path: Path) -> Location:
        """Return the stamps of the files at a path."""
        return (Stamp.of(path),)

    def missing(self) -> RemoteFile | None:
        """Return the first file that is in no data directory; None if there is none."""
        return next((file for file in self.remotes if find(*self.alternatives(file)) is None), None)

    def locate(self) -> Location | None:
        """Return the stamps of the files; None if one is missing."""
        candidates = [find(*self.alternatives(remote)) for remote in self.remotes]
        paths = [path for path in candidates if path is not None]
        if len(paths) < len(candidates):
            return None
        return tuple(stamp for path in paths for stamp in self.stamps(path))

    def available(self) -> str | None:
        """Return why the images are not available and what to do about it; None if they are.

        Existing files are read and checked. Nothing is downloaded.
        """
        missing = self.missing()
        if missing is not None:
            return missing.unavailable()
        try:
            location = self.locate()
            return None if location is None else _refusal(self, location)
        except InputError as error:
            return str(error)

    def fetched(self) -> Location:
        """Return the stamps of the files; missing ones are downloaded.

        Raises:
            InputError: a file can neither be found nor downloaded.
        """
        while (missing := self.missing()) is not None:
            missing.fetch()
        location = self.locate()
        if location is None:
            raise InputError(f"the files of {self.name} were removed while being read; run again")
        return location

    def load(self) -> Decoded:
        """Return the images; missing files are downloaded.

        Raises:
            InputError: a file can neither be found nor downloaded, or is unusable.
        """
        location = self.fetched()
        if reason := _refusal(self, location):
            raise InputError(reason)
        return _decoded(self, location)

    def digest(self) -> str:
        """Return the SHA-256 of the images and labels, which does not depend on the files' form."""
        location = self.fetched()
        return _digest(self, location) or self.load().digest

    def pool(self) -> int | None:
        """Return how many training images this machine has, from file sizes; None if all."""
        try:
            location = self.locate()
            return None if location is None else self.train_size(location)
        except InputError:
            return None


@lru_cache(maxsize=1)
def _decoded(source: Source, location: Location) -> Decoded:
    splits = source.decode(location)
    digest = hashlib.sha256()
    for split in ("train", "test"):
        for array in (splits[split].x, splits[split].y):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).data)
    return Decoded(splits["train"], splits["test"], digest.hexdigest())


@lru_cache(maxsize=32)
def _refusal(source: Source, location: Location) -> str | None:
    """Return what is wrong with the files; None if nothing is."""
    try:
        _decoded(source, location)
    except InputError as error:
        return str(error)
    return None


@lru_cache(maxsize=32)
def _digest(source: Source, location: Location) -> str:
    return "" if _refusal(source, location) else _decoded(source, location).digest
