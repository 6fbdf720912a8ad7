"""MNIST and Fashion-MNIST: 28×28 grey values in LeCun's idx files, laid out as by torchvision.

The format: http://yann.lecun.com/exdb/mnist/ (LeCun, Cortes and Burges). A magic number, the sizes
of the axes (all 32-bit, most significant byte first), then the numbers, here of one byte each.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from symbench import InputError
from symbench_images.sources import Remote, Stamp, verify
from symbench_images.stock import Bytes, Images, Location, Source

_IMAGES, _LABELS = 0x00000803, 0x00000801  # unsigned bytes with three axes, and with one
_LARGEST = 2**28  # bytes; MNIST has 2**25.5


@dataclass(frozen=True)
class IdxFile:
    """One of the four files: published as ``name.gz``, used in that form or extracted.

    Attributes:
        name: without the directory and the ending.
        md5: of the compressed file.
        extracted_md5: of the extracted file.
    """

    name: str
    md5: str
    extracted_md5: str


@dataclass(frozen=True)
class IdxSource(Source):
    """A data set in ``<data directory>/<name>/raw/``.

    Attributes:
        files: training images and labels, test images and labels.
        mirrors: addresses of directories that serve the four compressed files.
    """

    name: str
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]
    mirrors: tuple[str, ...]
    classes: int = 10
    channels: int = 1
    side: int = 28

    @property
    def remotes(self) -> tuple[Remote, ...]:
        """The four compressed files."""
        return tuple(
            Remote(
                f"{self.name}/raw/{file.name}.gz",
                file.md5,
                tuple(f"{mirror}{file.name}.gz" for mirror in self.mirrors),
            )
            for file in self.files
        )

    def alternatives(self, remote: Remote) -> tuple[str, ...]:
        """Return the compressed form, then the extracted one; either is checked."""
        return remote.path, remote.path.removesuffix(".gz")

    def train_size(self, location: Location) -> None:  # noqa: ARG002 - the files are complete
        """None: only the published files are accepted."""
        return

    def decode(self, location: Location) -> Mapping[str, Images]:
        """Read and check the four files.

        Raises:
            InputError: a file is truncated, is no idx file, has sizes or labels that do not
                fit, or another md5 than the published one.
        """
        train_x, train_y, test_x, test_y = (
            self._array(stamp, file) for stamp, file in zip(location, self.files, strict=True)
        )
        for x, y, stamp in ((train_x, train_y, location[1]), (test_x, test_y, location[3])):
            check_labels(stamp, y, self.classes)
            if len(x) != len(y):
                raise InputError(f"{stamp.path} has {len(y)} labels for {len(x)} images")
        for stamp, file in zip(location, self.files, strict=True):
            verify(stamp, file.md5 if stamp.path.suffix == ".gz" else file.extracted_md5)
        return {"train": Images(train_x, train_y), "test": Images(test_x, test_y)}

    def _array(self, stamp: Stamp, file: IdxFile) -> Bytes:
        if "labels" in file.name:
            return read_idx(stamp, _LABELS, ())
        return read_idx(stamp, _IMAGES, (self.side, self.side))[:, None]


def read_idx(stamp: Stamp, magic: int, shape: tuple[int, ...]) -> Bytes:
    """Return the array [n, *shape] of an idx file, extracted or compressed with gzip.

    Raises:
        InputError: the file is unreadable or truncated, or does not begin with ``magic``, or
            its sizes are not n × ``shape`` or not those of its content.
    """
    content = _content(stamp)
    header = 4 * (2 + len(shape))
    if len(content) < header:
        raise InputError(f"{stamp.path} is truncated: it ends within its header")
    found, count, *rest = np.frombuffer(content[:header], dtype=">u4").tolist()
    if found != magic:
        raise InputError(
            f"{stamp.path} begins with 0x{found:08x}, an idx file here with {magic:#010x}"
        )
    if tuple(rest) != shape:
        raise InputError(f"{stamp.path} holds images of size {tuple(rest)}, not {shape}")
    body, wanted = len(content) - header, count * math.prod(shape)
    if body != wanted:
        raise InputError(f"{stamp.path} announces {wanted} bytes after its header and has {body}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(count, *shape)


def check_labels(stamp: Stamp, labels: Bytes, classes: int) -> None:
    """Refuse labels that name no class.

    Raises:
        InputError: one is ``classes`` or more.
    """
    if len(labels) and (largest := int(labels.max())) >= classes:
        at = int(labels.argmax())
        raise InputError(
            f"{stamp.path} has label {largest} at record {at}; {classes} classes have 0 to "
            f"{classes - 1}"
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
        raise InputError(f"{stamp.path} is larger than any idx file that is read here")
    return content


MNIST = IdxSource(
    "MNIST",
    (
        IdxFile(
            "train-images-idx3-ubyte",
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "6bbc9ace898e44ae57da46a324031adb",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "a25bea736e30d166cdddb491f175f624",
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            "9fb629c4189551a2d022fa330f9573f3",
            "2646ac647ad5339dbf082846283269ea",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            "ec29112dd5afa0611ce80d1b7f02629c",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    ),
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
)

FASHION = IdxSource(
    "FashionMNIST",
    (
        IdxFile(
            "train-images-idx3-ubyte",
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            "25c81989df183df01b3e8a0aad5dffbe",
            "9018921c3c673c538a1fc5bad174d6f9",
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            "bef4ecab320f06d8554ea6380940ec79",
            "8181f5470baa50b63fa0f6fddb340f0a",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            "bb300cfdad3c16e7a12a480ee83cd310",
            "15d484375f8d13e6eb1aabb0c3f46965",
        ),
    ),
    ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
)
