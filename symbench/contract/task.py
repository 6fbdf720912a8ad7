"""A task: data with a symmetry, a loss and a headline error."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from symbench.contract.values import (
    SPLITS,
    Data,
    Discovery,
    Kind,
    Loss,
    Published,
    Split,
    Symmetry,
    of_tier,
    seeded,
)
from symbench.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from symbench.groups import Group

T = TypeVar("T", bound="Task")


class Task(ABC):
    """A data source with its symmetry, its loss and its headline error.

    ``loss`` is ``mse``, ``cross-entropy``, ``own`` or ``none``. A task of loss ``own`` defines
    ``objective`` and ``headline_error``, and states the error of a guess in ``chance``. A task of
    loss ``none`` trains nothing and tests what an architecture can express: its sizes may be (0,),
    its targets are zeros (output_shape is that of an embedding), and metrics of its plugin score
    it. ``headline`` names the score that ranks the models; higher is better.

    ``threshold`` is the ``error`` that counts as solved. ``sizes`` holds the values of n_train of
    each tier; ``()`` keeps the task out of a tier. ``updates`` replaces a tier's number of updates
    for every model. ``tiers`` overrides attributes for a tier, such as ``{"quick": {"test_size":
    100}}``. Where ``sizes`` and ``tiers`` do not name ``standard``, what they say of ``quick``
    holds; the number of updates is then that of the tier ``standard``. ``published`` holds results
    of papers. ``threshold_note`` says by tier why few learning curves cross the threshold inside
    the ladder.

    A model that selects among its networks sets a fifth of its n_train examples aside for that. A
    task that reproduces a published protocol may allow a separate validation set of ``valid_size``
    examples instead: ``separate_validation`` then says whose protocol it is.

    ``discovery`` is the kind of the task on the discovery board: ``broken`` if the symmetry holds
    only nearly, ``hidden`` if it acts by matrices that nobody would guess, ``finite`` if the group
    is. A task without it is of the kind ``continuous``, or a ``control`` if it has no symmetry.

    ``further_symmetries`` names symmetries of the exact target that ``symmetry`` does not declare,
    such as a scaling, in words.

    ``symmetry_known`` is False for measured data whose symmetry nobody has stated. A task without
    symmetry is a control unless it says so, and what a model finds there is false.

    ``rows`` holds the number of examples of each split where they are limited, such as those of a
    file; None if any number can be drawn. ``files`` holds the SHA-256 of each file that the data
    are read from, by its name: a record states them.

    ``floor`` is the smallest expected ``error`` of a model that imposes a symmetry larger than the
    true one: ``told`` if that is larger, otherwise ``ambient``.

    For trajectories, ``times`` is the grid of the targets [n, times, size]. ``rollout`` is a longer
    grid (usually ten times the horizon), over which conservation is scored for modules that can
    ``flow``. ``periods`` holds the period of each input coordinate, 0 for one that is not an angle.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str] = ""
    kind: ClassVar[Kind] = "vectors"
    loss: ClassVar[Loss] = "mse"
    headline: ClassVar[str] = ""
    chance: ClassVar[float] = 1.0
    threshold: ClassVar[float] = 0.0
    threshold_note: ClassVar[Mapping[str, str]] = {}
    sizes: ClassVar[Mapping[str, tuple[int, ...]]]
    updates: ClassVar[Mapping[str, int]] = {}
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    input_shape: ClassVar[tuple[int, ...]]
    output_shape: ClassVar[tuple[int, ...]]
    times: ClassVar[tuple[float, ...]] = ()
    rollout: ClassVar[tuple[float, ...]] = ()
    periods: ClassVar[tuple[float, ...]] = ()
    baseline: ClassVar[str] = "mlp"
    test_size: ClassVar[int] = 4000
    valid_size: ClassVar[int] = 1000
    separate_validation: ClassVar[str] = ""
    discovery: ClassVar[Discovery | None] = None
    published: ClassVar[tuple[Published, ...]] = ()
    further_symmetries: ClassVar[tuple[str, ...]] = ()
    floor: ClassVar[float | None] = None
    symmetry_known: ClassVar[bool] = True
    rows: ClassVar[Mapping[Split, int] | None] = None
    files: ClassVar[Mapping[str, str]] = {}

    @property
    @abstractmethod
    def symmetry(self) -> Symmetry | None:
        """The task's symmetry; None for a control that has none."""

    @property
    def told(self) -> Symmetry | None:
        """The symmetry that models of prior ``told`` are given: the true one unless overridden.

        A task that measures the cost of a wrong prior tells one that the target does not have.
        """
        return self.symmetry

    def for_tier(self, tier: str) -> Self:
        """Return the task with the tier's overrides, or the task itself if there are none."""
        return _overridden(self, tier) if of_tier(self.tiers, tier) else self

    def sizes_in(self, tier: str) -> tuple[int, ...] | None:
        """Return the values of n_train of a tier; None if the task does not name the tier."""
        return of_tier(self.sizes, tier)

    @property
    def ambient(self) -> Group | None:
        """A larger group acting on the same space, for models that impose more symmetry."""
        return None

    @abstractmethod
    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Draw n examples, which depend only on the arguments, the task's name and its version.

        It must return exactly n, or raise an error that says why it cannot.
        """

    def at_most(self, n: int, split: Split) -> int:
        """Return n, or the number of examples that the split has if that is smaller."""
        return n if self.rows is None else min(n, self.rows[split])

    def generator(self, seed: int, split: Split, purpose: str = "data") -> torch.Generator:
        """Return the generator that ``sample`` draws from."""
        return seeded(self.name, self.version, seed, split, purpose)

    def target(self, x: Tensor) -> Tensor | None:  # noqa: ARG002 - for overrides
        """Return the exact target without noise at any x, in the dtype of x; None if unknown."""
        return None

    def objective(self, prediction: Tensor, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """Return the differentiable loss [n] of each example, for a task of loss ``own``.

        The arguments are outputs [n, *output_shape], inputs and targets of one batch.
        """
        raise InputError(f"task {self.name} has loss = {self.loss!r}: define objective")

    def headline_error(self, prediction: Tensor, test: Data) -> float:  # noqa: ARG002
        """Return the ``error`` of a task of loss ``own``: 0 is perfect, ``chance`` is a guess."""
        raise InputError(f"task {self.name} has loss = {self.loss!r}: define headline_error")

    def paper_error(self, prediction: Tensor, y: Tensor) -> float | None:  # noqa: ARG002
        """Return the error as published papers define it, if it differs from ``error``."""
        return None

    def candidate_algebra(self) -> Tensor | None:
        """Return the basis [m, d, d] in which discovery is scored; None means gl(V)."""
        return None

    def layout(self) -> Symmetry | None:
        """Return how GL(V) acts on the inputs and outputs, which shows where the copies of V are.

        For ``vectors`` this is all that a model of prior ``discovers`` sees of the symmetry. A
        control without symmetry may state a layout too.
        """
        from symbench.groups import GL

        known = self.symmetry
        if self.kind != "vectors" or known is None:
            return None
        try:
            everything = GL(known.group.dim)
            return Symmetry(
                everything, known.input.rebind(everything), known.output.rebind(everything)
            )
        except InputError:  # a direct product whose factors act on separate coordinates
            return None

    def attainable(self, parametrisation: str) -> Tensor | None:  # noqa: ARG002
        """Return the generators [k, d, d] of the exact solution in a model's parametrisation.

        Their score is shown as the reference of a model's score. None if they are not known.
        """
        return None

    def pixel_order(self) -> Tensor | None:
        """Return the row-major pixel index [d] of each coordinate of an image; None for others."""
        return None

    def is_local(self) -> bool:
        """Whether the data can be drawn without a download."""
        return True

    def available(self) -> str | None:
        """Return why the data are missing on this machine and what to do; None if they are here."""
        return None

    def conserved(self, trajectory: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the conserved quantities [n, times] along trajectories [n, times, size]."""
        return {}

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint_of_draws(self)

    def fingerprint(self) -> str:
        """Return 16 hex digits that change with the data and with the symmetry."""
        return self._fingerprint


