"""CIFAR's records are read from a folder, a part of it, or the archive, without using its paths."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from symbench_images.archives import CIFAR10, CIFAR100
from symbench_images.datasets import CIFAR10Plain, CIFAR100Plain

from symbench import InputError

REAL = os.environ.get("SYMBENCH_DATA")


def refused(source) -> str:
    """Return the line with which the files are declined; loading them raises the same line."""
    reason = source.available()
    with pytest.raises(InputError) as caught:
        source.load()
    assert str(caught.value) == reason
    assert "\n" not in reason
    return reason


def archived(source, folder: Path, prefix: str = "small-bin/", leave_out: str = ""):
    """Pack the folder's files and remove them; return the source that expects the archive."""
    with tarfile.open(folder.parent / source.archive, "w:gz") as archive:
        for file in sorted(folder.iterdir()):
            if file.name != leave_out:
                entry = tarfile.TarInfo(prefix + file.name)
                entry.size = file.stat().st_size
                archive.addfile(entry, io.BytesIO(file.read_bytes()))
            file.unlink()
    folder.rmdir()
    packed = (folder.parent / source.archive).read_bytes()
    return replace(source, md5=hashlib.md5(packed, usedforsecurity=False).hexdigest())


@pytest.fixture
def folder(data_directory) -> Path:
    return data_directory / "small-bin"


def test_a_record_is_its_label_and_three_colours_row_by_row(small_cifar, folder):
    source = small_cifar()
    x = np.arange(3 * 32 * 32).reshape(3, 32, 32) % 251
    (folder / "test.bin").write_bytes(b"\x07" + x.astype(np.uint8).tobytes())
    test = source.load().test
    assert test.y.tolist() == [7]
    assert np.array_equal(test.x[0], x)


def test_training_files_follow_each_other_in_their_order(small_cifar, folder):
    source = small_cifar()
    train = source.load().train
    labels = [(folder / name).read_bytes()[:: source.record] for name in ("one.bin", "two.bin")]
    assert train.x.shape == (50, 3, 32, 32)
    assert train.y.tobytes() == b"".join(labels)
    assert source.pool() == 50


def test_the_finer_of_two_label_bytes_is_the_label(small_cifar, folder):
    source = small_cifar((20, 100))
    content = (folder / "test.bin").read_bytes()
    assert source.load().test.y.tobytes() == content[1 :: 2 + 3072]
    assert source.classes == 100


def test_the_archive_holds_the_same_images_as_the_folder(small_cifar, folder):
    source = small_cifar()
    digest = source.digest()
    source = archived(source, folder)
    assert source.available() is None
    assert source.digest() == digest
    assert source.pool() is None


@pytest.mark.parametrize("prefix", ["../../", "/", "small-bin/../../"])
def test_no_path_of_an_archive_is_used(small_cifar, folder, tmp_path, prefix):
    source = archived(small_cifar(), folder, prefix)
    before = sorted(tmp_path.rglob("*"))
    assert len(source.load().train.x) == 50
    assert sorted(tmp_path.rglob("*")) == before


