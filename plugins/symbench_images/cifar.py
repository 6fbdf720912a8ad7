"""CIFAR-10 and CIFAR-100: images of 3×32×32 in the official binary form, archived or extracted.

The format: https://www.cs.toronto.edu/~kriz/cifar.html (Krizhevsky 2009). A record is one byte of
label (CIFAR-100: coarse, then fine) and 3,072 of colours: red, green, blue, each row by row.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from symbench import InputError
from symbench_images.idx import check_labels
from symbench_images.sources import Remote, Stamp, verify
from symbench_images.stock import Bytes, Images, Location, Source

_LARGEST = 2**28  # bytes of one file; the largest has 2**27.2


@dataclass(frozen=True)
class CifarSource(Source):
    """A data set in ``<data directory>/<folder>/`` or in its published archive beside it.

    The folder may hold fewer records than were published, and not all of the training files: a
    subset, whose results are kept apart by the fingerprint. The archive is read in memory, and no
    path that it names is used.

    Attributes:
        folder: that the archive contains.
        archive: its file name.
        md5: of the archive.
        train_files: names of the files with training images.
        test_file: name of the file with test images.
        label_classes: number of classes of each label byte; the last one is the label.
    """

    name: str
    folder: str
    archive: str
    md5: str
    train_files: tuple[str, ...]
    test_file: str
    label_classes: tuple[int, ...]
    channels: int = 3
    side: int = 32

    @property
    def classes(self) -> int:  # type: ignore[override]
        """Number of classes."""
        return self.label_classes[-1]

    @property
    def record(self) -> int:
        """Bytes of a record."""
        return len(self.label_classes) + self.channels * self.side**2

    @property
    def remotes(self) -> tuple[Remote, ...]:
        """The archive."""
        return (
            Remote(self.archive, self.md5, (f"https://www.cs.toronto.edu/~kriz/{self.archive}",)),
        )

    def alternatives(self, remote: Remote) -> tuple[str, ...]:
        """Return the extracted folder, then the archive."""
        return self.folder, remote.path

    def stamps(self, path: Path) -> Location:
        """Return the stamps of the archive, or of the folder's files that are there."""
        if not path.is_dir():
            return (Stamp.of(path),)
        if not (path / self.test_file).is_file():
            raise InputError(f"{path} has no {self.test_file}")
        train = [path / name for name in self.train_files if (path / name).is_file()]
        if not train:
            raise InputError(f"{path} has no {self.train_files[0]}")
        return tuple(Stamp.of(file) for file in [*train, path / self.test_file])

    def train_size(self, location: Location) -> int | None:
        """Return the number of training records in the folder; None for the archive."""
        if self._is_archive(location):
            return None
        return sum(stamp.size // self.record for stamp in location[:-1])

    def decode(self, location: Location) -> Mapping[str, Images]:
        """Read and check the folder's files or the archive.

        Raises:
            InputError: the archive has another md5 or is unreadable, a file is missing or holds
                a part of a record, or a label names no class.
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
        """Return the contents of the archive's files in their order; nothing is extracted."""
        verify(stamp, self.md5)
        wanted = (*self.train_files, self.test_file)
        try:
            with tarfile.open(stamp.path, "r:gz") as archive:
                found = {
                    PurePosixPath(member.name).name: _member(stamp, archive, member)
                    for member in archive
                    if PurePosixPath(member.name).name in wanted and member.isfile()
                }
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise InputError(f"{stamp.path} cannot be read: {error}") from None
        if missing := [name for name in wanted if name not in found]:
            raise InputError(f"{stamp.path} has no {missing[0]}")
        return {
            Stamp(stamp.path / name, len(found[name]), stamp.modified): found[name]
            for name in wanted
        }


def _member(stamp: Stamp, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None or member.size > _LARGEST:
        raise InputError(f"{stamp.path}: {member.name} is larger than any file that is read here")
    return file.read()


def _content(stamp: Stamp) -> bytes:
    if stamp.size > _LARGEST:
        raise InputError(f"{stamp.path} is larger than any file that is read here")
    try:
        return stamp.path.read_bytes()
    except OSError as error:
        raise InputError(f"{stamp.path} cannot be read: {error}") from None


CIFAR10 = CifarSource(
    name="CIFAR10",
    folder="cifar-10-batches-bin",
    archive="cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    train_files=tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    test_file="test_batch.bin",
    label_classes=(10,),
)
CIFAR100 = CifarSource(
    name="CIFAR100",
    folder="cifar-100-binary",
    archive="cifar-100-binary.tar.gz",
    md5="03b5dce01913d631647c71ecec9e9cb8",
    train_files=("train.bin",),
    test_file="test.bin",
    label_classes=(20, 100),
)
