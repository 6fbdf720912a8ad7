"""A publication is read like a store, through the reader that checks submissions."""

from __future__ import annotations

import pytest

from symbench.errors import InputError
from symbench.publish.submission import write
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