def test_links_in_an_archive_are_not_followed(small_cifar, folder, tmp_path):
    source = small_cifar()
    content = (folder / "test.bin").read_bytes()
    (tmp_path / "secret").write_bytes(content)
    source = archived(source, folder, leave_out="test.bin")
    path = folder.parent / source.archive
    with tarfile.open(path) as packed:
        members = [(entry, packed.extractfile(entry).read()) for entry in packed]
    with tarfile.open(path, "w:gz") as archive:
        for entry, body in members:
            archive.addfile(entry, io.BytesIO(body))
        link = tarfile.TarInfo("small-bin/test.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        archive.addfile(link)
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    assert "has no file test.bin" in refused(replace(source, md5=md5))


def test_a_subset_is_another_data_set(small_cifar, folder):
    source = small_cifar()
    everything = source.digest()
    (folder / "two.bin").unlink()
    assert source.available() is None
    assert source.pool() == len(source.load().train.x) == 30
    assert source.digest() != everything


def test_a_part_of_a_record_is_refused_by_name(small_cifar, folder):
    source = small_cifar()
    file = folder / "two.bin"
    file.write_bytes(file.read_bytes()[:-5])
    assert refused(source).startswith(f"{file} has 61455 bytes, not a whole number of records")


@pytest.mark.parametrize(("classes", "column"), [((10,), 0), ((20, 100), 0), ((20, 100), 1)])
def test_a_label_out_of_range_is_refused_by_name(small_cifar, folder, classes, column):
    source = small_cifar(classes)
    file = folder / "one.bin"
    content = bytearray(file.read_bytes())
    content[3 * source.record + column] = 200
    file.write_bytes(content)
    assert refused(source).startswith(f"{file} has label 200 at record 3")


@pytest.mark.parametrize("name", ["test.bin", "one.bin"])
def test_a_folder_without_a_split_is_refused(small_cifar, folder, name):
    source = small_cifar()
    (folder / name).unlink()
    (folder / "two.bin").unlink()
    assert (
        refused(source)
        == {
            "test.bin": f"{folder} has no file test.bin; add it",
            "one.bin": f"{folder} has no training file; add one.bin",
        }[name]
    )


def test_an_archive_without_a_file_is_refused(small_cifar, folder):
    source = archived(small_cifar(), folder, leave_out="two.bin")
    assert refused(source).endswith("small.tar.gz has no file two.bin")


def test_a_truncated_archive_is_refused_by_its_checksum(small_cifar, folder):
    source = archived(small_cifar(), folder)
    path = folder.parent / source.archive
    path.write_bytes(path.read_bytes()[:-100])
    assert refused(source).startswith(f"{path} is not the published file")


def test_a_damaged_archive_is_refused_though_its_checksum_fits(small_cifar, folder):
    source = archived(small_cifar(), folder)
    path = folder.parent / source.archive
    path.write_bytes(path.read_bytes()[:-100])
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    assert refused(replace(source, md5=md5)).startswith(f"{path} cannot be read")


def decoded_colours(d: np.ndarray) -> np.ndarray:
    """Return the images [n, 3, 32, 32] of a development subset, which stores differences."""
    x = np.cumsum(np.cumsum(d, axis=2, dtype=np.uint8), axis=3, dtype=np.uint8)
    x[:, 0] += x[:, 1]
    x[:, 2] += x[:, 1]
    return x


@pytest.mark.skipif(REAL is None, reason="SYMBENCH_DATA is not set")
@pytest.mark.parametrize(
    ("source", "task"), [(CIFAR10, CIFAR10Plain), (CIFAR100, CIFAR100Plain)], ids=["10", "100"]
)
def test_a_subset_in_the_official_form_gives_its_images_back(source, task, data_directory):
    path = Path(REAL) / source.name / f"{source.name.lower()}_subset.npz"
    if not path.exists():
        pytest.skip(f"no subset of {source.name} in SYMBENCH_DATA")
    subset = np.load(path, allow_pickle=False)
    (data_directory / source.folder).mkdir()
    for split, name in (("train", source.train_files[0]), ("test", source.test_file)):
        x, y = decoded_colours(subset[f"x_{split}_d"]), subset[f"y_{split}"]
        labels = [y] if source.classes == 10 else [subset["fine_to_coarse"][y], y]
        records = np.concatenate([*(one[:, None] for one in labels), x.reshape(len(x), -1)], 1)
        (data_directory / source.folder / name).write_bytes(records.astype(np.uint8).tobytes())
    assert source.available() is None
    assert (np.bincount(source.load().train.y) == 10_000 // source.classes).all()
    assert np.array_equal(source.load().test.x, x)
    assert np.array_equal(source.load().test.y, y)
    assert task().sizes["full"] == (1000, 9000)
    with pytest.raises(InputError, match="9000 training images"):
        task().sample(9001, 0, "train")
