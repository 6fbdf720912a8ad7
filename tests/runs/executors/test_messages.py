"""Messages arrive whole or not at all, and reading them never waits."""

from __future__ import annotations

import multiprocessing
import os
import threading

import pytest

from symbench.runs.executors.messages import PROGRESS, RECORD, Inbox, Outbox


@pytest.fixture
def ends():
    ours, theirs = multiprocessing.Pipe(duplex=False)
    yield Inbox(ours), Outbox(theirs), theirs
    ours.close()
    theirs.close()


def test_messages_arrive_in_order_and_nothing_is_waited_for(ends):
    inbox, outbox, _ = ends
    assert list(inbox.read()) == []
    outbox.send(PROGRESS, b"half")
    outbox.send(RECORD)
    assert list(inbox.read()) == [(PROGRESS, b"half"), (RECORD, b"")]
    assert not inbox.closed


def test_a_message_longer_than_the_pipe_arrives_whole(ends):
    inbox, outbox, _ = ends
    payload = os.urandom(3_000_000)
    writer = threading.Thread(target=outbox.send, args=(RECORD, payload))
    writer.start()
    received = []
    while not received:
        received = list(inbox.read())
    writer.join()
    assert received == [(RECORD, payload)]


def test_half_a_message_is_none(ends):
    inbox, _, theirs = ends
    os.write(theirs.fileno(), b"r\0\0\0\0\0\0\0\x09half")
    assert list(inbox.read()) == []
    theirs.close()
    assert list(inbox.read()) == []
    assert inbox.closed


@pytest.mark.parametrize("text", [b"some words in the pipe", b"r" + b"\xff" * 8])
def test_what_is_no_message_is_refused(ends, text):
    inbox, _, theirs = ends
    os.write(theirs.fileno(), text)
    with pytest.raises(ValueError, match="no message"):
        list(inbox.read())


def test_nothing_is_written_into_a_file_that_took_the_descriptor(ends, tmp_path):
    _, outbox, theirs = ends
    number = theirs.fileno()
    with open(tmp_path / "file", "wb") as file:
        os.dup2(file.fileno(), number)
        with pytest.raises(OSError, match="another file"):
            outbox.send(RECORD, b"record")
    assert (tmp_path / "file").read_bytes() == b""
