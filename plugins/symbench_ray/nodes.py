"""Connect to a Ray cluster, or start one, and inspect its nodes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import symbench
from symbench import InputError
from symbench.executor import jobs_within, usable_cores

_REACH_SECONDS = 5.0
_ANSWER_SECONDS = 120.0  # a node's first worker imports torch, maybe from a slow shared disk


@dataclass(frozen=True)
class Nodes:
    """The device of the cells, the cores of the largest node, and the bytes of the smallest GPU."""

    device: str
    cores: int
    gpu_bytes: float


@contextmanager
def connected(address: str | None, jobs: int | None) -> Iterator[Any]:
    """Connect to the cluster at ``address`` and yield the module ``ray``.

    If neither ``address`` nor ``RAY_ADDRESS`` is set, a cluster on this machine is started, and
    stopped afterwards. An existing connection of the process is used and left open.

    Raises:
        InputError: Ray is not installed, or there is no cluster at the address.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        ray: Any = import_module("ray")
    except ImportError as error:
        raise InputError("executor 'ray' needs Ray: pip install symbench[ray]") from error
    if ray.is_initialized():
        yield ray
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    _open(ray, address, jobs)
    try:
        yield ray
    finally:
        ray.shutdown()


def _open(ray: Any, address: str, jobs: int | None) -> None:
    quietly = {"logging_level": "ERROR", "log_to_driver": False, "include_dashboard": False}
    if address == "local":
        ray.init(address="local", num_cpus=jobs_within(usable_cores(), jobs), **quietly)
        return
    if address != "auto":
        check_port(address)
    try:
        ray.init(address=address, **quietly)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _unreachable(address, str(error)) from error


def check_port(address: str) -> None:
    """Reject an address where nothing listens; Ray itself would retry for a minute."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise InputError(f"--ray-address {address!r}: give host:port, such as 10.0.0.1:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error


def _unreachable(address: str, why: str) -> InputError:
    first = " ".join(why.split())[:300]
    return InputError(
        f"no Ray cluster can be used at {address!r} ({first}): "
        "start one with `ray start --head`, or omit --ray-address; a cluster that requires a "
        "token needs RAY_AUTH_MODE=token here too"
    )


def environment() -> dict[str, Any]:
    """Return a worker's environment: one thread per cell, and the driver's choice of plugins."""
    passed = {name: os.environ[name] for name in ("SYMBENCH_PLUGINS",) if name in os.environ}
    return {"env_vars": {"OMP_NUM_THREADS": "1"} | passed}


def inspect_nodes(ray: Any, device: str) -> Nodes:
    """Ask every node for its version and its GPUs, and decide the device.

    Raises:
        InputError: an unknown device, CUDA without a GPU, or a node that cannot run symbench.
    """
    alive = [node for node in ray.nodes() if node["Alive"]]
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"unknown device {device!r}: choose auto, cpu or cuda")
    with_gpu = [node for node in alive if node["Resources"].get("GPU", 0) > 0]
    if device == "cuda" and not with_gpu:
        raise InputError("device 'cuda': no node of the cluster has a GPU; choose --device cpu")
    chosen = "cuda" if with_gpu and device != "cpu" else "cpu"
    gpu_bytes = _ask(ray, alive, with_gpu if chosen == "cuda" else [])
    cores = max((int(node["Resources"].get("CPU", 0)) for node in alive), default=1)
    return Nodes(chosen, max(1, cores), gpu_bytes)


def _ask(ray: Any, alive: list[Any], with_gpu: list[Any]) -> float:
    """Return the bytes of the smallest GPU, after checking the version on every node."""
    strategies = import_module("ray.util.scheduling_strategies")
    question = ray.remote(max_calls=1)(describe)  # a worker that is kept would hold a CUDA context
    asked = {}
    for node in alive:
        where = strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        share = 0.01 if node in with_gpu else 0  # Ray hides GPUs from other tasks
        at_node = question.options(
            num_cpus=0, num_gpus=share, scheduling_strategy=where, runtime_env=environment()
        )
        asked[node["NodeManagerAddress"], node["NodeID"]] = at_node.remote(gpu=node in with_gpu)
    smallest = float("inf")
    for (host, _), reference in asked.items():
        try:
            version, gpu_bytes = ray.get(reference, timeout=_ANSWER_SECONDS)
        except ray.exceptions.GetTimeoutError as error:
            raise InputError(
                f"node {host} did not answer within {_ANSWER_SECONDS:g} seconds: "
                "it may be busy with other work; wait, or choose another cluster"
            ) from error
        except ray.exceptions.RayError as error:
            last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise InputError(
                f"node {host} cannot run symbench ({last[:300]}): "
                "give it the same symbench[ray], torch and drivers as the others"
            ) from error
        if version != symbench.__version__:
            raise InputError(
                f"node {host} has symbench {version}, this machine {symbench.__version__}: "
                "install the same version on every node"
            )
        smallest = min(smallest, gpu_bytes)
    return smallest


def describe(*, gpu: bool) -> tuple[str, float]:
    """Return a node's symbench version and the bytes of its first GPU (infinite without a GPU).

    Raises:
        RuntimeError: the node has a GPU that torch cannot use.
    """
    if not gpu:
        return symbench.__version__, float("inf")
    import torch

    if not torch.cuda.is_available():
        raise RuntimeError("it has a GPU that its torch cannot use")
    return symbench.__version__, float(torch.cuda.get_device_properties(0).total_memory)
