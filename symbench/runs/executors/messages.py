"""Messages from a worker to the process that supervises it, through a pipe.

A message is a kind (one byte), a length (eight bytes) and a payload. Reading never waits: a worker
may be stopped or killed in the middle of a message.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from multiprocessing.connection import Connection

KINDS = BEGUN, PROGRESS, TENSORS, NETWORKS, RECORD = b"b", b"p", b"t", b"n", b"r"
_HEADER = struct.Struct(">cQ")
_CHUNK = 2**16
_CHUNKS = 256  # per reading, so that a worker that always writes delays no other
_LONGEST = 2**30


class Outbox:
    """The worker's end of the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._file = _file(pipe)

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """Send a message.

        Raises:
            OSError: nobody reads, or the worker has closed the descriptor.
        """
        if _file(self._pipe) != self._file:
            raise OSError("the descriptor belongs to another file now")
        message = memoryview(_HEADER.pack(kind, len(payload)) + payload)
        while message:
            message = message[os.write(self._pipe.fileno(), message) :]


class Inbox:
    """The supervisor's end of the pipe; ``closed`` once nobody can send any more."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.closed = False
        self._unread = bytearray()
        os.set_blocking(pipe.fileno(), False)

    def read(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the kind and the payload of every message that has arrived.

        Raises:
            ValueError: what has arrived is no message.
        """
        for _ in range(_CHUNKS):
            if not self._receive():
                break
        while len(self._unread) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._unread)
            if kind not in KINDS or length > _LONGEST:
                raise ValueError(f"no message: {bytes(self._unread[:20])!r}")
            end = _HEADER.size + length
            if len(self._unread) < end:
                return
            payload = bytes(self._unread[_HEADER.size : end])
            del self._unread[:end]
            yield kind, payload

    def close(self) -> None:
        """Close the pipe."""
        self.closed = True
        self.pipe.close()

    def _receive(self) -> bool:
        """Read a chunk from the pipe, and return whether there was one."""
        if self.closed:
            return False
        try:
            chunk = os.read(self.pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        self.closed = not chunk
        self._unread += chunk
        return bool(chunk)


def _file(pipe: Connection) -> tuple[int, int]:
    status = os.fstat(pipe.fileno())
    return status.st_dev, status.st_ino
