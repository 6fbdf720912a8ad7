"""EMLP: equivariant multilayer perceptrons for the task's group, or for a given group."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

from torch import nn

from symbench import InputError, Model, Prior, Problem, Recipe, Symmetry
from symbench.groups import SO, Group, O, Representation, Trivial
from symbench_emlp.channels import uniform_channels
from symbench_emlp.layers import EquivariantBlock
from symbench_emlp.linear import EquivariantLinear
from symbench_emlp.network import Chain, Network

REFERENCE = (
    "Finzi, Welling, Wilson 2021, A Practical Method for Constructing Equivariant Multilayer "
    "Perceptrons for Arbitrary Matrix Groups, ICML (arXiv:2104.09459)"
)


@dataclass(frozen=True)
class EMLPConfig:
    """Hyper-parameters of an EMLP.

    There are ``channels`` hidden coordinates per layer, ``layers`` blocks before the last linear
    map, and at most ``copies`` mixtures of each type in the bilinear layers. ``weight_decay`` is
    that of AdamW. A larger value helps below a few hundred examples and costs accuracy above a
    thousand.
    """

    channels: int = 64
    layers: int = 3
    copies: int = 16
    learning_rate: float = 3e-3
    batch_size: int = 128
    weight_decay: float = 0.05


_RANK_3_OF_5 = 500  # channels from which uniform allocation in R⁵ includes tensors of rank 3


class Perceptron(Model):
    """The common part of all EMLPs, which differ only in the group that they respect."""

    version = "1"
    prior: ClassVar[Prior] = "told"
    reference = REFERENCE
    Config = EMLPConfig
    config: EMLPConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"channels": 32},
        "full": {"channels": 384, "copies": 64, "batch_size": 500},
    }
    selection = "best-valid"

    @abstractmethod
    def group(self, told: Symmetry) -> Group:
        """Return the group to respect on a task with the symmetry ``told``."""

    def accepts(self, problem: Problem) -> str | None:
        """Decline all but flat vectors with a known symmetry on which the group can act."""
        if problem.kind != "vectors":
            return f"{self.name} reads vectors, not {problem.kind} data"
        if problem.symmetry is None:
            return f"{self.name} needs to be told a symmetry, but the task has no symmetry"
        try:
            _, rep_in, rep_out = self._representations(problem.symmetry)
            uniform_channels(rep_in.group, self.config.channels)
        except InputError as error:
            return str(error)
        if (rep_in.size, rep_out.size) != (problem.input_size, problem.output_size):
            return (
                f"the symmetry maps {rep_in.size} to {rep_out.size} coordinates, but the task maps "
                f"{problem.input_size} to {problem.output_size}"
            )
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the network, in coordinates to be standardised by the training data.

        Raises:
            InputError: the problem has no symmetry, or its group has another dimension.
        """
        if problem.symmetry is None:
            raise InputError(f"{self.name} needs to be told a symmetry")
        group, rep_in, rep_out = self._representations(problem.symmetry)
        hidden = uniform_channels(group, self.config.channels)
        chain = [rep_in, *[hidden] * self.config.layers]
        copies = self.config.copies
        blocks = [EquivariantBlock(rep, hidden, copies, self.linear) for rep in chain[:-1]]
        net = Chain(blocks, self.linear(chain[-1], rep_out))
        shape = None if problem.output_shape == (rep_out.size,) else problem.output_shape
        return Network(net, rep_in, rep_out, shape)

    def linear(self, rep_in: Representation, rep_out: Representation) -> EquivariantLinear:
        """Return a linear map of the network."""
        return EquivariantLinear(rep_in, rep_out)

    def recipe(self, problem: Problem) -> Recipe:
        """Return Adam as published, with weight decay."""
        weight_decay = self.config.weight_decay
        return replace(super().recipe(problem), optimiser="adamw", weight_decay=weight_decay)

    def _representations(self, told: Symmetry) -> tuple[Group, Representation, Representation]:
        group = self.group(told)
        return group, told.input.rebind(group), told.output.rebind(group)


@final
class EMLP(Perceptron):
    """EMLP for the group of the task.

    Three blocks of an equivariant linear map, a bilinear term and a gated activation, then a
    linear map, as in sections 5 and 6 of the paper. It differs in five points, each for speed or
    accuracy. The channels are allocated deterministically. A group with an invariant form gets no
    dual tensors. The bilinear layer multiplies learned mixtures of features instead of forming a
    matrix for every sample. The parameters are the coefficients of the equivariant maps, not
    matrices that are projected. Inputs and outputs are standardised by the training data, and the
    learning rate falls along a cosine, with a small weight decay.
    """

    name = "emlp"
    summary = "equivariant MLP of the task's own group"

    def group(self, told: Symmetry) -> Group:
        """Return the task's own group."""
        return told.group


class _Given(Perceptron):
    """An EMLP for one fixed group, whatever the symmetry of the task."""

    @abstractmethod
    def given(self) -> Group:
        """Return the fixed group of the model."""

    def group(self, told: Symmetry) -> Group:  # noqa: ARG002 - whatever the task says
        """Return the fixed group of the model."""
        return self.given()

    def accepts(self, problem: Problem) -> str | None:
        """Also decline tasks with this group, on which the model equals ``emlp``."""
        if problem.symmetry is not None and problem.symmetry.group == self.given():
            return f"same as emlp here: the task's own group is {self.given()}"
        return super().accepts(problem)


@final
class EMLPSO3(_Given):
    """EMLP for SO(3): adds the cross product and other pseudotensor maps to that for O(3)."""

    name = "emlp-so3"
    summary = "equivariant MLP of SO(3), whatever the task's group"

    def given(self) -> Group:
        """Return SO(3)."""
        return SO(3)


@final
class EMLPO3(_Given):
    """EMLP for O(3); too strict on a task that is equivariant only under rotations."""

    name = "emlp-o3"
    summary = "equivariant MLP of O(3), whatever the task's group"

    def given(self) -> Group:
        """Return O(3)."""
        return O(3)


@final
class EMLPSO2(_Given):
    """EMLP for the rotations of R³ about the third axis: SO(2) × Trivial(1)."""

    name = "emlp-so2"
    summary = "equivariant MLP of the rotations about the z axis, whatever the task's group"

    def given(self) -> Group:
        """Return SO(2) × Trivial(1)."""
        return SO(2) * Trivial(1)


@final
class EMLPSO5(_Given):
    """EMLP for SO(5). With fewer than 500 channels it is the network of O(5).

    SO(5) and O(5) first differ at tensors of total rank 5 (the Levi-Civita symbol). Linear maps
    between channels of rank 2 and below do not reach this rank, and neither do the bilinear layers.
    The two published curves of this architecture are therefore the same model with different seeds,
    and O(5) tasks are declined.
    """

    name = "emlp-so5"
    summary = "equivariant MLP of SO(5); the same network as O(5) at these ranks"

    def given(self) -> Group:
        """Return SO(5)."""
        return SO(5)

    def accepts(self, problem: Problem) -> str | None:
        """Also decline tasks of O(5), on which this is the same network as ``emlp``."""
        told = problem.symmetry
        if told is not None and told.group == O(5) and self.config.channels < _RANK_3_OF_5:
            return "same network as emlp here: SO(5) and O(5) agree on tensors of rank below 5"
        return super().accepts(problem)
