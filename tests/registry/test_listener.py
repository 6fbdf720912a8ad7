"""An event hook of a plugin may raise anything or never return: the run goes on."""

from __future__ import annotations

import queue
import threading
import time

import pytest
import torch

from symbench import hookimpl
from symbench.registry import Registry, listener


class Heard:
    @hookimpl
    def symbench_run_started(self, run):
        self.run, self.thread = run, threading.current_thread()


def registry_with(*reporters):
    class Plugin:
        @hookimpl
        def symbench_register(self, registry):
            for reporter in reporters:
                registry.reporter(reporter)

    registry = Registry()
    registry.add(Plugin(), "reporting", "1", "here")
    return registry


class Stop(BaseException):
    pass


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, GeneratorExit, Stop])
def test_what_a_hook_raises_is_logged_and_the_others_are_called(error, caplog):
    class Raising:
        @hookimpl
        def symbench_run_started(self, run):
            raise error("reporter is down")

    heard = Heard()
    registry_with(Raising(), heard).emit("symbench_run_started", run="r")
    assert heard.run == "r"
    assert "symbench_run_started of plugin reporting" in caplog.text
    assert "reporter is down" in caplog.text


def test_a_hook_that_does_not_return_is_named_once_and_not_called_again(caplog, monkeypatch):
    monkeypatch.setattr(listener, "_LIMIT", 0.1)
    called = []

    class Hanging:
        @hookimpl
        def symbench_run_started(self, run):
            called.append(run)
            threading.Event().wait()

    heard = Heard()
    registry = registry_with(Hanging(), heard)
    began = time.monotonic()
    for run in range(20):
        registry.emit("symbench_run_started", run=run)
        assert heard.run == run
    assert called == [0]
    assert time.monotonic() - began < 1.5
    (entry,) = caplog.records
    assert "plugin reporting took more than 0.1 s" in entry.message


def test_all_hooks_of_a_reporter_are_called_in_one_thread():
    heard = Heard()
    registry, threads = registry_with(heard), set()
    for run in range(3):
        registry.emit("symbench_run_started", run=run)
        threads.add(heard.thread)
    assert len(threads) == 1
    assert threading.main_thread() not in threads


def test_a_reporter_of_the_caller_is_called_in_the_callers_thread(monkeypatch):
    monkeypatch.setattr(listener, "_LIMIT", 0.0)
    heard, registry = Heard(), Registry()
    registry.add_reporter(heard)
    registry.emit("symbench_run_started", run="r")
    assert heard.thread is threading.current_thread()


def test_a_hook_leaves_the_settings_of_the_process_alone():
    class Changing:
        @hookimpl
        def symbench_run_started(self, run):
            torch.set_default_dtype(torch.float64)

    registry_with(Changing()).emit("symbench_run_started", run="r")
    assert torch.get_default_dtype() == torch.float32


def test_settings_are_noted_before_a_hook_is_called(monkeypatch):
    class Changing:
        @hookimpl
        def symbench_run_started(self, run):
            torch.set_default_dtype(torch.float64)

    class Prompt(queue.Queue):
        """The listener's thread is done before ``put`` returns."""

        def put(self, item):
            super().put(item)
            assert item[2].wait(30)

    monkeypatch.setattr(queue, "SimpleQueue", Prompt)
    registry_with(Changing()).emit("symbench_run_started", run="r")
    assert torch.get_default_dtype() == torch.float32
