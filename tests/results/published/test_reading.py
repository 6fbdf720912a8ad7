"""A file is read back as it was written; what is no submission is refused in bounded time."""

from __future__ import annotations

import json
import pickle
import time

import pytest
from submissions import cell, read

from symbench.errors import InputError
from symbench.publish.submission import json_schema, parse
from symbench.publish.submission.contradictions import find
from symbench.results.published.document import whole_sha256
from symbench.results.published.reading import DEEPEST, LARGEST

MIB = 2**20


def test_reading_gives_back_what_was_written(honest):
    again = parse(honest.to_json().encode())
    assert again.raw == honest.raw
    assert find(again) == []


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_figure_that_is_not_finite_is_refused(document, text):
    cell(document, "small")["trials"][0]["scores"]["error"] = 12345
    forged = json.dumps(document).replace("12345", text)
    with pytest.raises(InputError, match="not a finite number"):
        parse(forged.encode())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b" " * (LARGEST + 1), "larger than"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 100_000, "nested deeper"),
        (pickle.dumps({"schema": 1}), "not JSON"),
        (b'{"schema": 1, "schema": 1}', "given twice"),
        (b'{"tensors": {}}', "tensors"),
        (b'"' + b'\\"' * 1_000_000, "not JSON"),
        (b'"' + b'\\"' * 1_000_000 + b"\\", "not JSON"),
        (b"1" * 10_000, "not JSON"),
        (b"[]", "not of the schema"),
        (b"{}", "not of the schema: schema"),
        (b"", "not JSON"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_hostile_files_are_refused_without_harm(content, reason):
    with pytest.raises(InputError, match=reason):
        parse(content)


def test_brackets_inside_strings_do_not_count_as_depth(document):
    document["note"] = '\\"[{' * DEEPEST
    document["hashes"]["whole"] = whole_sha256(document)
    assert find(read(document)) == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(honest, share):
    text = honest.to_json()
    with pytest.raises(InputError, match="not JSON"):
        parse(text[: int(share * len(text))].encode())


@pytest.mark.parametrize(
    "forge",
    [
        lambda d: d.update(schema=2),
        lambda d: d.update(kind="else"),
        lambda d: d.update(tier="huge"),
        lambda d: d.pop("plan"),
        lambda d: d["records"][0]["identity"].update(seeds=["0", "1"]),
        lambda d: d["records"][0]["identity"].update(sizes=[True]),
        lambda d: d["records"][0].update(status="perfect"),
        lambda d: d["leaderboard"].update(rows={}),
    ],
)
def test_what_is_not_of_the_schema_is_refused(document, forge):
    forge(document)
    with pytest.raises(InputError, match="not of the schema"):
        read(document)


def test_the_json_schema_names_every_part_and_no_tensor():
    schema = json_schema()
    parts = {"plan", "absent", "records", "provenance", "leaderboard", "hashes", "tier"}
    assert parts <= set(schema["required"])
    assert "tensors" not in schema["$defs"]["Record"]["properties"]


@pytest.mark.parametrize(
    "content",
    [
        b'"' * 60 * MIB,
        b'""' * 4 * MIB,
        b"[" + b"[]," * 21 * MIB,
        b"[" + b"{}," * 21 * MIB,
        b"[" + b"[]," * MIB + b"1]",
        b'{"plan":[' + b"1," * 5 * MIB + b"1]}",
        b'{"records":[' + b'"",' * 4 * MIB + b"1]}",
        b'"' + b"\\" * 60 * MIB,
    ],
    ids=["quotes", "strings", "lists", "objects", "few lists", "plan", "records", "backslashes"],
)
def test_a_large_hostile_file_is_refused_in_bounded_time(content):
    started = time.process_time()
    with pytest.raises(InputError):
        parse(content)
    assert time.process_time() - started < 5
