"""Calls of event hooks: exceptions are logged, and a plugin that takes too long is silenced."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING

from symbench.registry.settings import guarded

if TYPE_CHECKING:
    from queue import SimpleQueue

    _Calls = SimpleQueue[tuple[str, Callable[[], object], Event]]

_log = logging.getLogger(__name__)
_LIMIT = 5.0  # seconds of a call
_LAST = {"symbench_run_finished": 60.0}  # a reporter may have results to send


class Listener:
    """One plugin or reporter that implements event hooks."""

    def __init__(self, name: str) -> None:
        self.name = name

    def hear(self, event: str, call: Callable[[], object]) -> None:
        """Call a hook in this thread; what it raises is logged."""
        try:
            call()
        except KeyboardInterrupt:
            raise
        except BaseException:  # by contract, an event hook never stops a run
            self.log(event)

    def log(self, event: str) -> None:
        """Log the exception that is being handled."""
        _log.warning("hook %s of %s raised:\n%s", event, self.name, traceback.format_exc())


class LimitedListener(Listener):
    """A listener of a plugin: all its hooks are called in one thread of its own, within a limit.

    A call may take 5 seconds, that of ``symbench_run_finished`` a minute. A plugin that takes
    longer is named in the log and not called again, because its thread cannot be ended.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"plugin {name}")
        self._calls: _Calls | None = None
        self._silenced = False

    def hear(self, event: str, call: Callable[[], object]) -> None:
        """Call a hook in the listener's thread, and wait until it returns or takes too long."""
        if self._silenced:
            return
        if self._calls is None:
            self._calls = self._start()
        limit, done = _LAST.get(event, _LIMIT), Event()
        with guarded(self.name.removeprefix("plugin ")):  # what it finds, it restores
            self._calls.put((event, call, done))
            self._silenced = not done.wait(limit)
        if self._silenced:
            message = "hook %s of %s took more than %g s: it is not called again in this run"
            _log.warning(message, event, self.name, limit)

    def _start(self) -> _Calls:
        from queue import SimpleQueue

        calls: _Calls = SimpleQueue()
        Thread(target=self._work, args=(calls,), name=self.name, daemon=True).start()
        return calls

    def _work(self, calls: _Calls) -> None:
        while True:
            event, call, done = calls.get()
            try:
                call()
            except BaseException:  # also KeyboardInterrupt: Ctrl-C raises in the main thread
                self.log(event)
            finally:
                done.set()
