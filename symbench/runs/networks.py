"""The trained networks of a cell as the content of a safetensors file, and back.

A network is kept as its parameters and buffers. To rebuild it, the untrained network of its trial
is built again, and the kept values are written into it. So nothing in a file is ever executed. What
a network holds besides (plain attributes, another architecture than ``build`` returns) is not in
the file. A network is therefore kept only if the rebuilt one differs from it in nothing and gives
the same outputs for a few test inputs. These inputs and outputs are kept too, so that the same is
checked wherever the network is rebuilt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from symbench.contract import Data, Model
from symbench.contract.modules import difference, named_tensors
from symbench.errors import InputError
from symbench.metrics.network import spaced
from symbench.records.record import KeptNetworks
from symbench.registry.card import one_line
from symbench.runs.protocol import KeepNetworks
from symbench.runs.score import predict, seeded_evaluation
from symbench.training.building import untrained
from symbench.training.setup import TrainingSetup, Trial, TrialKey

LARGEST = 2**28  # bytes of the networks of one cell
_TOO_LARGE = f"the networks of the cell exceed {LARGEST / 2**20:.0f} MiB"
_INPUTS = "inputs"  # the test inputs for which outputs are kept
_PROBES = 16
_ROUNDING = 1e-4  # of the largest output: another machine or device sums in another order

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Rebuilt:
    """A trained network, and the model that built it."""

    model: Model
    module: nn.Module


def name_of(key: TrialKey) -> str:
    """Return the name of a trial's network in its file."""
    return f"{key.n_train}.{key.seed}"


def kept(
    setup: TrainingSetup, trials: Sequence[Trial], which: KeepNetworks
) -> tuple[bytes, KeptNetworks]:
    """Return the file's content (empty if no network can be kept), and what the record says of it.

    Networks at the largest n_train come first; those that would exceed 256 MiB are declined.

    Args:
        setup: that of the cell.
        trials: trained, each with a module of its own.
        which: ``all``, or ``largest`` for the trials at the largest n_train.
    """
    largest = setup.largest(trials)
    wanted = [t for t in trials if which == "all" or t.key.n_train == largest]
    inputs = spaced(setup.draws.test().x, _PROBES)
    tensors, declined, names = {_INPUTS: inputs.contiguous()}, dict[str, str](), list[str]()
    room = LARGEST - inputs.nbytes
    for trial in sorted(wanted, key=lambda trial: -trial.key.n_train):
        name = name_of(trial.key)
        try:
            own = _tensors_of(setup, trial, inputs)
            size = sum(tensor.nbytes for tensor in own.values())
            if size > room:
                raise InputError(_TOO_LARGE)
        except Exception as error:  # a plugin may raise anything when its network is built again
            declined[name] = str(error) if isinstance(error, InputError) else one_line(error)
            continue
        tensors, room = {**tensors, **own}, room - size
        names.append(name)
    return _filed(tensors, names, declined, "all" if which == "all" else "largest")


def merged(files: Sequence[tuple[bytes, KeptNetworks]]) -> tuple[bytes, KeptNetworks]:
    """Return the file of a cell from those of its sizes, as ``kept`` makes it of all trials."""
    tensors, declined, names = dict[str, Tensor](), dict[str, str](), list[str]()
    for content, about in files:
        tensors |= load(content) if content else {}
        declined |= about.declined
        names += about.trials
    room = LARGEST - (tensors[_INPUTS].nbytes if names else 0)
    fitting: list[str] = []
    for name in sorted(names, key=lambda name: -int(name.partition(".")[0])):
        own = [key for key in tensors if key == _outputs(name) or key.startswith(_state(name, ""))]
        size = sum(tensors[key].nbytes for key in own)
        if size > room:
            declined[name] = _TOO_LARGE
            tensors = {key: tensor for key, tensor in tensors.items() if key not in own}
            continue
        room -= size
        fitting.append(name)
    return _filed(tensors, fitting, declined, files[0][1].which)


