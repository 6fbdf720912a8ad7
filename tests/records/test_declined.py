"""Declined pairs are one file of a store, and read back with the reason and the identity."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbench.errors import StoreError
from symbench.records.declined import FILE_NAME, declined_record, from_json, to_json
from symbench.records.record import Identity
from symbench.records.store import Store

VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), st.text("ab"))
NAMES = st.sampled_from(["a", "b", "c"])


def identity(task="t", model="m", tier="quick", **fields):
    given = {
        "task": task, "task_version": "1", "task_fingerprint": "", "model": model,
        "model_version": "1", "model_source_sha256": "", "config": {}, "tier": tier,
        "sizes": [10], "seeds": [0], "protocol": {"version": "2"}, **fields,
    }  # fmt: skip
    return Identity(**given)


@given(
    st.lists(
        st.tuples(
            NAMES, NAMES, st.sampled_from(["quick", "full"]),
            st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES), st.text("xy: "),
        ),
        unique_by=lambda row: row[:3], max_size=8,
    )
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_pairs_are_read_back_as_they_were(rows):
    records = [
        declined_record(
            identity(task, model, tier, config=config, protocol=protocol), why, "2026-01-02T03:04"
        )
        for task, model, tier, config, protocol, why in rows
    ]
    read = from_json(to_json(records))
    assert {record.key: record for record in read} == {record.key: record for record in records}


def test_a_store_has_one_file_for_all_pairs(tmp_path):
    store = Store(tmp_path)
    one, other = (declined_record(identity(model=name), f"not {name}") for name in "ab")
    assert store.declined.update([one, other], []) == [one, other]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [FILE_NAME]
    assert [r.error.message for r in Store(tmp_path).records()] == ["not a", "not b"]


def test_a_pair_stays_as_it_was_first_filed(tmp_path):
    store = Store(tmp_path)
    store.declined.update([declined_record(identity(), "why", "2026-01-01T00:00:00")], [])
    assert (
        store.declined.update([declined_record(identity(), "why", "2026-02-01T00:00:00")], []) == []
    )
    (kept,) = store.records()
    assert kept.provenance.started == "2026-01-01T00:00:00"


@pytest.mark.parametrize("change", [{"reason": "other"}, {"version": "2"}])
def test_a_pair_that_has_changed_is_filed_anew(tmp_path, change):
    store = Store(tmp_path)
    store.declined.update([declined_record(identity(), "why")], [])
    new = declined_record(
        identity(model_version=change.get("version", "1")), change.get("reason", "why")
    )
    assert store.declined.update([new], []) == [new]
    assert [record.key for record in store.records()] == [new.key]


def test_a_pair_that_is_accepted_is_taken_out(tmp_path):
    store = Store(tmp_path)
    store.declined.update([declined_record(identity(model=name), "why") for name in "ab"], [])
    store.declined.update([], [identity(model="a"), identity(model="b", tier="full")])
    assert [record.identity.model for record in store.records()] == ["b"]


def test_a_damaged_file_is_set_aside_and_made_again(tmp_path):
    store = Store(tmp_path)
    (tmp_path / FILE_NAME).write_text('{"schema": 1, "declined": {"quick": {"t": 3}}}')
    assert store.records() == []
    assert FILE_NAME in store.warnings[0]
    assert len(store.set_aside()) == 1
    assert len(store.declined.update([declined_record(identity(), "why")], [])) == 1


def test_a_file_of_a_newer_schema_stays(tmp_path):
    store = Store(tmp_path)
    (tmp_path / FILE_NAME).write_text(newer := json.dumps({"schema": 2, "declined": []}))
    new = declined_record(identity(), "why")
    assert store.declined.update([new], []) == [new]
    assert (tmp_path / FILE_NAME).read_text() == newer
    assert "update symbench" in store.warnings[0]


def test_a_store_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StoreError, match="store"):
        Store(tmp_path / "store").declined.update([declined_record(identity(), "why")], [])
