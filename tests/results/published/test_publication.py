"""A publication is read like a store, through the reader that checks submissions."""

from __future__ import annotations

import gzip
from zipfile import ZipFile

import pytest

from symbench.errors import InputError
from symbench.publish.submission import write
from symbench.results.published import pictures
from symbench.results.published.publication import Publication, is_publication


def test_the_records_are_those_of_the_submission(honest, tmp_path):
    write(honest, tmp_path / "lab")
    publication = Publication(tmp_path / "lab")
    assert {r.key for r in publication.records()} == {r.key for r in honest.records}
    assert publication.read_tensors(honest.records[0].key) == {}
    assert publication.origin().startswith("symbench ")


def test_the_file_itself_is_a_publication_too(honest, tmp_path):
    write(honest, tmp_path)
    file = tmp_path / "submission.json"
    assert is_publication(file)
    assert len(Publication(file).records()) == len(honest.records)


def test_a_store_is_no_publication(tmp_path):
    (tmp_path / "cells").mkdir()
    (tmp_path / "submission.json").write_text("{}")
    assert not is_publication(tmp_path)
    assert not is_publication(tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["{", "{}", '{"schema": 1, "schema": 1}', "[" * 50])
def test_what_is_no_submission_is_named_and_refused(tmp_path, content):
    (tmp_path / "submission.json").write_text(content)
    with pytest.raises(InputError, match=r"submission\.json cannot be used: "):
        Publication(tmp_path).records()


PNG = b"\x89PNG\r\n\x1a\n"


def test_the_compact_form_is_read_like_the_other(honest, tmp_path):
    maps = {honest.records[0].key: [PNG + b"0", PNG + b"1"]}
    paths = write(honest, tmp_path, compact=maps)
    assert [one.name for one in paths] == ["submission.json.gz", "README.md", "pictures.zip"]
    for path in (tmp_path, tmp_path / "submission.json.gz"):
        assert is_publication(path)
        assert Publication(path).submission == honest
    assert Publication(tmp_path).pictures == maps
    assert Publication(tmp_path / "submission.json.gz").pictures == {}
    assert pictures.packed(maps) == (tmp_path / "pictures.zip").read_bytes()


def test_two_submissions_in_one_directory_are_refused(honest, tmp_path):
    write(honest, tmp_path)
    (tmp_path / "submission.json.gz").write_bytes(b"")
    with pytest.raises(InputError, match=r"has submission.json and submission.json.gz: remove one"):
        Publication(tmp_path).records()


BAD = {
    "not compressed": b"{}",
    "cut off": gzip.compress(b"{}" * 1000)[:-9],
    "damaged": b"\x1f\x8b\x08" + b"\x00" * 7 + b"\xff" * 20,
    "a bomb": gzip.compress(b" " * (64 * 2**20 + 1), 1),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_what_is_no_compressed_submission_is_named_and_refused(tmp_path, content):
    (tmp_path / "submission.json.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"submission\.json\.gz cannot be used: "):
        Publication(tmp_path).records()


@pytest.mark.parametrize(
    ("name", "content"),
    [("../0123456789abcdef-0.png", PNG), ("0123456789abcdef-0.html", PNG),
     ("0123456789abcdef-0.png", b"<svg>"), ("0123456789abcdef-0.png", PNG + b"0" * 2**26)],
)  # fmt: skip
def test_what_is_no_picture_is_refused(honest, tmp_path, name, content):
    write(honest, tmp_path, compact={})
    assert Publication(tmp_path).pictures == {}
    with ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.writestr(name, content)
    with pytest.raises(InputError, match=r"pictures\.zip cannot be used: "):
        _ = Publication(tmp_path).pictures


def test_a_damaged_file_of_pictures_is_refused(tmp_path):
    (tmp_path / "pictures.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"pictures\.zip cannot be used: "):
        _ = Publication(tmp_path).pictures
