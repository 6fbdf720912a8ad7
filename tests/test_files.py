"""Files are written whole or not at all, and JSON with numbers that are not finite is refused."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from symbench.files import DEEPEST, parse_json, safe_name, write_atomic


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_the_content_replaces_that_of_an_earlier_file(tmp_path):
    for content in (b"first", b"second, longer", b""):
        assert write_atomic(tmp_path / "file", content) == tmp_path / "file"
        assert (tmp_path / "file").read_bytes() == content
    assert names(tmp_path) == ["file"]


def test_missing_directories_are_made(tmp_path):
    write_atomic(tmp_path / "a" / "b" / "file", b"content")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"content"


@pytest.mark.parametrize("call", ["chmod", "fsync", "replace"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file_and_no_temporary_one(
    tmp_path, monkeypatch, call, failure
):
    def fail(*arguments: Any) -> None:
        raise failure

    write_atomic(tmp_path / "file", b"old")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(failure)):
        write_atomic(tmp_path / "file", b"new", durable=True)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_only_a_durable_write_waits_for_the_disk(tmp_path, monkeypatch):
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    write_atomic(tmp_path / "file", b"content")
    assert flushed == []
    write_atomic(tmp_path / "file", b"content", durable=True)
    assert len(flushed) == 1


@pytest.mark.skipif(os.name != "posix", reason="needs the permissions of POSIX")
def test_everybody_may_read_the_file_and_its_owner_may_write_it(tmp_path):
    path = write_atomic(tmp_path / "file", b"content")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_directory_that_cannot_be_made_is_an_os_error(tmp_path):
    (tmp_path / "file").write_bytes(b"in the way")
    with pytest.raises(OSError, match="file"):
        write_atomic(tmp_path / "file" / "below", b"content")
    assert names(tmp_path) == ["file"]


def _write_often(path: Path, letter: bytes) -> None:
    for _ in range(50):
        write_atomic(path, letter * 100_000)


def test_a_reader_sees_one_writers_whole_file_while_others_write(tmp_path):
    path = write_atomic(tmp_path / "file", b"a" * 100_000)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_often, args=(path, letter)) for letter in (b"b", b"c")]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        content = path.read_bytes()
        assert len(content) == 100_000
        assert len(set(content)) == 1
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    "text", ['{"a": [1, 2.5, -1e300, null, true, "NaN"]}', "[]", '"é"', "1e-999"]
)
def test_json_of_finite_numbers_is_parsed_as_by_the_standard_library(text):
    assert parse_json(text) == json.loads(text)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("text", ["%s", '{"a": [{"b": %s}]}'])
def test_a_number_that_is_not_finite_is_refused_by_name(number, text):
    with pytest.raises(ValueError, match=f"{number} is not a finite number"):
        parse_json(text % number)


def test_the_message_about_a_long_number_is_short():
    with pytest.raises(ValueError, match="is not a finite number") as caught:
        parse_json("9" * 1000 + ".0")
    assert len(str(caught.value)) < 80


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "[1,]", "1 2"])
def test_what_is_not_json_is_refused(text):
    with pytest.raises(json.JSONDecodeError):
        parse_json(text)


def test_nesting_is_bounded_before_anything_is_parsed():
    inside = '"[[{" : 1'
    deepest = "[" * (DEEPEST - 1) + "{" + inside + "}" + "]" * (DEEPEST - 1)
    assert parse_json(deepest) == json.loads(deepest)
    with pytest.raises(ValueError, match=f"nested deeper than {DEEPEST} levels"):
        parse_json(f"[{deepest}]")
    with pytest.raises(ValueError, match="nested deeper"):
        parse_json("[" * 1_000_000)


def test_the_fields_of_each_object_go_through_the_hook():
    assert parse_json('{"a": {"b": 1, "b": 2}}', pairs_hook=len) == 1
    seen: list[Any] = []
    parse_json('{"a": 1, "a": 2}', pairs_hook=seen.append)
    assert seen == [[("a", 1), ("a", 2)]]


@pytest.mark.parametrize("name", ["o5-invariant", "scalars-2021", "a.b_c", "x" * 80])
def test_a_registered_name_is_its_own_file_name(name):
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", ".hidden", "A", "x" * 81, "a b", "a\n", "c\\d", "é"]
)
def test_any_other_name_is_replaced_by_its_hash(name):
    assert len(safe_name(name)) == 12
    assert safe_name(name).isalnum()
    assert safe_name(name) != safe_name(name + "'")
