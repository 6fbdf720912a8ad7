"""Large hostile files are refused in bounded time."""

from __future__ import annotations

import time

import pytest

from symbench.errors import InputError
from symbench.publish.submission import parse

MIB = 2**20


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
