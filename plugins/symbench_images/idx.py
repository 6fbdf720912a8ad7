"""The idx format of MNIST and Fashion-MNIST, in the directory layout of torchvision.

Format: http://yann.lecun.com/exdb/mnist/ (LeCun, Cortes and Burges). A file has a magic number and
the sizes of the axes (all 32-bit, most significant byte first), followed by the values, here one
byte each.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from symbench import InputError
from symbench.downloads import RemoteFile, Stamp, verify
from symbench_images.stock import Bytes, Images, Location, Source

_IMAGES, _LABELS = 0x00000803, 0x00000801  # unsigned bytes with three axes, and with one
_LARGEST = 2**28  # bytes per file; the largest of MNIST has 2**25.5


@dataclass(frozen=True)
class IdxFile:
    """One of the four files, published as ``name.gz`` and used compressed or extracted.

    Attributes:
        name: the file name without directory and suffix.
        md5: MD5 checksum of the compressed file.
        extracted_md5: MD5 checksum of the extracted file.
    """

    name: str
    md5: str
    extracted_md5: str


@dataclass(frozen=True)
class IdxSource(Source):
    """A data set in ``<data directory>/<name>/raw/``.

    Attributes:
        files: those of training images, training labels, test images and test labels.
        mirrors: URLs of directories that serve the four compressed files.
    """

    name: str
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]
    mirrors: tuple[str, ...]
    classes: int = 10
    channels: int = 1
    side: int = 28

    @property
    def remotes(self) -> tuple[RemoteFile, ...]:
        """The four compressed files."""
        return tuple(
            RemoteFile(
                f"{self.name}/raw/{file.name}.gz",
                f"md5:{file.md5}",
                tuple(f"{mirror}{file.name}.gz" for mirror in self.mirrors),
            )
            for file in self.files
        )

    def alternatives(self, remote: RemoteFile) -> tuple[str, ...]:
        """Return the names of the compressed and of the extracted file."""
        return remote.path, remote.path.removesuffix(".gz")

    def train_size(self, location: Location) -> None:  # noqa: ARG002 - the files are complete
        """Return None, because only the complete published files are accepted."""
        return

    def decode(self, location: Location) -> Mapping[str, Images]:
        """Read and check the four files.

        Raises:
            InputError: a file is truncated or not an idx file, its sizes or labels do not fit, or
                its checksum is not the published one.
        """
        train_x, train_y, test_x, test_y = (
            self._array(stamp, file) for stamp, file in zip(location, self.files, strict=True)
        )
        for x, y, stamp in ((train_x, train_y, location[1]), (test_x, test_y, location[3])):
            check_labels(stamp, y, self.classes)
            if len(x) != len(y):
                raise InputError(f"{stamp.path} has {len(y)} labels for {len(x)} images")
        for stamp, file in zip(location, self.files, strict=True):
            md5 = file.md5 if stamp.path.suffix == ".gz" else file.extracted_md5
            verify(stamp, f"md5:{md5}")
        return {"train": Images(train_x, train_y), "test": Images(test_x, test_y)}

    def _array(self, stamp: Stamp, file: IdxFile) -> Bytes:
        if "labels" in file.name:
            return read_idx(stamp, _LABELS, ())
        return read_idx(stamp, _IMAGES, (self.side, self.side))[:, None]


def read_idx(stamp: Stamp, magic: int, shape: tuple[int, ...]) -> Bytes:
    """Return the array [n, *shape] of an idx file, extracted or compressed with gzip.

    Raises:
        InputError: the file is unreadable or truncated, does not begin with ``magic``, or its
            sizes are not n × ``shape`` or do not match its content.
    """
    content = _content(stamp)
    header = 4 * (2 + len(shape))
    if len(content) < header:
        raise InputError(f"{stamp.path} is truncated: it ends within its header")
    found, count, *rest = np.frombuffer(content[:header], dtype=">u4").tolist()
    if found != magic:
        raise InputError(
            f"{stamp.path} begins with 0x{found:08x}; this idx file must begin with {magic:#010x}"
        )
    if tuple(rest) != shape:
        raise InputError(f"{stamp.path} has images of size {tuple(rest)}, not {shape}")
    body, wanted = len(content) - header, count * math.prod(shape)
    if body != wanted:
        raise InputError(f"{stamp.path} has {body} bytes after its header, not the stated {wanted}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(count, *shape)


def check_labels(stamp: Stamp, labels: Bytes, classes: int) -> None:
    """Check that every label is below ``classes``.

    Raises:
        InputError: a label is too large.
    """
    if len(labels) and (largest := int(labels.max())) >= classes:
        at = int(labels.argmax())
        raise InputError(
            f"{stamp.path} has label {largest} at record {at}; the {classes} classes have labels "
            f"0 to {classes - 1}"
        )


def _content(stamp: Stamp) -> bytes:
    try:
        with stamp.path.open("rb") as file:
            if stamp.path.suffix != ".gz":
                content = file.read(_LARGEST + 1)
            else:
                with gzip.open(file) as unpacked:
                    content = unpacked.read(_LARGEST + 1)
    except EOFError:
        raise InputError(f"{stamp.path} is truncated") from None
    except (OSError, zlib.error) as error:
        raise InputError(f"{stamp.path} cannot be read: {error}") from None
    if len(content) > _LARGEST:
        raise InputError(f"{stamp.path} is larger than {_LARGEST} bytes")
    return content
