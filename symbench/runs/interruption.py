"""Distinguish Ctrl-C from a KeyboardInterrupt that a model raises itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def only_the_user_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end of the context if the user has pressed Ctrl-C in it.

    It does not matter whether code in the context catches this exception or raises its own. Outside
    the main thread, and where Ctrl-C is ignored, there is no interruption by the user.
    """
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupted = False

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        try:
            before(number, frame)
        except KeyboardInterrupt:
            interrupted = True
            raise

    signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if interrupted:
            raise KeyboardInterrupt
