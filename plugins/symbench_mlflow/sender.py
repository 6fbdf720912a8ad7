"""Sends to a tracking server in a thread of its own, so that a slow server holds up no run."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Event, Thread
from urllib.parse import urlsplit
from urllib.request import getproxies

from symbench_mlflow.content import text

_log = logging.getLogger(__name__)
_STALL = 5.0  # seconds without progress after which a server counts as unreachable
_FLUSH = 50.0  # seconds that the end of a run waits for what is still to be sent


class Sender:
    """Carries out steps in their order, in one thread; the first failure ends it with a warning."""

    def __init__(self) -> None:
        self._steps: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._ended = Event()
        self._broken = False
        self._moved: float | None = None  # when the server answered last
        self._waiting = 0

    def start(self) -> None:
        """Start the thread."""
        Thread(target=self._work, name="symbench_mlflow", daemon=True).start()

    def send(self, step: Callable[[], object]) -> None:
        """Carry out a step after those before it."""
        self._waiting += 1
        self._steps.put(step)

    def moved(self) -> None:
        """Note that the server has answered."""
        self._moved = time.monotonic()

    def finish(self) -> None:
        """Wait until every step is carried out, as long as the server answers."""
        self._steps.put(self._ended.set)
        began = time.monotonic()
        while not self._broken and not self._ended.wait(0.05):
            now = time.monotonic()
            stalled = self._moved is not None and now - max(self._moved, began) > _STALL
            if stalled or now - began > _FLUSH:
                self._broken = True
                _log.warning(
                    "MLflow does not answer in time: %d of the run's reports are not sent",
                    self._waiting,
                )

    def _work(self) -> None:
        while not self._broken and not self._ended.is_set():
            step = self._steps.get()
            try:
                step()
            except ImportError as error:
                self._stop(
                    "MLFLOW_TRACKING_URI is set, but MLflow cannot be imported (%s): "
                    "run pip install 'symbench[mlflow]', or unset the variable", str(error)
                )  # fmt: skip
            except BaseException as error:  # a server may fail in any way
                why = f"{type(error).__name__}: {error}"
                self._stop("reporting to MLflow has stopped, and the run continues: %s", why)
            self._waiting -= 1

    def _stop(self, message: str, why: str) -> None:
        if not self._broken:
            _log.warning(message, text(why, 500))
        self._broken = True


def check_reachable() -> None:
    """Connect once to a tracking server on the network, because MLflow itself tries for minutes.

    Raises:
        OSError: nothing answers within 5 seconds.
    """
    address = urlsplit(os.environ.get("MLFLOW_TRACKING_URI", ""))
    direct = address.scheme in ("http", "https") and address.scheme not in getproxies()
    if direct and address.hostname is not None:
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname, port), timeout=_STALL).close()