def fingerprint_of_draws(task: Task, *parts: str) -> str:
    """Return 16 hex digits for a small draw of every split, the symmetry, and further ``parts``.

    Numbers count to 1e-4 of the largest of their tensor, in any unit, because processors round
    differently. Smaller differences, and examples beyond the first 32, are not visible here; the
    hash of the task's source shows them if the code has changed.
    """
    digest = hashlib.sha256("\n".join([task.name, task.version, *parts]).encode())
    with _one_thread():
        for split in SPLITS:
            data = task.sample(task.at_most(32, split), 0, split)
            digest.update(_rounded(data.x) + _rounded(data.y))
        digest.update(_facts(task.symmetry))
        if task.told != task.symmetry:
            digest.update(b"told" + _facts(task.told))
    return digest.hexdigest()[:16]


def _facts(symmetry: Symmetry | None) -> bytes:
    """Return the names, representations and generators of a symmetry; nothing for none."""
    if symmetry is None:
        return b""
    group = symmetry.group
    named = repr((group, symmetry.input, symmetry.output, symmetry.bodies)).encode()
    return named + _rounded(group.algebra) + _rounded(group.discrete)


def _rounded(tensor: Tensor) -> bytes:
    """Return a tensor's type, shape, scale (a power of two), and entries to 1e-4 of the scale."""
    exact = tensor.detach().cpu().double()
    largest = float(exact.abs().max()) if exact.numel() else 0.0
    exponent = math.frexp(largest)[1] - 1 if math.isfinite(largest) else 0
    entries = (exact / 2.0**exponent).nan_to_num().mul(1e4).round().long()
    return f"{tensor.dtype} {tuple(tensor.shape)} {exponent}".encode() + entries.numpy().tobytes()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread; on small tensors, several threads mostly wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@lru_cache(maxsize=256)  # a plan calls it for every model
def _overridden(task: T, tier: str) -> T:
    """Return the task with the tier's attributes, and without values of cached properties."""
    overridden = copy(task)
    cls = type(task)
    for attribute in list(vars(overridden)):
        if isinstance(getattr(cls, attribute, None), cached_property):
            delattr(overridden, attribute)
    changed = dict(of_tier(task.tiers, tier) or {})
    for attribute, value in changed.items():
        setattr(overridden, attribute, value)
    vars(overridden)["_overrides"] = changed  # part of the key of cached draws
    return overridden
