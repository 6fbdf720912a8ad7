"""Which tasks the scalars models can read: scalars and vectors under O(d) or O(p,q)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import torch
from torch import Tensor

from symbench import InputError, Problem
from symbench.groups import SO, O, Representation, S, V


@dataclass(frozen=True)
class Signature:
    """A law y(ρ_in(g) x) = ρ_out(g) y(x) over O(p,q), its summands scalars, vectors, V ⊗ V."""

    inputs: Representation
    outputs: Representation
    bodies: int = 1

    @property
    def group(self) -> O:
        """The orthogonal group, O(d) or O(p,q)."""
        group = self.inputs.group
        if not isinstance(group, O):
            raise InputError(f"{group} is not an orthogonal group O(p,q)")
        return group

    @property
    def signs(self) -> Tensor:
        """The diagonal [d] of the form F: 1, … (p times), -1, … (q times)."""
        return torch.tensor([1.0] * self.group.p + [-1.0] * self.group.q)

    @property
    def scalars(self) -> int:
        """Number of scalars among the inputs."""
        return _count(self.inputs, 0)

    @property
    def vectors(self) -> int:
        """Number of vectors among the inputs."""
        return _count(self.inputs, 1)

    @property
    def ranks(self) -> tuple[int, ...]:
        """Rank of each output summand in layout order: 0 a scalar, 1 a vector, 2 V ⊗ V."""
        return tuple(summand.rank for summand in self.outputs.summands)


def signature(problem: Problem) -> Signature:
    """Return the task's law over an orthogonal group.

    The declared group is used if it is orthogonal (SO(d) widened to O(d), whose invariants the
    inner products generate), else the ambient one: the model is then told too much.

    Raises:
        InputError: the models cannot read the problem; the message says why.
    """
    if problem.symmetry is None:
        raise InputError("the task has no symmetry to be told")
    if problem.kind != "vectors":
        raise InputError(f"reads vectors, not {problem.kind} data")
    symmetry = problem.symmetry
    group = _orthogonal(problem)
    law = Signature(symmetry.input.rebind(group), symmetry.output.rebind(group), symmetry.bodies)
    _check_summands(law)
    if law.inputs.size != problem.input_size or law.outputs.size != problem.output_size:
        raise InputError("the representations do not have the sizes of the task's data")
    return law


def reason(problem: Problem, *, permutes: bool = False) -> str | None:
    """Return why the problem cannot be read, or None; ``permutes`` also asks for bodies."""
    try:
        law = signature(problem)
    except InputError as error:
        return str(error)
    if not permutes:
        return None
    if law.bodies == 1:
        return "the task has no bodies to permute"
    if any(len(set(ranks)) != 1 or len(ranks) != law.bodies for ranks in _fields(law)):
        return f"some of the inputs do not come once for each of the {law.bodies} bodies"
    return None


def permuted(law: Signature) -> Representation:
    """Return the inputs as a representation of S(bodies) × O(p,q), with the same coordinates.

    Each quantity of all bodies, five positions say, is one summand V(S(5)) ⊗ V(O(3)).
    """
    bodies = V(S(law.bodies))
    return reduce(add, [bodies * V(law.group) ** ranks[0] for ranks in _fields(law)])


def _fields(law: Signature) -> list[tuple[int, ...]]:
    """Return the ranks of the input's summands, one tuple for each run of ``bodies``."""
    ranks = tuple(summand.rank for summand in law.inputs.summands)
    return [ranks[i : i + law.bodies] for i in range(0, len(ranks), law.bodies)]


def _orthogonal(problem: Problem) -> O:
    declared = None if problem.symmetry is None else problem.symmetry.group
    for group in (declared, problem.ambient):
        if isinstance(group, (O, SO)):
            return O(group.p, group.q)
    raise InputError(f"knows O(d) and O(p,q) alone, and {declared} is neither of them")


def _check_summands(law: Signature) -> None:
    for what, rep, highest in (("inputs", law.inputs, 1), ("outputs", law.outputs, 2)):
        if any(len(piece.modes) > highest for piece in rep.pieces):
            raise InputError(f"{what} {rep} hold tensors of rank above {highest}")
        if law.group.q and any(leaf.dual for leaf in rep.leaves):
            raise InputError(f"{what} {rep} hold covectors; lower the index with the metric")
    if law.vectors == 0:
        raise InputError(f"inputs {law.inputs} hold no vector to take products of")


def _count(rep: Representation, rank: int) -> int:
    return sum(summand.rank == rank for summand in rep.summands)
