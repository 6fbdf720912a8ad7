"""A store in one file has the records and tensors of the store, and is never written."""

from __future__ import annotations

import shutil
from zipfile import ZIP_BZIP2, ZIP_LZMA, ZipFile

import pytest
import torch

from symbench.errors import InputError, StoreError
from symbench.records import archive as archives
from symbench.records.archive import Archive
from symbench.records.record import Identity, Record, TrialRecord
from symbench.records.store import Store
from symbench.results.sources import open_source


def record(model):
    identity = Identity(
        task="t", task_version="1", task_fingerprint="", model=model, model_version="1",
        model_source_sha256="", config={}, tier="quick", sizes=[100], seeds=[0], protocol={},
    )  # fmt: skip
    trial = TrialRecord(n_train=100, seed=0, status="ok", scores={"error": 0.5})
    return Record(identity=identity, status="ok", trials=[trial], provenance={})


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store")
    one = record("a")
    one.tensors = {"truth": torch.eye(2)[None]}
    for each in (one, record("b")):
        store.write(each)
    return store


def packed(folder, to):
    to.mkdir()
    with ZipFile(to / "cells.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"cells/{path.name}")
        archive.writestr("../outside.json", "{}")
        archive.writestr("cells/notes.txt", "not a record")
    return to


def test_the_records_and_tensors_are_those_of_the_store(store, tmp_path):
    archive = open_source(packed(store.cells, tmp_path / "archive"))
    assert isinstance(archive, Archive)
    assert archive.records() == store.records()  # in the same order
    for one in store.records():
        ours, theirs = store.read_tensors(one.key), archive.read_tensors(one.key)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
        assert not archive.has_networks(one)
        with pytest.raises(StoreError, match="keeps no networks"):
            archive.read_networks(one)


def test_a_folder_of_cells_beside_the_archive_is_the_store(store, tmp_path):
    place = packed(store.cells, tmp_path / "archive")
    shutil.copytree(store.cells, place / "cells")
    assert isinstance(open_source(place), Store)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" * 20])
def test_what_is_no_archive_is_named(tmp_path, content):
    (tmp_path / "cells.zip").write_bytes(content)
    with pytest.raises(StoreError, match=r"cells\.zip cannot be used: "):
        open_source(tmp_path).records()


@pytest.mark.parametrize("content", ["{}", "x", "[]", " " * 10_000_001, '{"schema": 9}'])
def test_what_is_no_record_is_named(tmp_path, content):
    name = f"cells/{'0' * 16}.json"
    with ZipFile(tmp_path / "cells.zip", "w") as archive:
        archive.writestr(name, content)
    with pytest.raises(StoreError, match=rf"cells\.zip cannot be used: {name}: "):
        open_source(tmp_path).records()


def test_another_name_than_the_key_and_damaged_tensors_are_named(store, tmp_path):
    (other,) = [one for one in store.records() if one.identity.model == "b"]
    with ZipFile(tmp_path / "cells.zip", "w") as archive:
        archive.writestr(f"cells/{'0' * 16}.json", other.to_json())
        archive.writestr(f"cells/{other.key}.safetensors", b"no tensors")
    archive = Archive(tmp_path)
    with pytest.raises(StoreError, match="its identity hashes to"):
        archive.records()
    with pytest.raises(StoreError, match=r"\.safetensors: "):
        archive.read_tensors(other.key)


def test_a_record_whose_name_is_damaged_is_not_left_out(store, tmp_path):
    place = packed(store.cells, tmp_path / "archive")
    content = (place / "cells.zip").read_bytes()
    (key, _) = sorted(record.key for record in store.records())
    at = content.rindex(f"cells/{key}.json".encode())  # in the directory at the end
    for byte in (at, at + 6):  # a folder of another name, and a key that is none
        spoiled = content[:byte] + b"x" + content[byte + 1 :]
        (place / "cells.zip").write_bytes(spoiled)
        with pytest.raises(StoreError, match="cannot be used: File name in directory"):
            Archive(place).records()


@pytest.mark.parametrize("method", [ZIP_BZIP2, ZIP_LZMA])
def test_a_compression_that_may_take_gigabytes_is_refused(store, tmp_path, method):
    with ZipFile(tmp_path / "cells.zip", "w", method) as archive:
        archive.write(next(store.cells.glob("*.json")), f"cells/{'0' * 16}.json")
    with pytest.raises(StoreError, match="its compression is neither none nor deflate"):
        open_source(tmp_path).records()


def test_records_that_unpack_to_too_many_bytes_are_refused(store, tmp_path, monkeypatch):
    place = packed(store.cells, tmp_path / "archive")
    unpacked = sum(path.stat().st_size for path in store.cells.glob("*.json"))
    monkeypatch.setattr(archives, "_LARGEST_RECORDS", unpacked)
    assert len(Archive(place).records()) == 2
    monkeypatch.setattr(archives, "_LARGEST_RECORDS", unpacked - 1)
    with pytest.raises(StoreError, match="its records have more than"):
        Archive(place).records()


def test_an_empty_directory_is_neither(tmp_path):
    with pytest.raises(InputError, match="is neither a store"):
        open_source(tmp_path)
