"""Many small networks of one architecture, each trained on its own pair of graphs, at once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

State = dict[str, Tensor]

_ROUNDING = 256  # units by which relabelling may change an output: 3e-5 in float32


@dataclass(frozen=True)
class Protocol:
    """BREC's paired comparison, with the constants of its code.

    Attributes:
        epochs: passes over the relabelings, at most.
        pairs_a_batch: pairs of relabelings in a batch; batches are not shuffled.
        learning_rate: of Adam; divided by ten when the loss has not fallen for ten epochs.
        weight_decay: of Adam, as an L2 penalty.
        stop_below: mean loss of an epoch that ends the training.
        level: of the Hotelling test.
        include_q: whether T² has its factor q, which the published code leaves out: its level is
            then 5e-12 and not the stated 0.05.
        thin: train a network that is invariant on the first pair of every batch alone. The pairs
            of a batch are relabelings of one pair, so that loss and gradient are the same, to
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
    """Networks with stacked parameters [T, ...], evaluated on inputs [T, n, ...] together."""

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
        if self.size == 1:  # needs no vectorising, so that any module will do
            return self._one(_first(self.parameters), _first(self.buffers), x[0])[None]
        return vmap(self._one, randomness="different")(self.parameters, self.buffers, x)

    def _one(self, parameters: State, buffers: State, x: Tensor) -> Tensor:
        y: Tensor = functional_call(self._base, (parameters, buffers), (x,))
        return y.flatten(1)

    def part(self, members: Tensor) -> Fleet:
        """Return copies of some networks, by their numbers, as a smaller fleet of one mode."""
        some = copy(self)
        some.size = len(members)
        some.parameters = {
            name: p.detach()[members].requires_grad_(p.requires_grad)
            for name, p in self.parameters.items()
        }
        some.buffers = {name: b[members] for name, b in self.buffers.items()}
        return some

    @torch.no_grad()
    def put(self, members: Tensor, some: Fleet) -> None:
        """Take over the parameters and buffers of a part of these members."""
        for own, theirs in ((self.parameters, some.parameters), (self.buffers, some.buffers)):
            for name, tensor in own.items():
                tensor[members] = theirs[name]


def _first(state: State) -> State:
    return {name: tensor[0] for name, tensor in state.items()}


def stacks(modules: Sequence[nn.Module], x: Tensor) -> bool:
    """Whether networks of this kind take inputs x [T, n, ...] together, in training mode too."""
    if len(modules) < 2 or any(
        isinstance(m, nn.modules.batchnorm._BatchNorm) for m in modules[0].modules()
    ):
        return False
    try:
        with torch.no_grad():
            Fleet(modules[:2]).train()(x[:2, :2])
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError):  # what vmap raises for what it cannot do
        return False
    return True


class Pace:
    """What is left of each network's learning rate: 1, less after a plateau, 0 once it is done.

    A network is done when the mean loss of an epoch falls below ``stop_below``. The learning rate
    falls tenfold when the loss has not been lower by 0.01 % for more than ten epochs, as that of
    torch's ``ReduceLROnPlateau`` does.
    """

    _PATIENCE, _FACTOR, _THRESHOLD = 10, 0.1, 1e-4

    def __init__(self, size: int, protocol: Protocol, like: Tensor) -> None:
        self.factor = torch.ones(size, dtype=like.dtype, device=like.device)
        self._least = torch.full_like(self.factor, float("inf"))
        self._waited = torch.zeros_like(self.factor)
        self._stop_below = protocol.stop_below

    def look(self, losses: Tensor) -> None:
        """Take note of the mean loss [T] of an epoch."""
        better = losses < self._least * (1 - self._THRESHOLD)
        self._least = torch.where(better, losses, self._least)
        self._waited = torch.where(better, 0, self._waited + 1)
        late = self._waited > self._PATIENCE
        self._waited = torch.where(late, 0, self._waited)
        self.factor = torch.where(late, self.factor * self._FACTOR, self.factor)
        self.factor = torch.where(losses < self._stop_below, 0, self.factor)

    @property
    def over(self) -> bool:
        """Whether all are done."""
        return not bool(self.factor.any())

    def part(self, members: Tensor) -> Pace:
        """Return the pace of some networks, by their numbers."""
        some = copy(self)
        some.factor, some._least = self.factor[members], self._least[members]
        some._waited = self._waited[members]
        return some


