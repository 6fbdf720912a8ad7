"""A store and a publication are opened by one function, and say what they do not have."""

from __future__ import annotations

import pytest

import symbench
from symbench.errors import InputError, StoreError
from symbench.plot import learning_curve
from symbench.publish.submission import write


@pytest.fixture
def lab(honest, tmp_path):
    write(honest, tmp_path / "lab")
    return tmp_path / "lab"


@pytest.mark.parametrize("name", ["", "submission.json"])
def test_a_publication_is_loaded_like_a_store(honest, lab, name, monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    loaded = symbench.load(lab / name)
    assert {one.key for one in loaded.records} == {one.key for one in honest.records}
    assert set(loaded.cells().networks) == {0}
    assert set(loaded.trials().model) == {"small", "told"}
    record = next(one for one in loaded.records if one.identity.model == "small")
    with pytest.raises(StoreError, match=r"lab.* is a publication, which keeps no networks"):
        loaded.network("norms", "small", record.identity.sizes[0])
    with pytest.raises(InputError, match="is a publication, which keeps no networks"):
        list(loaded.score("error"))


def test_a_publication_is_drawn_as_its_records_are(honest, lab):
    drawn = {learning_curve(one, "norms").svg() for one in (lab, str(lab), honest.records)}
    assert len(drawn) == 1


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("", "is neither a store nor a publication, but its folders are: give .*lab"),
        ("empty", r"is neither a store \(no folder cells/\) nor a publication"),
        ("nowhere", "no store at .*nowhere"),
    ],
)
@pytest.mark.parametrize("read", [symbench.load, lambda path: learning_curve(path, "norms")])
def test_a_place_that_is_neither_is_named(lab, place, words, read):
    (lab.parent / "empty").mkdir()
    with pytest.raises(InputError, match=words):
        read(lab.parent / place)


@pytest.mark.parametrize("place", ["store/cells", "store/parts", "store/parts/48"])
def test_a_folder_of_a_store_is_no_source(tmp_path, place):
    for folder in ("cells", "parts/48/cells"):
        (tmp_path / "store" / folder).mkdir(parents=True)
    (tmp_path / "store" / "cells" / "one.json").write_text("{}")
    with pytest.raises(InputError, match=r"is a folder inside a store: give .*store$"):
        symbench.load(tmp_path / place)
