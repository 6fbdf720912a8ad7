"""The fork server, from which workers are forked: what it has loaded, and how it starts them.

Everything that is loaded there computes with one thread: a fork copies no threads, and a library
that had started some would wait for them forever. Workers set their own number of threads.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import requires
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess, SpawnContext, SpawnProcess
from typing import Any

from symbench.errors import SymbenchError
from symbench.registry import Registry
from symbench.registry.code_files import imported_names, source_files
from symbench.registry.registry import OWN_DISTRIBUTION
from symbench.runs.executors.allocator import freed_memory_kept
from symbench.runs.executors.capacity import GPU_VARIABLE

_log = logging.getLogger(__name__)
_ATTEMPTS = 4
_LOADING_SECONDS = 120.0  # in which the server loads torch and the plugins
_PAUSE_SECONDS = 0.25  # until a killed server is noticed
_PRELOAD = "symbench.runs.executors.preload"
_PRELOADED = "symbench.runs.executors.preloaded"
_THREADS = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
_ENVIRONMENT = threading.Lock()  # it is changed while a process starts


class Server:
    """Starts processes by the fork server, or by spawning where the system has none."""

    def __init__(self, registry: Registry, models: Iterable[str] = ()) -> None:
        self._context: ForkServerContext | SpawnContext
        if "forkserver" in multiprocessing.get_all_start_methods():
            self._context = multiprocessing.get_context("forkserver")
        else:
            self._context = multiprocessing.get_context("spawn")
        self._preload([*plugin_modules(registry), *libraries(registry, models)])

    def process(self, target: Any, *args: Any) -> ForkServerProcess | SpawnProcess:
        """Return a process that has not started; it may have children of its own."""
        return self._context.Process(target=target, args=args, daemon=False)

    def start(self, process: ForkServerProcess | SpawnProcess) -> None:
        """Start a process, and the server if there is none, or if it was killed.

        Raises:
            SymbenchError: the server ends repeatedly.
        """
        for attempt in range(_ATTEMPTS):
            try:
                with _ENVIRONMENT, freed_memory_kept(), _one_thread(), self._limited(attempt):
                    process.start()
                return
            except (EOFError, OSError) as error:
                lost = error
            _log.warning("the fork server has ended (%s); starting it again", _named(lost))
            _kill_server()  # one that is still ending is not replaced, but refuses connections
            time.sleep(_PAUSE_SECONDS)
            if attempt:  # a plugin may end the process that imports it
                self._preload([])
        raise SymbenchError(
            f"no worker can be started: the fork server ended {_ATTEMPTS} times ({_named(lost)}); "
            "free memory or processes, or use --executor inline"
        )

    @contextmanager
    def _limited(self, attempt: int) -> Iterator[None]:
        """Kill a server that does not answer in time; each attempt has twice as long."""
        seconds = _LOADING_SECONDS * 2**attempt
        timer = threading.Timer(seconds, self._end_hanging, [seconds])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end_hanging(self, seconds: float) -> None:
        packages = sorted({name.partition(".")[0] for name in self._loaded})
        what = f"{', '.join(packages)} there" if packages else "torch"
        _log.warning("the fork server has not loaded %s within %g s", what, seconds)
        self._preload([])
        _kill_server()

    def _preload(self, names: Sequence[str]) -> None:
        self._loaded = names
        if isinstance(self._context, ForkServerContext):
            self._context.set_forkserver_preload([_PRELOAD, *names, _PRELOADED])


def _kill_server() -> None:
    pid = getattr(forkserver._forkserver, "_forkserver_pid", None)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def plugin_modules(registry: Registry) -> list[str]:
    """Return the modules of plugins that are imported in this process, metrics included.

    Only these can be imported without error; a worker imports the others itself.
    """
    registry.drop_broken("metric", registry.metrics)  # imports them, because every cell uses them
    packages = plugin_packages(registry)
    return [name for name in list(sys.modules) if name.partition(".")[0] in packages]


def plugin_packages(registry: Registry) -> set[str]:
    """Return the top-level names of the packages that tasks, models and metrics are in."""
    return {
        card.target.partition(":")[0].partition(".")[0]
        for cards in (registry.tasks, registry.models, registry.metrics)
        for card in cards.values()
        if isinstance(card.target, str)
    }


def libraries(registry: Registry, models: Iterable[str]) -> list[str]:
    """Return the names that the sources of models import from libraries that symbench needs.

    Some are imported only when a network is built, which every worker would have to wait for. The
    server passes over names that are no modules. Other libraries may raise on import, or start
    threads, which do not survive a fork: a worker imports them itself.
    """
    names: set[str] = set()
    for model in models:
        names |= imported_names(source_files(registry.model(model)))
    required = _required()
    return sorted(name for name in names if name.partition(".")[0] in required)


def _required() -> set[str]:
    """Return the names of the distributions that symbench requires, as those of modules."""
    lines = [line for line in requires(OWN_DISTRIBUTION) or () if "extra ==" not in line]
    names = (re.match(r"[\w.-]+", line) for line in lines)
    return {name[0].lower().replace("-", "_") for name in names if name}


def thread_variables() -> Mapping[str, str | None]:
    """Return this process's values of the variables that are changed for the server."""
    return {name: os.environ.get(name) for name in _THREADS}


def worker_variables() -> Mapping[str, str | None]:
    """Return this process's values of the variables that workers must not have from the server.

    Besides those of the threads it is the choice of GPUs: Ray changes it for every task of a
    worker, whose server keeps the first.
    """
    return {**thread_variables(), GPU_VARIABLE: os.environ.get(GPU_VARIABLE)}


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that are started in the context compute with one thread."""
    before = thread_variables()
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
