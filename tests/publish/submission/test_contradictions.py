"""Records, plan, tables and hashes that do not fit together are found."""

from __future__ import annotations

import copy
import json
import random

import pytest
from submissions import cell, found, read, rehashed

from symbench.errors import InputError
from symbench.publish.submission.contradictions import find, is_of_earlier_protocol
from symbench.results.published.document import whole_sha256


def test_unknown_fields_are_kept_and_hashed(document):
    document["note"] = "of a later version"
    assert "document is not the one that was hashed" in found(document)
    document["hashes"]["whole"] = whole_sha256(document)
    assert find(read(document)) == []
    assert json.loads(read(document).to_json())["note"] == "of a later version"


def test_a_dropped_failed_cell_is_missed(document):
    document["records"].remove(cell(document, "raising"))
    assert "norms raising: planned, and without a record" in found(document)
    document["plan"] = [one["identity"] for one in document["records"]]
    assert "there is a hash, and no record" in found(document)


def test_a_dropped_pair_is_missed_although_every_hash_fits(document):
    labels = copy.deepcopy(cell(document, "small"))
    labels["identity"]["task"] = "labels"
    document["records"].append(labels)
    wrong = found(rehashed(document))
    assert "labels raising: neither planned nor said to be absent" in wrong
    document["absent"] = [
        {"task": "labels", "model": model, "reason": "not run"}
        for model in ("told", "raising", "declining")
    ]
    assert found(rehashed(document)) == ""


def test_a_record_that_was_not_planned_is_found(document):
    stranger = copy.deepcopy(cell(document, "small"))
    stranger["identity"]["model"] = "stranger"
    document["records"].append(stranger)
    assert "norms stranger: a record that the plan does not have" in found(document)


@pytest.mark.parametrize(
    ("forge", "complaint"),
    [
        (lambda trials: trials[0].update(seed=1), "seed 1 is there twice"),
        (lambda trials: trials[0].update(seed=7), "seed 7 is none of its trials"),
        (lambda trials: trials[0].update(n_train=32), "n_train 32, seed 0 is none of its trials"),
        (lambda trials: trials.pop(), "n_train 64, seed 1 is missing"),
        (lambda trials: trials.append(trials[0]), "n_train 16, seed 0 is there twice"),
    ],
)
def test_swapped_missing_and_doubled_seeds_are_found(document, forge, complaint):
    forge(cell(document, "small")["trials"])
    assert complaint in found(rehashed(document))


def test_seeds_cannot_be_chosen(document):
    small = cell(document, "small")
    small["identity"]["seeds"] = [0, 7]
    for trial in small["trials"]:
        trial["seed"] *= 7
    assert "norms small: its seeds are not 0, 1, 2" in found(rehashed(document))


def test_one_task_in_two_versions_is_found(document):
    cell(document, "small")["identity"]["task_version"] = "0"
    assert "norms small: planned, and without a record" not in found(rehashed(document))
    assert "task norms: in 2 versions at once" in found(document)


def test_an_edited_table_row_is_found(document):
    (row,) = [one for one in document["leaderboard"]["rows"] if one["model"] == "small"]
    row["scores"]["error"]["value"] *= 0.999
    document["hashes"]["whole"] = whole_sha256(document)
    assert found(document) == "norms small: the row is not what the trials give"
    document["leaderboard"]["rows"].remove(row)
    assert "coverage or length" in found(document)


@pytest.mark.parametrize("version", [["1"], {"a": 1}, None, 1])
def test_a_protocol_of_any_type_is_a_version_that_is_not_ours(document, version):
    for one in (*document["plan"], *(record["identity"] for record in document["records"])):
        one["protocol"]["version"] = version
    assert is_of_earlier_protocol(read(document))


@pytest.mark.parametrize("earlier", ["all", "one"])
def test_only_tables_of_a_whole_earlier_protocol_are_taken_as_they_are(document, earlier):
    records = document["records"]
    for record in records if earlier == "all" else records[:1]:
        record["identity"]["protocol"]["version"] = "0"
    rehashed(document)
    assert is_of_earlier_protocol(read(document)) is (earlier == "all")
    row = next(row for row in document["leaderboard"]["rows"] if row["scores"])
    row["scores"]["error"]["value"] *= 0.5
    document["hashes"]["whole"] = whole_sha256(document)
    assert ("the row is not what the trials give" in found(document)) is (earlier == "one")


def test_a_changed_coverage_is_found(document):
    document["leaderboard"]["coverage"]["failed"] = 0
    assert "coverage or length" in found(document)


def test_scores_of_a_failed_cell_are_found(document):
    cell(document, "small")["status"] = "failed"
    assert "norms small: scores, although it is failed" in found(rehashed(document))


def places(node, path=()):
    """The path of every value inside a document."""
    parts = node if isinstance(node, dict | list) else ()
    for name, value in parts.items() if isinstance(parts, dict) else enumerate(parts):
        yield (*path, name)
        yield from places(value, (*path, name))


def test_any_damage_is_refused_or_found(honest):
    pick = random.Random(0)  # noqa: S311 - no secret
    odd = (None, True, -1, 1e308, 5e-324, 10**30, "", "\ud800", [], {}, [[]], "NaN")
    paths = list(places(honest.raw))
    for path in pick.sample(paths, 150):
        document = copy.deepcopy(honest.raw)
        node, value = document, pick.choice(odd)
        for name in path[:-1]:
            node = node[name]
        if node[path[-1]] == value:
            continue
        node[path[-1]] = value
        try:
            assert find(read(document)), path
        except InputError:
            continue
