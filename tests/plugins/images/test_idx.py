"""MNIST's files are read in either form, and refused with one clear line if they are wrong."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from symbench_images.archives import FASHION, MNIST

from symbench import InputError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
GREY = np.zeros((120, 28, 28), dtype=np.uint8)
real = pytest.mark.skipif("SYMBENCH_DATA" not in os.environ, reason="SYMBENCH_DATA is not set")


def header(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def refused(source) -> str:
    """Return the line with which the files are declined; loading them raises the same line."""
    reason = source.available()
    with pytest.raises(InputError) as caught:
        source.load()
    assert str(caught.value) == reason
    assert "\n" not in reason
    return reason


def test_both_splits_come_with_their_labels(small_idx):
    decoded = small_idx().load()
    assert decoded.train.x.shape == (120, 1, 28, 28)
    assert decoded.train.y.shape == (120,)
    assert (len(decoded.test.x), len(decoded.test.y)) == (40, 40)
    assert set(decoded.train.y.tolist()) == set(range(10))


def test_extracted_files_are_the_same_images(small_idx, data_directory):
    source = small_idx()
    compressed = source.load()
    for file in (data_directory / "Small" / "raw").iterdir():
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    extracted = source.load()
    assert source.available() is None
    assert np.array_equal(compressed.train.x, extracted.train.x)
    assert compressed.digest == extracted.digest == source.digest()


def test_other_images_have_another_digest(small_idx):
    assert small_idx(seed=0).digest() != small_idx(seed=1).digest()


def test_an_extracted_file_with_another_checksum_is_refused(small_idx, data_directory):
    source = small_idx()
    packed = data_directory / "Small" / "raw" / f"{IMAGES}.gz"
    content = bytearray(gzip.decompress(packed.read_bytes()))
    content[-1] ^= 1
    packed.with_suffix("").write_bytes(content)
    packed.unlink()
    assert "md5" in refused(source)


BAD = {
    "bytes after its header": (IMAGES, header(0x803, 120, 28, 28) + GREY[:-1].tobytes()),
    "not the stated 94080": (IMAGES, header(0x803, 120, 28, 28) + GREY.tobytes() + b"more"),
    "images of size (27, 28)": (IMAGES, header(0x803, 120, 27, 28) + GREY[:, 1:].tobytes()),
    "begins with 0x00000801": (IMAGES, header(0x801, 120) + bytes(120)),
    "begins with 0x00000803": (LABELS, header(0x803, 120, 28, 28) + GREY.tobytes()),
    "ends within its header": (IMAGES, header(0x803, 120)),
    "label 10 at record 7": (LABELS, header(0x801, 120) + bytes(7) + b"\x0a" + bytes(112)),
    "119 labels for 120 images": (LABELS, header(0x801, 119) + bytes(119)),
}


@pytest.mark.parametrize("message", BAD)
def test_a_malformed_file_is_refused_by_name_though_its_checksum_fits(small_idx, message):
    name, content = BAD[message]
    reason = refused(small_idx(replace={name: content}))
    assert message in reason
    assert f"Small/raw/{name}.gz" in reason


def test_a_truncated_gz_is_refused_by_name(small_idx, data_directory):
    source = small_idx()
    file = data_directory / "Small" / "raw" / f"{IMAGES}.gz"
    file.write_bytes(file.read_bytes()[:-1000])
    assert refused(source) == f"{file} is truncated"


def test_what_is_no_gz_is_refused_by_name(small_idx, data_directory):
    source = small_idx()
    file = data_directory / "Small" / "raw" / f"{LABELS}.gz"
    file.write_bytes(b"<html>sign in to this network</html>")
    assert refused(source).startswith(f"{file} cannot be read")


def test_a_damaged_gz_is_refused_by_name(small_idx, data_directory):
    source = small_idx()
    file = data_directory / "Small" / "raw" / f"{IMAGES}.gz"
    content = bytearray(file.read_bytes())
    content[1000:1100] = bytes(100)
    file.write_bytes(content)
    assert str(file) in refused(source)


def test_well_formed_images_that_were_not_published_are_refused(small_idx, data_directory):
    source = small_idx(seed=0)
    small_idx(seed=1)
    assert "is not the published file: its md5 is" in refused(source)


def test_a_repaired_file_is_read_without_a_new_process(small_idx, data_directory):
    source = small_idx()
    file = data_directory / "Small" / "raw" / f"{IMAGES}.gz"
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    assert source.available() is not None
    file.write_bytes(content)
    assert source.available() is None


def test_files_that_are_not_here_are_declined_with_the_mend(small_idx, data_directory):
    source = small_idx(mirrors=["http://127.0.0.1:9/"])
    (data_directory / "Small" / "raw" / f"{LABELS}.gz").unlink()
    reason = source.available()
    assert f"Small/raw/{LABELS}.gz is not here" in reason
    with pytest.raises(InputError, match="SYMBENCH_DATA"):
        source.load()


@real
@pytest.mark.parametrize(
    ("source", "train", "test", "mean", "deviation"),
    [
        (
            MNIST,
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
            [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
            0.1307,
            0.3081,
        ),
        (FASHION, [6000] * 10, [1000] * 10, 0.2860, 0.3530),
    ],
    ids=["MNIST", "Fashion-MNIST"],
)
def test_the_published_images_have_their_known_statistics(source, train, test, mean, deviation):
    if not (Path(os.environ["SYMBENCH_DATA"]) / source.name / "raw").is_dir():
        pytest.skip(f"no {source.name} in SYMBENCH_DATA")
    decoded = source.load()
    assert np.bincount(decoded.train.y).tolist() == train
    assert np.bincount(decoded.test.y).tolist() == test
    assert decoded.train.x.mean() / 255 == pytest.approx(mean, abs=5e-5)
    assert decoded.train.x.std() / 255 == pytest.approx(deviation, abs=5e-5)