def _filed(
    tensors: Tensors, names: list[str], declined: dict[str, str], which: Literal["all", "largest"]
) -> tuple[bytes, KeptNetworks]:
    content = save(dict(tensors)) if names else b""
    sha256 = hashlib.sha256(content).hexdigest() if content else ""
    return content, KeptNetworks(
        which=which, trials=names, declined=declined, bytes=len(content), sha256=sha256
    )


def rebuilt(setup: TrainingSetup, key: TrialKey, tensors: Tensors) -> Rebuilt:
    """Return the network of a trial from the tensors of its cell's file.

    Raises:
        InputError: the file does not hold it, the network that is built here has other tensors, or
            its outputs differ from those that are kept.
    """
    name = name_of(key)
    if _outputs(name) not in tensors or _INPUTS not in tensors:
        raise InputError(f"the file has no network of n_train {key.n_train}, seed {key.seed}")
    prefix = _state(name, "")
    state = {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
    network = _with_state(setup, key, state)
    _require_outputs(setup, key, network.module, tensors[_INPUTS], tensors[_outputs(name)])
    return network


def _tensors_of(setup: TrainingSetup, trial: Trial, inputs: Tensor) -> dict[str, Tensor]:
    """Return what is kept of a trial.

    Raises:
        InputError: the network cannot be rebuilt from its parameters and buffers.
    """
    if trial.diverged:
        raise InputError("it diverged")
    state = {name: _own(tensor) for name, tensor in named_tensors(trial.module).items()}
    network = _with_state(setup, trial.key, state)
    for what, ours, theirs in (
        ("the network", trial.module, network.module), ("the model", trial.model, network.model),
    ):  # fmt: skip
        if place := difference(ours, theirs):
            raise InputError(f"{what} holds more than parameters and buffers: {place}")
    outputs = _own(_evaluated(setup, trial.key, trial.module, inputs))
    _require_outputs(setup, trial.key, network.module, inputs, outputs)
    name = name_of(trial.key)
    tensors = {_outputs(name): outputs, **{_state(name, k): t for k, t in state.items()}}
    save(tensors)  # raises for a type that the format does not have
    return tensors


def _own(tensor: Tensor) -> Tensor:
    """Return a copy on the CPU that shares no memory."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)


def _state(name: str, tensor: str) -> str:
    return f"state/{name}/{tensor}"


def _outputs(name: str) -> str:
    return f"outputs/{name}"


@torch.no_grad()
def _with_state(setup: TrainingSetup, key: TrialKey, state: Tensors) -> Rebuilt:
    """Return the trial's network as ``build`` returns it, with the values of the state.

    Raises:
        InputError: it has other parameters or buffers.
    """
    model, module = untrained(setup, key)
    places = named_tensors(module)
    if unknown := sorted(places.keys() ^ state.keys()):
        raise InputError(f"the network that build returns differs from the trained: {unknown[0]}")
    for name, place in places.items():
        value = state[name].to(place.device)
        if (place.shape, place.dtype) != (value.shape, value.dtype):
            raise InputError(f"the network that build returns has another shape of {name}")
        if not torch.equal(place, value):  # an unchanged one may share its memory
            place.copy_(value)
    return Rebuilt(model, module.eval())


def _evaluated(setup: TrainingSetup, key: TrialKey, module: nn.Module, inputs: Tensor) -> Tensor:
    x = inputs.to(setup.device)
    with seeded_evaluation(setup.task, key.seed, module):
        return predict(module, Data(x, x))


def _require_outputs(
    setup: TrainingSetup, key: TrialKey, module: nn.Module, inputs: Tensor, outputs: Tensor
) -> None:
    """Raise InputError unless the module gives the outputs for the inputs."""
    found = _evaluated(setup, key, module, inputs).cpu()
    if found.shape != outputs.shape:
        raise InputError("the rebuilt network returns outputs of another shape")
    gap, size = float((found - outputs).abs().max()), float(outputs.abs().max())
    if not gap <= _ROUNDING * size:
        raise InputError(
            f"the rebuilt network gives other outputs: they differ by {gap:.2g}, where the largest "
            f"is {size:.2g}"
        )