class _Training:
    """Adam on a fleet, of whose steps each network keeps its own part."""

    def __init__(self, fleet: Fleet, protocol: Protocol) -> None:
        self.fleet, self._protocol = fleet, protocol
        self._parameters = [p for p in fleet.parameters.values() if p.requires_grad]
        self._optimiser = torch.optim.Adam(
            self._parameters, lr=protocol.learning_rate, weight_decay=protocol.weight_decay
        )

    def epoch(self, x: Tensor, factor: Tensor) -> Tensor:
        """Take a step a batch of x [T, 2q, ...]; return the networks' mean losses [T]."""
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
        """Take a step of which each network keeps its own part; Adam's is linear in the rate."""
        if bool((factor == 1).all()):
            self._optimiser.step()
            return
        before = [p.detach().clone() for p in self._parameters]
        self._optimiser.step()
        for old, p in zip(before, self._parameters, strict=True):
            p.copy_(torch.lerp(old, p, factor.view(-1, *[1] * (p.dim() - 1))))

    def part(self, members: Tensor) -> _Training:
        """Return the training of some networks, by their numbers, where it stands."""
        some = _Training(self.fleet.part(members), self._protocol)
        for old, new in zip(self._parameters, some._parameters, strict=True):
            some._optimiser.state[new] = {
                name: value[members] if value.dim() else value.clone()
                for name, value in self._optimiser.state[old].items()
            }
        return some


def train_apart(modules: Sequence[nn.Module], x: Tensor, protocol: Protocol) -> Fleet:
    """Train network i to give the two graphs in x[i] [2q, ...] embeddings of cosine <= 0.

    x holds relabelings A0 B0 A1 B1 …; the loss of a batch is the mean of max(0, cos(f(A), f(B))).
    A network depends on its own pair alone, except that random numbers are shared out among the
    fleet. One that is done leaves the fleet and costs nothing any more. The modules stay as they
    are.

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
        going = pace.factor.nonzero().flatten()
        if len(going) == len(members):
            continue
        whole.put(members, training.fleet)
        if pace.over:
            break
        members, x = members[going], x[going]
        training, pace = training.part(going), pace.part(going)
    whole.put(members, training.fleet)
    return whole.train(mode=False)


def thinned(x: Tensor, protocol: Protocol) -> Tensor:
    """Return the first pair of every batch of x [T, 2q, ...], A0 B0 A8 B8 …: [T, 2b, ...]."""
    batches = x.split(2 * protocol.pairs_a_batch, dim=1)
    return torch.cat([batch[:, :2] for batch in batches], 1)


def invariant(y: Tensor) -> Tensor:
    """Whether embeddings y [T, 2q, d] of A0 B0 A1 B1 … depend on A and B alone, to rounding: [T].

    That is by at most 256 rounding units of the largest output of a network.
    """
    spread = torch.cat([half.amax(1) - half.amin(1) for half in (y[:, 0::2], y[:, 1::2])], 1)
    bound = _ROUNDING * torch.finfo(y.dtype).eps * y.abs().amax((1, 2))
    return (spread.amax(1) <= bound) & y.isfinite().flatten(1).all(1)


def cosine_losses(y: Tensor) -> Tensor:
    """Return the mean [T] of max(0, cosine) between neighbours of the embeddings y [T, 2b, d]."""
    return functional.cosine_similarity(y[:, 0::2], y[:, 1::2], dim=-1).clamp(min=0).mean(1)
