"""Heads on EMLPs that are told a part of the symmetry about the vertical, as published."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import final

from symbench import InputError, Problem, Symmetry
from symbench.groups import SO, D, Group, O, Trivial
from symbench_dynamics.heads import Clock, Field, Hamiltonian, NeuralODE
from symbench_dynamics.models import Dynamics
from symbench_dynamics.told import own_group

_SOURCE = "Finzi, Welling, Wilson 2021 (EMLP), section 7.2"


class _Told(Dynamics):
    """A head on an EMLP for a subgroup of O(2) × Trivial(1), which acts on R³ = R² + R."""

    prior, backbone, reference = "told", "emlp", _SOURCE

    @abstractmethod
    def plane(self) -> Group:
        """Return the group of the horizontal plane that the model respects."""

    def restricted(self, problem: Problem) -> Problem:
        """Return the problem with the subgroup in place of the task's group.

        Raises:
            InputError: the task's group is not O(2) × Trivial(1).
        """
        told = problem.symmetry
        if told is None or told.group != O(2) * Trivial(1):
            raise InputError("needs a task of O(2) × Trivial(1), to respect a subgroup of it")
        group = self.plane() * Trivial(1)
        law = Symmetry(group, told.input.rebind(group), told.output.rebind(group))
        return replace(problem, symmetry=law)


class _Node(_Told):
    canonical = False

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the neural ODE."""
        return NeuralODE(own_group(self.restricted(problem), self.backbone, "field"), clock)


class _HNN(_Told):
    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the Hamiltonian network."""
        net = own_group(self.restricted(problem), self.backbone, "hamiltonian")
        return Hamiltonian(net, clock)


class _SO2(_Told):
    def plane(self) -> Group:
        """Return SO(2)."""
        return SO(2)


class _D2(_Told):
    def plane(self) -> Group:
        """Return D(2), the reflections of a rectangle."""
        return D(2)


class _D6(_Told):
    def plane(self) -> Group:
        """Return D(6), the symmetries of a hexagon."""
        return D(6)


@final
class NodeSO2(_SO2, _Node):
    """``node-emlp`` for the rotations about the vertical."""

    name, summary = "node-emlp-so2", "neural ODE on an EMLP of the rotations about the vertical"


@final
class NodeD2(_D2, _Node):
    """``node-emlp`` for two vertical mirrors."""

    name, summary = "node-emlp-d2", "neural ODE on an EMLP of two vertical mirrors"


@final
class NodeD6(_D6, _Node):
    """``node-emlp`` for six vertical mirrors."""

    name, summary = "node-emlp-d6", "neural ODE on an EMLP of six vertical mirrors"


@final
class HNNSO2(_SO2, _HNN):
    """``hnn-emlp`` for the rotations about the vertical; conserves the angular momentum, too."""

    name = "hnn-emlp-so2"
    summary = "Hamiltonian network on an EMLP of the rotations about the vertical"


@final
class HNND2(_D2, _HNN):
    """``hnn-emlp`` for two vertical mirrors; a finite group conserves nothing."""

    name, summary = "hnn-emlp-d2", "Hamiltonian network on an EMLP of two vertical mirrors"


@final
class HNND6(_D6, _HNN):
    """``hnn-emlp`` for six vertical mirrors.

    The group has the invariants of O(2) in tensors of rank below 6, so that the network has only
    six parameters more than ``hnn-emlp``.
    """

    name, summary = "hnn-emlp-d6", "Hamiltonian network on an EMLP of six vertical mirrors"
