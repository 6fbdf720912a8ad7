"""Small data sets in the published formats, written to the data directory."""

from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np
import pytest
from symbench_images.cifar import CifarSource
from symbench_images.idx import IdxFile, IdxSource

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{array.ndim + 1}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def small_idx(data_directory):
    """Write 120 + 40 images of 28×28 in ten classes, and return their source.

    ``replace`` exchanges the content of a file (before compression); the checksums follow it.
    """

    def write(*, replace: dict[str, bytes] | None = None, mirrors=(), seed: int = 0) -> IdxSource:
        random = np.random.default_rng(seed)
        folder = data_directory / "Small" / "raw"
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for name in NAMES:
            count = 120 if name.startswith("train") else 40
            shape = (count, 28, 28) if "images" in name else (count,)
            high = 256 if "images" in name else 10
            content = idx(random.integers(0, high, shape, dtype=np.uint8))
            content = (replace or {}).get(name, content)
            packed = gzip.compress(content, mtime=0)
            (folder / f"{name}.gz").write_bytes(packed)
            files.append(IdxFile(name, md5(packed), md5(content)))
        return IdxSource("Small", tuple(files), tuple(mirrors))

    return write


@pytest.fixture
def small_cifar(data_directory):
    """Write records of 3×32×32 to a folder, and return its source.

    Without ``label_classes``, ten classes in two training files of 30 and 20 records; the test
    file has 10.
    """

    def write(label_classes: tuple[int, ...] = (10,), seed: int = 0) -> CifarSource:
        random = np.random.default_rng(seed)
        folder = data_directory / "small-bin"
        folder.mkdir(exist_ok=True)
        for name, count in (("one.bin", 30), ("two.bin", 20), ("test.bin", 10)):
            labels = [random.integers(0, k, (count, 1), dtype=np.uint8) for k in label_classes]
            colours = random.integers(0, 256, (count, 3072), dtype=np.uint8)
            (folder / name).write_bytes(np.concatenate([*labels, colours], 1).tobytes())
        return CifarSource(
            name="SmallCifar",
            folder="small-bin",
            archive="small.tar.gz",
            md5="0" * 32,
            train_files=("one.bin", "two.bin"),
            test_file="test.bin",
            label_classes=label_classes,
        )

    return write
