"""Settings of the process that a plugin must leave as they are.

``guarded`` restores them after a call into a plugin, and names the plugin once. Settings of torch
and numpy are read only if these are imported, so that a list of names imports neither.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal.getsignal is slow: it makes enums
import gc
import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, NamedTuple

_log = logging.getLogger(__name__)
_UNKNOWN = object()
_OF_LIBRARIES = (b"KMP_", b"TORCHINDUCTOR_", b"RAY_", b"_MLFLOW_")
_SIGNALS = sorted(set(map(int, signal.valid_signals())) - {signal.SIGKILL, signal.SIGSTOP})
_named: set[tuple[str, str]] = set()


class _Setting(NamedTuple):
    """One setting: how it is read and written, and its value where its library starts.

    A plugin that changes it is named in the log if ``named``.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    initial: Any = _UNKNOWN
    named: bool = True


@contextmanager
def guarded(
    plugin: str, *, named: bool | None = None, settings: Snapshot | None = None
) -> Iterator[None]:
    """Restore after the block every setting that it changed, and name the plugin once for each.

    The global random generators are restored without a warning, because libraries draw from them
    when they are imported. Only the main thread restores settings: in another thread, a change may
    be that of the main thread.

    Args:
        plugin: the name that the warning states.
        named: whether the plugin is named; by default only in the main process, because every
            worker imports the same plugins.
        settings: what is restored; by default the settings before the block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    settings = settings or Snapshot()
    try:
        yield
    finally:
        settings.restore(plugin if (not _in_worker() if named is None else named) else None)


class Snapshot:
    """The settings as they are when it is made."""

    def __init__(self) -> None:
        self._values = {setting.name: setting.read() for setting in _settings()}

    def restore(self, plugin: str | None = None) -> None:
        """Restore what has changed since, and name the plugin if one is given."""
        for setting in _settings():
            earlier = self._values.get(setting.name, setting.initial)
            if earlier is not _UNKNOWN and (now := setting.read()) != earlier:
                with suppress(Exception):  # such as a working directory that was deleted
                    setting.write(earlier)
                if plugin is not None and setting.named:
                    _name(plugin, setting, earlier, now)


@contextmanager
def pristine() -> Iterator[None]:
    """Give torch the settings that it starts with while the block runs.

    Data that several cells share are drawn inside it, because an earlier model may have changed
    settings.
    """
    known = [one for one in _of_torch(sys.modules["torch"]) if one.initial is not _UNKNOWN]
    changed = [(one, now) for one in known if (now := one.read()) != one.initial]
    for setting, _ in changed:
        setting.write(setting.initial)
    try:
        yield
    finally:
        for setting, now in changed:
            setting.write(now)


def _in_worker() -> bool:
    processes = sys.modules.get("multiprocessing.process")  # a worker has imported it
    return processes is not None and processes.parent_process() is not None


def _name(plugin: str, setting: _Setting, earlier: Any, now: Any) -> None:
    if (plugin, setting.name) not in _named:
        _named.add((plugin, setting.name))
        what = _difference(earlier, now)
        _log.warning("plugin %s changed %s%s; it was restored", plugin, setting.name, what)


def _difference(earlier: Any, now: Any) -> str:
    """Describe a change: by both values if they are short, by the keys of mappings."""
    if isinstance(earlier, dict) and isinstance(now, dict):
        changed = [key for key in earlier | now if earlier.get(key) != now.get(key)]
        keys = sorted(os.fsdecode(k) if isinstance(k, bytes) else str(k) for k in changed)
        return f" ({', '.join(keys)})"[:200]
    short = isinstance(earlier, str | int | bool) or type(earlier).__module__ == "torch"
    return f" from {earlier} to {now}"[:200] if short else ""


def _settings() -> list[_Setting]:
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    return [
        *_PROCESS,
        *(_of_torch(torch) if hasattr(torch, "_tensor_str") else ()),  # its import has ended
        *(_of_numpy(numpy) if hasattr(numpy, "random") else ()),
    ]


def _directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


def _mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _environment() -> dict[Any, Any]:
    """Return the variables, as bytes, without those that libraries set for themselves."""
    variables = vars(os.environ).get("_data") or os.environb  # decoding them is slow
    return {key: value for key, value in variables.items() if not key.startswith(_OF_LIBRARIES)}


def _set_environment(earlier: dict[Any, Any]) -> None:
    now = _environment()
    decoded = os.fsdecode
    for key in now.keys() - earlier.keys():
        del os.environ[decoded(key)]
    for key, value in earlier.items():
        if now.get(key) != value:
            os.environ[decoded(key)] = decoded(value)


def _handlers() -> dict[int, Any]:
    return {number: _signal.getsignal(number) for number in _SIGNALS}


def _set_handlers(earlier: dict[int, Any]) -> None:
    for number, handler in earlier.items():
        if handler is not None and _signal.getsignal(number) != handler:
            signal.signal(number, handler)


def _filters() -> list[Any]:
    """Return the filters that affect all code; libraries add others for their own warnings."""
    return [
        (action, message, category, module, line)
        for action, message, category, module, line in warnings.filters
        if message is None and module is None and category.__module__ == "builtins"
    ]


def _set_filters(earlier: list[Any]) -> None:
    added = [one for one in _filters() if one not in earlier]
    left = [one for one in warnings.filters if one not in added]
    left += [one for one in earlier if one not in left]
    warnings.filters[:] = left  # type: ignore[index]
    getattr(warnings, "_filters_mutated", lambda: None)()  # as catch_warnings does


def _set_collection(enabled: bool) -> None:
    gc.enable() if enabled else gc.disable()


_PROCESS = (
    _Setting("the working directory", _directory, os.chdir),
    _Setting("the umask", _mask, os.umask),
    _Setting("the environment", _environment, _set_environment),
    _Setting("the signal handlers", _handlers, _set_handlers),
    _Setting("the warnings filters", _filters, _set_filters),
    _Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    _Setting("the garbage collection", gc.isenabled, _set_collection),
    _Setting("Python's random generator", random.getstate, random.setstate, named=False),
)


@cache
def _of_torch(torch: Any) -> list[_Setting]:
    cudnn, shown = torch.backends.cudnn, torch._tensor_str

    def deterministic() -> tuple[bool, bool]:
        warns = torch.is_deterministic_algorithms_warn_only_enabled()
        return torch.are_deterministic_algorithms_enabled(), warns

    def set_deterministic(earlier: tuple[bool, bool]) -> None:
        torch.use_deterministic_algorithms(earlier[0], warn_only=earlier[1])

    def set_device(earlier: str) -> None:  # None, not "cpu", is what torch starts with
        torch.set_default_device(None if earlier == "cpu" else earlier)

    def set_cudnn(earlier: tuple[bool, bool]) -> None:
        cudnn.benchmark, cudnn.deterministic = earlier

    options = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}
    return [
        _Setting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype,
                 torch.float32),
        _Setting("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
        _Setting("torch's default device", lambda: str(torch.get_default_device()), set_device,
                 "cpu"),
        _Setting("torch's deterministic flags", deterministic, set_deterministic, (False, False)),
        _Setting("the flags of cuDNN", lambda: (cudnn.benchmark, cudnn.deterministic), set_cudnn,
                 (False, False)),
        _Setting("the precision of torch's matrix products", torch.get_float32_matmul_precision,
                 torch.set_float32_matmul_precision, "highest"),
        _Setting("torch's gradient mode", torch.is_grad_enabled, torch.set_grad_enabled, True),
        _Setting("torch's print options", lambda: dict(vars(shown.PRINT_OPTS)),
                 lambda earlier: torch.set_printoptions(**earlier), options),
        _torch_generator(torch),
    ]  # fmt: skip


@cache
def _of_numpy(numpy: Any) -> list[_Setting]:
    return [
        _Setting("numpy's print options", numpy.get_printoptions,
                 lambda earlier: numpy.set_printoptions(**earlier)),
        _Setting("numpy's error handling", numpy.geterr, lambda earlier: numpy.seterr(**earlier)),
        _numpy_generator(numpy),
    ]  # fmt: skip


def _torch_generator(torch: Any) -> _Setting:
    def read() -> bytes:
        return bytes(torch.get_rng_state().numpy())

    def write(earlier: bytes) -> None:
        torch.set_rng_state(torch.frombuffer(bytearray(earlier), dtype=torch.uint8))

    return _Setting("torch's random generator", read, write, named=False)


def _numpy_generator(numpy: Any) -> _Setting:
    def read() -> tuple[Any, ...]:
        kind, keys, *rest = numpy.random.get_state()
        return (kind, keys.tobytes(), *rest)

    def write(earlier: tuple[Any, ...]) -> None:
        kind, keys, *rest = earlier
        numpy.random.set_state((kind, numpy.frombuffer(keys, dtype=numpy.uint32), *rest))

    return _Setting("numpy's random generator", read, write, named=False)
