"""Trains many small networks of one architecture together, each on its own pair of graphs."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

from symbench.contract.stacked import alike, probe

State = dict[str, Tensor]

_ROUNDING = 256  # rounding units by which relabelling may change an output: 3e-5 in float32


@dataclass(frozen=True)
class Protocol:
    """BREC's paired comparison, with the constants of its code.

    Attributes:
        epochs: the largest number of passes over the relabelings.
        pairs_a_batch: pairs of relabelings per batch; batches are not shuffled.
        learning_rate: that of Adam; it is divided by ten if the loss has not fallen for ten epochs.
        weight_decay: that of Adam, as an L2 penalty.
        stop_below: training ends when the mean loss of an epoch is below this.
        level: the level of the Hotelling test.
        include_q: whether T² includes its factor q. The published code omits it, which makes the
            level 5e-12 instead of the stated 0.05.
        thin: whether an invariant network is trained only on the first pair of every batch. The
            pairs of a batch are relabelings of one pair, so loss and gradient are the same up to
            rounding, at an eighth of the cost.
    """

    epochs: int = 20
    pairs_a_batch: int = 8
    learning_rate: float = 1e-4
    weight_decay: float = 1e-4
    stop_below: float = 0.2
    level: float = 0.05
    include_q: bool = False
    thin: bool = True


class Fleet:
    """Networks with stacked parameters [T, ...], evaluated together on inputs [T, n, ...]."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._base = deepcopy(modules[0])
        self.parameters, self.buffers = stack_module_state(list(modules))
        self.size = len(modules)

    def train(self, mode: bool = True) -> Fleet:
        """Set the networks to training or evaluation mode."""
        self._base.train(mode)
        return self

    def __call__(self, x: Tensor) -> Tensor:
        """Return the embeddings [T, n, d] of inputs x [T, n, ...]."""
        if self.size == 1:  # without vmap, so that any module works
            return self._single(x[0])[None]
        return vmap(self._one, randomness="different")(self.parameters, self.buffers, x)

    def _one(self, parameters: State, buffers: State, x: Tensor) -> Tensor:
        y: Tensor = functional_call(self._base, (parameters, buffers), (x,))
        return y.flatten(1)

    def _single(self, x: Tensor) -> Tensor:
        """Evaluate the only network, and keep the buffers that the call replaces."""
        state = {name: t[0] for name, t in {**self.parameters, **self.buffers}.items()}
        y: Tensor = functional_call(self._base, state, (x,))
        self.buffers = {name: state[name].detach()[None] for name in self.buffers}
        return y.flatten(1)

    def part(self, members: Tensor) -> Fleet:
        """Return copies of the given networks as a smaller fleet in the same mode."""
        selected = copy(self)
        selected.size = len(members)
        selected.parameters = {
            name: p.detach()[members].requires_grad_(p.requires_grad)
            for name, p in self.parameters.items()
        }
        selected.buffers = {name: b[members] for name, b in self.buffers.items()}
        return selected

    @torch.no_grad()
    def put(self, members: Tensor, part: Fleet) -> None:
        """Copy the parameters and buffers of ``part``, the fleet of these members, into this."""
        for whole, new in ((self.parameters, part.parameters), (self.buffers, part.buffers)):
            for name, tensor in whole.items():
                tensor[members] = new[name]


def stacks(modules: Sequence[nn.Module], x: Tensor) -> bool:
    """Whether vmap can evaluate these networks on inputs x [T, n, ...], also in training mode.

    Networks that keep more than parameters and buffers, or whose calls assign attributes, are
    trained one by one, because a fleet has only the attributes of its first network.
    """
    if len(modules) < 2 or any(
        isinstance(m, nn.modules.batchnorm._BatchNorm) for m in modules[0].modules()
    ):
        return False
    try:
        if not alike(modules) or probe(modules[0], x[0, :2]).assigns:
            return False
        with torch.no_grad():
            Fleet(modules[:2]).train()(x[:2, :2])
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError):  # raised by vmap for unsupported code
        return False
    return True


class Pace:
    """The factor of each network's learning rate: 1, smaller after plateaus, and 0 at the end.

    A network is finished when the mean loss of an epoch falls below ``stop_below``. The learning
    rate is divided by ten when the loss has not improved by 0.01 % for more than ten epochs, as by
    torch's ``ReduceLROnPlateau``.
    """

    _PATIENCE, _FACTOR, _THRESHOLD = 10, 0.1, 1e-4

    def __init__(self, size: int, protocol: Protocol, like: Tensor) -> None:
        self.factor = torch.ones(size, dtype=like.dtype, device=like.device)
        self._least = torch.full_like(self.factor, float("inf"))
        self._waited = torch.zeros_like(self.factor)
        self._stop_below = protocol.stop_below

    def look(self, losses: Tensor) -> None:
        """Update the factors from the mean loss [T] of an epoch."""
        better = losses < self._least * (1 - self._THRESHOLD)
        self._least = torch.where(better, losses, self._least)
        self._waited = torch.where(better, 0, self._waited + 1)
        late = self._waited > self._PATIENCE
        self._waited = torch.where(late, 0, self._waited)
        self.factor = torch.where(late, self.factor * self._FACTOR, self.factor)
        self.factor = torch.where(losses < self._stop_below, 0, self.factor)

    @property
    def over(self) -> bool:
        """Whether all networks are finished."""
        return not bool(self.factor.any())

    def part(self, members: Tensor) -> Pace:
        """Return the state of the given networks."""
        selected = copy(self)
        selected.factor, selected._least = self.factor[members], self._least[members]
        selected._waited = self._waited[members]
        return selected


