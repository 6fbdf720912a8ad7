"""A published data set of images: its files are found, checked and decoded once per process."""

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
    """Images [n, channels, side, side] and labels [n] of one official split, as stored: 0 to 255.

    Attributes:
        x: grey values or colours.
        y: labels from 0.
    """

    x: Bytes
    y: Bytes


@dataclass(frozen=True)
class Decoded:
    """Both official splits, and the SHA-256 of all their numbers."""

    train: Images
    test: Images
    digest: str


class Source(ABC):
    """A published data set; a hashable value.

    The decoded images, or the reason why they were refused, are cached in the process until the
    size or the time of change of a file is another.
    """

    name: str
    classes: int
    channels: int
    side: int

    @property
    @abstractmethod
    def remotes(self) -> tuple[RemoteFile, ...]:
        """The published files that hold the data set."""

    @abstractmethod
    def alternatives(self, remote: RemoteFile) -> tuple[str, ...]:
        """Return the names under which the content of a file may be found, the preferred first."""

    @abstractmethod
    def decode(self, location: Location) -> Mapping[str, Images]:
        """Read and check the files; return the splits ``train`` and ``test``.

        Raises:
            InputError: a file is not what it should be; the message names it.
        """

    @abstractmethod
    def train_size(self, location: Location) -> int | None:
        """Return how many training images the files hold, from their sizes; None if all."""

    def stamps(self, path: Path) -> Location:
        """Return the stamps of the files at a path."""
        return (Stamp.of(path),)

    def missing(self) -> RemoteFile | None:
        """Return the first file that no data directory has."""
        return next((one for one in self.remotes if find(*self.alternatives(one)) is None), None)

    def locate(self) -> Location | None:
        """Return the stamps of the files; None if one is missing."""
        found = [find(*self.alternatives(remote)) for remote in self.remotes]
        paths = [path for path in found if path is not None]
        if len(paths) < len(found):
            return None
        return tuple(stamp for path in paths for stamp in self.stamps(path))

    def available(self) -> str | None:
        """Return why the images cannot be had and what to do about it; None if they can.

        Files that are here are read and checked. Nothing is downloaded.
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
            raise InputError(f"the files of {self.name} were removed while they were read")
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
        """Return the SHA-256 of the images and labels, whatever form the files have."""
        location = self.fetched()
        return _digest(self, location) or self.load().digest

    def pool(self) -> int | None:
        """Return how many training images are here, from the sizes of files; None if all."""
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
