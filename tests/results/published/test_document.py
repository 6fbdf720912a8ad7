"""Hashes of a submission's document."""

from __future__ import annotations

from symbench.results.published.document import canonical, whole_sha256


def test_the_hash_of_the_whole_does_not_depend_on_what_is_known_already():
    document = {"tier": "quick", "records": [{"b": 1.5, "a": "é"}, {}], "hashes": {"whole": "x"}}
    texts = [canonical(one) for one in document["records"]]
    assert whole_sha256(document, texts) == whole_sha256(document)