class _Training:
    """Adam on a fleet, with a factor of the learning rate for each network."""

    def __init__(self, fleet: Fleet, protocol: Protocol) -> None:
        self.fleet, self._protocol = fleet, protocol
        self._parameters = [p for p in fleet.parameters.values() if p.requires_grad]
        self._optimiser = torch.optim.Adam(
            self._parameters, lr=protocol.learning_rate, weight_decay=protocol.weight_decay
        )

    def epoch(self, x: Tensor, factor: Tensor) -> Tensor:
        """Take one step per batch of x [T, 2q, ...]; return the networks' mean losses [T]."""
        total = torch.zeros_like(factor)
        for batch in x.split(2 * self._protocol.pairs_a_batch, dim=1):
            losses = cosine_losses(self.fleet(batch))
            self._optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(losses.sum())
            self._step(factor)
            total += losses.detach() * batch.shape[1] / x.shape[1]
        return total

    @torch.no_grad()
    def _step(self, factor: Tensor) -> None:
        """Take a step scaled by each network's factor; Adam is linear in the learning rate."""
        if bool((factor == 1).all()):
            self._optimiser.step()
            return
        before = [p.detach().clone() for p in self._parameters]
        self._optimiser.step()
        for old, p in zip(before, self._parameters, strict=True):
            p.copy_(torch.lerp(old, p, factor.view(-1, *[1] * (p.dim() - 1))))

    def part(self, members: Tensor) -> _Training:
        """Return the training of the given networks, in its current state."""
        selected = _Training(self.fleet.part(members), self._protocol)
        for old, new in zip(self._parameters, selected._parameters, strict=True):
            selected._optimiser.state[new] = {
                name: value[members] if value.dim() else value.clone()
                for name, value in self._optimiser.state[old].items()
            }
        return selected


def train_apart(modules: Sequence[nn.Module], x: Tensor, protocol: Protocol) -> Fleet:
    """Train network i to give the two graphs in x[i] [2q, ...] embeddings of cosine <= 0.

    x consists of relabelings A0 B0 A1 B1 …. The loss of a batch is the mean of
    max(0, cos(f(A), f(B))).
    Each network depends only on its own pair, except that the fleet shares one stream of random
    numbers. A finished network is removed from the fleet, so it costs nothing more. The modules
    are not changed.

    Returns:
        The networks in evaluation mode.
    """
    whole = Fleet(modules).train()
    members = torch.arange(len(modules), device=x.device)
    if not any(p.requires_grad for p in whole.parameters.values()):
        return whole.train(mode=False)
    training = _Training(whole.part(members), protocol)
    pace = Pace(len(modules), protocol, next(iter(whole.parameters.values())))
    for _ in range(protocol.epochs):
        pace.look(training.epoch(x, pace.factor))
        active = pace.factor.nonzero().flatten()
        if len(active) == len(members):
            continue
        whole.put(members, training.fleet)
        if pace.over:
            break
        members, x = members[active], x[active]
        training, pace = training.part(active), pace.part(active)
    whole.put(members, training.fleet)
    return whole.train(mode=False)


def thinned(x: Tensor, protocol: Protocol) -> Tensor:
    """Return the first pair of every batch of x [T, 2q, ...], A0 B0 A8 B8 …: [T, 2b, ...]."""
    batches = x.split(2 * protocol.pairs_a_batch, dim=1)
    return torch.cat([batch[:, :2] for batch in batches], 1)


def invariant(y: Tensor) -> Tensor:
    """Whether embeddings y [T, 2q, d] of A0 B0 A1 B1 … depend only on A and B, up to rounding: [T].

    The tolerance is 256 rounding units of the largest output of each network.
    """
    spread = torch.cat([half.amax(1) - half.amin(1) for half in (y[:, 0::2], y[:, 1::2])], 1)
    bound = _ROUNDING * torch.finfo(y.dtype).eps * y.abs().amax((1, 2))
    return (spread.amax(1) <= bound) & y.isfinite().flatten(1).all(1)


def cosine_losses(y: Tensor) -> Tensor:
    """Return the mean [T] of max(0, cosine) between neighbours of the embeddings y [T, 2b, d]."""
    return functional.cosine_similarity(y[:, 0::2], y[:, 1::2], dim=-1).clamp(min=0).mean(1)
