"""The binary format of CIFAR-10 and CIFAR-100, archived or extracted.

Format: https://www.cs.toronto.edu/~kriz/cifar.html (Krizhevsky 2009). A record has one label byte
(CIFAR-100: two, coarse and fine) and 3,072 bytes of colour: red, green and blue, each row by row.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from symbench import InputError
from symbench.downloads import RemoteFile, Stamp, verify
from symbench_images.idx import check_labels
from symbench_images.stock import Bytes, Images, Location, Source

_LARGEST = 2**28  # bytes per file; the largest published file has 2**27.2


@dataclass(frozen=True)
class CifarSource(Source):
    """A data set in ``<data directory>/<folder>/`` or in its published archive beside it.

    The folder may contain a subset: fewer records than published, or only some of the training
    files. A subset has a different fingerprint, so its results are never mixed with others. The
    archive is read in memory, and no path in it is used.

    Attributes:
        folder: name of the folder in the archive.
        archive: file name of the archive.
        md5: MD5 checksum of the archive.
        train_files: names of the files with training images.
        test_file: name of the file with test images.
        label_classes: number of classes of each label byte; the last one is the label.
        mirrors: URLs of directories that serve the archive.
    """

    name: str
    folder: str
    archive: str
    md5: str
    train_files: tuple[str, ...]
    test_file: str
    label_classes: tuple[int, ...]
    mirrors: tuple[str, ...] = ()
    channels: int = 3
    side: int = 32

    @property
    def classes(self) -> int:  # type: ignore[override]
        """Number of classes."""
        return self.label_classes[-1]

    @property
    def record(self) -> int:
        """Number of bytes of a record."""
        return len(self.label_classes) + self.channels * self.side**2

    @property
    def remotes(self) -> tuple[RemoteFile, ...]:
        """The archive."""
        urls = tuple(f"{mirror}{self.archive}" for mirror in self.mirrors)
        return (RemoteFile(self.archive, f"md5:{self.md5}", urls),)

    def alternatives(self, remote: RemoteFile) -> tuple[str, ...]:
        """Return the names of the extracted folder and of the archive."""
        return self.folder, remote.path

    def stamps(self, path: Path) -> Location:
        """Return the stamps of the archive, or of the existing files of the folder."""
        if not path.is_dir():
            return (Stamp.of(path),)
        if not (path / self.test_file).is_file():
            raise InputError(f"{path} has no file {self.test_file}; add it")
        train = [path / name for name in self.train_files if (path / name).is_file()]
        if not train:
            raise InputError(f"{path} has no training file; add {self.train_files[0]}")
        return tuple(Stamp.of(file) for file in [*train, path / self.test_file])

    def train_size(self, location: Location) -> int | None:
        """Return the number of training records in the folder; None for the archive."""
        if self._is_archive(location):
            return None
        return sum(stamp.size // self.record for stamp in location[:-1])

    def decode(self, location: Location) -> Mapping[str, Images]:
        """Read and check the folder's files or the archive.

        Raises:
            InputError: the archive is unreadable or has another checksum, a file is missing or ends
                within a record, or a label is too large.
        """
        if self._is_archive(location):
            contents = self._unpacked(location[0])
        else:
            contents = {stamp: _content(stamp) for stamp in location}
        *train, test = (self._images(stamp, content) for stamp, content in contents.items())
        together = Images(
            np.concatenate([part.x for part in train]), np.concatenate([part.y for part in train])
        )
        return {"train": together, "test": test}

    def _is_archive(self, location: Location) -> bool:
        return location[0].path.name == self.archive

    def _images(self, stamp: Stamp, content: bytes) -> Images:
        if not content or len(content) % self.record:
            raise InputError(
                f"{stamp.path} has {len(content)} bytes, not a whole number of records of "
                f"{self.record}"
            )
        records: Bytes = np.frombuffer(content, dtype=np.uint8).reshape(-1, self.record)
        for column, classes in enumerate(self.label_classes):
            check_labels(stamp, records[:, column], classes)
        start = len(self.label_classes)
        x = records[:, start:].reshape(-1, self.channels, self.side, self.side)
        return Images(x, records[:, start - 1].copy())

    def _unpacked(self, stamp: Stamp) -> dict[Stamp, bytes]:
        """Return the contents of the archive's files, in order, without extracting them to disk."""
        verify(stamp, f"md5:{self.md5}")
        wanted = (*self.train_files, self.test_file)
        try:
            with tarfile.open(stamp.path, "r:gz") as archive:
                contents = {
                    PurePosixPath(member.name).name: _member(stamp, archive, member)
                    for member in archive
                    if PurePosixPath(member.name).name in wanted and member.isfile()
                }
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise InputError(f"{stamp.path} cannot be read: {error}") from None
        if missing := [name for name in wanted if name not in contents]:
            raise InputError(f"{stamp.path} has no file {missing[0]}")
        return {
            Stamp(stamp.path / name, len(contents[name]), stamp.modified): contents[name]
            for name in wanted
        }


def _member(stamp: Stamp, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None or member.size > _LARGEST:
        raise InputError(f"{stamp.path}: {member.name} is larger than {_LARGEST} bytes")
    return file.read()


def _content(stamp: Stamp) -> bytes:
    if stamp.size > _LARGEST:
        raise InputError(f"{stamp.path} is larger than {_LARGEST} bytes")
    try:
        return stamp.path.read_bytes()
    except OSError as error:
        raise InputError(f"{stamp.path} cannot be read: {error}") from None
