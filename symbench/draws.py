"""Task data by (n, seed, split): drawn once per process; slow draws are also cached on disk.

The function ``_depends_on`` lists everything that the data of a task depend on. Draws and
fingerprints are cached on disk under the hash of the list. If the list cannot be complete for a
task, its data are drawn again in each process.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from symbench import disk_cache
from symbench.contract import Data, Split, Task
from symbench.contract.task import fingerprint_of_draws
from symbench.errors import InputError, PluginError
from symbench.files import parse_json
from symbench.registry.code_files import imported_packages, source_files
from symbench.registry.edited import edited
from symbench.registry.known_code import reads_files
from symbench.registry.settings import pristine

TEST_SEED = 0  # all trials have the same test set

_VERSION = "2"  # of the format of cached files
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_SLOW = 0.05  # draws that take more processor seconds are cached on disk
_LARGEST = 2**26  # bytes; larger draws are not cached on disk
_ROUNDING = 1e-3  # of the largest number
_FIX = "leave out the plugin of the model, or clone a tensor before writing into it"
_CORE = Path(__file__).parent


@dataclass(frozen=True)
class Draws:
    """The data of one task; equal arguments give equal tensors.

    They are copies, so that writing into them does not change what the next reader gets.
    ``fingerprint`` is that of the task, as planning computed it.
    """

    task: Task
    fingerprint: str

    @classmethod
    def of(cls, task: Task) -> Draws:
        """Return the draws of a task; its fingerprint is computed or read from the cache."""
        return cls(task, fingerprint(task))

    def train(self, n: int, seed: int) -> Data:
        """Return the training data of a trial."""
        return _draw(self, n, seed, "train").clone()

    def valid(self, seed: int) -> Data:
        """Return the validation data of a trial."""
        return _draw(self, self.task.valid_size, seed, "valid").clone()

    def test(self) -> Data:
        """Return the test data, the same for every model and every trial.

        Raises:
            PluginError: they were changed in memory.
        """
        drawn = _drawn(self, *self._test)
        if _digest(drawn.data) != drawn.digest:
            _drawn.cache_clear()
            raise PluginError(f"the test data of {self.task.name} were changed in memory: {_FIX}")
        return _draw(self, *self._test).clone()

    def kept(self, name: str, compute: Callable[[Task], float | None]) -> float | None:
        """Return a number that depends on the data only; it is computed once and kept on disk."""
        path = _path(self.task, [self.fingerprint, name], ".json")
        kept = None if path is None else disk_cache.load(path, _number)
        if kept is not None:
            return kept
        with pristine():
            value = compute(self.task)
        if path is not None and value is not None:
            disk_cache.save(path, json.dumps(value).encode())
        return value

    def stamp(self) -> tuple[int, ...] | None:
        """Return what changes when the cached file of the test data changes; None without it."""
        path = self._path_of_test()
        with suppress(OSError):
            about = None if path is None else path.stat()
            return None if about is None else (about.st_ino, about.st_size, about.st_ctime_ns)
        return None

    def require_kept(self, stamp: tuple[int, ...] | None) -> None:
        """Require that the cached file of the test data is as it was, or else what the task draws.

        Raises:
            PluginError: it is not; the file is removed.
        """
        path = self._path_of_test()
        if path is None or self.stamp() in (stamp, None):
            return
        drawn = _drawn(self, *self._test)
        found = disk_cache.load(path, partial(_parsed, self.task, self.task.test_size))
        true = _sampled(self.task, *self._test) if drawn.loaded else drawn.data
        if found is not None and not _agree(found, true):
            path.unlink(missing_ok=True)
            _drawn.cache_clear()
            raise PluginError(f"the test data of {self.task.name} were changed in {path}: {_FIX}")

    @property
    def _test(self) -> tuple[int, int, Split]:
        return self.task.test_size, TEST_SEED, "test"

    def _path_of_test(self) -> Path | None:
        return _path_of(self, *self._test)


def _path_of(draws: Draws, n: int, seed: int, split: Split) -> Path | None:
    return _path(draws.task, [draws.fingerprint, n, seed, split], ".safetensors")


@dataclass(frozen=True)
class _Drawn:
    """Data in memory; ``digest`` is their hash if they are test data, else empty."""

    data: Data
    digest: str
    loaded: bool


def _number(content: bytes) -> float | None:
    value = parse_json(content.decode())
    return value if isinstance(value, float) else None


def _draw(draws: Draws, n: int, seed: int, split: Split) -> Data:
    return _drawn(draws, n, seed, split).data


@lru_cache(maxsize=64)
def _drawn(draws: Draws, n: int, seed: int, split: Split) -> _Drawn:
    path = _path_of(draws, n, seed, split)
    found = None if path is None else disk_cache.load(path, partial(_parsed, draws.task, n))
    if found is not None:
        return _Drawn(found, _digest(found) if split == "test" else "", loaded=True)
    started = time.process_time()
    data = _sampled(draws.task, n, seed, split)
    if path is not None and time.process_time() - started >= _SLOW:
        _save(path, data)
    _check(draws.task, data, n)
    return _Drawn(data, _digest(data) if split == "test" else "", loaded=False)


def _sampled(task: Task, n: int, seed: int, split: Split) -> Data:
    with pristine():
        return task.sample(n, seed, split)


def _digest(data: Data) -> str:
    digest = hashlib.sha256()
    for tensor in (data.x, data.y):
        digest.update(tensor.detach().contiguous().numpy().data)
    return digest.hexdigest()


def _agree(found: Data, true: Data) -> bool:
    """Whether data are equal, up to the rounding of a process with other threads."""
    return all(
        a.shape == b.shape and bool(((a - b).abs() <= _ROUNDING * b.abs().max()).all())
        for a, b in ((found.x, true.x), (found.y, true.y))
        if b.numel()
    )


def _parsed(task: Task, n: int, content: bytes) -> Data:
    """Return cached data; raises if they are not those of the task."""
    tensors = load(content)
    data = Data(tensors["x"], tensors["y"])
    _check(task, data, n)
    return data


def _save(path: Path, data: Data) -> None:
    if data.x.nbytes + data.y.nbytes <= _LARGEST:
        tensors = {"x": data.x.contiguous(), "y": data.y.clone().contiguous()}
        disk_cache.save(path, save(tensors))


def _check(task: Task, data: Data, n: int) -> None:
    """Raise InputError unless data are n examples, finite, of the declared shapes and in float32.

    Class labels are int64 numbers below the number of classes. A task whose loss is not a standard
    one may have integer targets of any shape.
    """
    _check_tensor(task, "x", data.x, n, task.input_shape)
    if task.loss == "cross-entropy":
        _check_labels(task, data.y, n)
    elif task.loss == "mse" or data.y.is_floating_point():
        _check_tensor(task, "y", data.y, n, task.output_shape)
    elif len(data.y) != n:
        raise _wrong(task, f"{len(data.y)} targets where {n} examples were asked for")


def _check_tensor(task: Task, name: str, tensor: Tensor, n: int, shape: tuple[int, ...]) -> None:
    if len(tensor) != n:
        raise _wrong(task, f"{len(tensor)} rows of {name} where {n} examples were asked for")
    if tuple(tensor.shape[1:]) != tuple(shape):
        got = f"{name} of shape {tuple(tensor.shape[1:])} per example, but declares {tuple(shape)}"
        raise _wrong(task, got, "fix sample or the declared shape")
    if tensor.dtype != torch.float32:
        raise _wrong(task, f"{name} in {tensor.dtype}", f"return {name}.float()")
    if not bool(tensor.isfinite().all()):
        raise _wrong(task, f"{name} with NaN or infinite entries")


def _check_labels(task: Task, y: Tensor, n: int) -> None:
    classes = task.output_shape[0]
    if y.dtype != torch.int64:
        raise _wrong(task, f"labels in {y.dtype}", "return y.long()")
    if tuple(y.shape) != (n,):
        raise _wrong(task, f"labels of shape {tuple(y.shape)}", f"return labels of shape ({n},)")
    if len(y) and not 0 <= int(y.min()) <= int(y.max()) < classes:
        low, high = int(y.min()), int(y.max())
        raise _wrong(task, f"labels {low} to {high}", f"return labels 0 to {classes - 1}")


def _wrong(task: Task, what: str, fix: str = "fix sample") -> InputError:
    return InputError(f"task {task.name} drew {what}: {fix}")


def fingerprint(task: Task) -> str:
    """Return the task's fingerprint: 16 hex digits that change when its data do.

    Raises:
        InputError: two draws with the same arguments differ.
    """
    return task.fingerprint() if reads_files(task) else _fingerprint(task)


@lru_cache(maxsize=1024)  # a plan calls it for every model
def _fingerprint(task: Task) -> str:
    path = _path(task, ["fingerprint"])
    digits = None if path is None else disk_cache.load(path, _parsed_fingerprint)
    if digits is None:
        digits = task.fingerprint()
        if fingerprint_of_draws(task) != digits:
            what = "other data with the same arguments"
            raise _wrong(task, what, "draw from self.generator(seed, split) only")
        if path is not None:
            disk_cache.save(path, digits.encode())
    return digits


def _parsed_fingerprint(content: bytes) -> str | None:
    return text if _FINGERPRINT.fullmatch(text := content.decode()) else None


def _path(task: Task, what: list[object], suffix: str = "") -> Path | None:
    """Return the path at which data of the task are cached; None if they must not be cached."""
    depends_on = _depends_on(task)
    return None if depends_on is None else disk_cache.path_of("draws", [*depends_on, *what], suffix)


def _depends_on(task: Task) -> list[object] | None:
    """Return everything that the task's data depend on; None if that cannot be determined.

    This is the source of its class, the core, the installed packages, the processor's rounding, and
    the values that the instance holds. It cannot be determined if a class was patched, if a source
    file was edited after the process started, if the source imports a package without a version,
    or if the instance holds values that JSON cannot represent.
    """
    cls = type(task)
    bases = [base for base in cls.__mro__ if base not in Task.__mro__ and not _is_standard(base)]
    if cls.sample.__module__ not in {base.__module__ for base in bases}:  # patched
        return None
    sources = [_source(base) for base in bases]
    if None in sources or (surroundings := _surroundings()) is None:
        return None
    state = _state(task)
    try:
        json.dumps(state)
    except TypeError:
        return None
    return [surroundings, cls.__qualname__, task.name, task.version, state, sources]


def _is_standard(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in sys.stdlib_module_names


def _state(task: Task) -> dict[str, Any]:
    """Return the attributes of the instance, except cached properties."""
    return {
        name: value
        for name, value in sorted(vars(task).items())
        if not isinstance(getattr(type(task), name, None), cached_property)
    }


@cache
def _source(cls: type) -> str | None:
    """Return the hash of the source files of a class; None if they may not be complete."""
    files = source_files(cls)
    tops = imported_packages(files) - {cls.__module__.partition(".")[0], _CORE.name}
    return _unedited(files) if files and all(map(_has_a_version, tops)) else None


@cache
def _has_a_version(package: str) -> bool:
    """Whether a package is in the standard library or in the folder of installed packages."""
    if package in sys.stdlib_module_names:
        return True
    spec = find_spec(package)
    homes = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    return spec is not None and any(
        Path(spec.origin or "").is_relative_to(home) for home in homes if home
    )


@cache
def _surroundings() -> list[object] | None:
    """Return what all task data depend on: the core, the packages, the processor."""
    core = {str(file.relative_to(_CORE)): file for file in sorted(_CORE.rglob("*.py"))}
    if (core_sha256 := _unedited(core)) is None:
        return None
    return [
        _VERSION, core_sha256, sys.version, platform.machine(), platform.system(),
        torch.__version__, torch.backends.cpu.get_cpu_capability(),
        str(torch.get_default_dtype()), _installed(),
    ]  # fmt: skip


def _installed() -> list[str]:
    """Return the metadata folders of all installed packages, which hold names and versions."""
    names: set[str] = set()
    for entry in {path for path in sys.path if path}:
        with suppress(OSError):
            names.update(n for n in os.listdir(entry) if n.endswith((".dist-info", ".egg-info")))
    return sorted(names)


def _unedited(files: Mapping[str, Path]) -> str | None:
    """Return the hash of the files; None if one may have changed since it was imported."""
    if edited(files.values()):
        return None
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        digest.update(name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
