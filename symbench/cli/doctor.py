"""The verb ``doctor``: machine, versions, devices, plugins, store and caches."""

from __future__ import annotations

import os
import platform
from collections import Counter
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from symbench.cli import pages
from symbench.cli.loading import registered
from symbench.cli.options import (
    DEFAULT_STORE,
    AsJson,
    BlockedPlugins,
    PluginFiles,
    StoreDirectory,
)
from symbench.cli.output import coloured, print_json, terminal_width
from symbench.downloads import data_directories
from symbench.errors import StoreError
from symbench.records.store import Store

if TYPE_CHECKING:
    from symbench.registry import PluginInfo, Registry

Document = dict[str, Any]

_PACKAGES = (
    "symbench", "torch", "torch-geometric", "e3nn", "numpy", "scipy", "scikit-learn",
    "safetensors", "pydantic", "pluggy", "typer", "rich", "ray",
)  # fmt: skip
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")


def doctor(
    store: StoreDirectory = DEFAULT_STORE,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """Include the output in a bug report."""
    with registered(plugin, no_plugin) as registry:
        document = examine(registry, store)
    if as_json:
        print_json(document)
    else:
        typer.echo(pages.page(document, terminal_width(), colour=coloured()), nl=False)


def examine(registry: Registry, store: Path) -> Document:
    """Return the report, section by section."""
    return {
        "machine": _machine(),
        "versions": {
            "python": platform.python_version(),
            **{name: _version(name) for name in _PACKAGES},
        },
        "devices": {**_devices(), **_slots()},
        "plugins": [_plugin(info) for info in registry.plugins],
        "store": _store(store),
        "data": _data(),
    }


def _machine() -> Document:
    import psutil

    from symbench.runs import provenance
    from symbench.runs.executors.capacity import usable_cores

    memory = psutil.virtual_memory()
    described = provenance.machine("cpu")
    return {
        "class": described.machine,
        "usable_cpus": usable_cores(),
        "memory_gib": round(memory.total / 2**30, 1),
        "free_memory_gib": round(memory.available / 2**30, 1),
        "git": described.git,
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _devices() -> Document:
    import torch

    cuda = torch.cuda.is_available()
    count = torch.cuda.device_count() if cuda else 0
    return {
        "cuda": cuda,
        "cuda_built": torch.version.cuda,  # None if torch was built without CUDA
        "gpus": [_gpu(index) for index in range(count)],
        "tf32": bool(torch.backends.cuda.matmul.allow_tf32),
        "threads": torch.get_num_threads(),
        "environment": {name: os.environ[name] for name in _THREAD_VARIABLES if name in os.environ},
    }


def _gpu(index: int) -> str:
    import torch

    known = torch.cuda.get_device_properties(index)
    return f"{known.name}, {known.total_memory / 2**30:.0f} GiB"


def _slots() -> Document:
    """How many cells would run in parallel by default, and with how many threads each."""
    import torch

    from symbench.runs.executors.capacity import (
        gpu_slots,
        jobs_within,
        threads_per_job,
        usable_cores,
    )

    cores = usable_cores()
    jobs = jobs_within(cores)
    share = min(threads_per_job(cores, jobs), torch.get_num_threads())
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    totals = [torch.cuda.get_device_properties(i).total_memory for i in range(count)]
    return {
        "cores": cores,
        "jobs": jobs,
        "threads_per_job": share,
        "cells_per_gpu": [f"{gpu_slots(t, 2**30)} of 1 GiB each" for t in totals],
    }


def _plugin(info: PluginInfo) -> Document:
    known = {**asdict(info), "registered": len(info.registered)}
    return {key: value for key, value in known.items() if value is not None}


def _store(path: Path) -> Document:
    """Count the records by status; report a store that cannot be read instead of failing."""
    store = Store(path)
    try:
        records = store.records()
    except StoreError as error:
        return {"path": str(path), "problem": str(error)}
    return {
        "path": str(path.resolve()),
        "exists": path.exists(),
        "cells": dict(sorted(Counter(record.status for record in records).items())),
        "tiers": dict(sorted(Counter(record.identity.tier for record in records).items())),
        "set_aside": [str(file) for file in store.set_aside()],
        "warnings": store.warnings,
    }


def _data() -> Document:
    path = data_directories()[0]
    entries = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    return {"path": str(path), "exists": path.is_dir(), "entries": entries}
