"""Ctrl-C interrupts a run; a KeyboardInterrupt that a model raises does not."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

import pytest

from symbench.runs.interruption import only_the_user_interrupts


@pytest.fixture(autouse=True)
def hearing():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_the_users_interruption_gets_through_code_that_swallows_it():
    with pytest.raises(KeyboardInterrupt), only_the_user_interrupts(), suppress(KeyboardInterrupt):
        press()


def test_a_raised_interruption_that_is_caught_is_none():
    with only_the_user_interrupts(), suppress(KeyboardInterrupt):
        raise KeyboardInterrupt


def test_a_handler_of_the_user_that_goes_on_goes_on():
    heard = []
    signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    with only_the_user_interrupts():
        press()
    assert heard == [1]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_are_left_alone():
    def enter():
        with only_the_user_interrupts():
            done.append(signal.getsignal(signal.SIGINT))

    done = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]
