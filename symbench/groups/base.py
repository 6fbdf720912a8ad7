"""Matrix groups: what every group offers, and the direct product of groups."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from symbench.errors import InputError

TOLERANCE = 1e-10


class Group(ABC):
    """A closed subgroup G of GL(d, R), acting on its defining space V = R^d.

    A new kind of group calls this constructor and implements ``sample``; it may also set
    ``sampler_law`` and override ``is_compact``. Groups are values: never change one.

    Args:
        name: mathematical name; groups of one name are equal, and ``str`` prints it.
        algebra: Frobenius-orthogonal basis [k, d, d] of the Lie algebra; k may be 0.
        discrete: matrices [h, d, d] that together with exp(algebra) generate G; none if omitted.
        form: matrix F [d, d] with gᵀ F g = F; the identity if omitted and G is orthogonal.
        negation: whether -1 lies in G, so that odd tensor powers have no invariants.

    Raises:
        InputError: the shapes disagree, or the algebra's basis is not orthogonal.
    """

    sampler_law: str = "Haar"
    permutes: bool = False  # every element permutes the coordinates of V

    def __init__(
        self,
        name: str,
        algebra: Tensor,
        discrete: Tensor | None = None,
        *,
        form: Tensor | None = None,
        negation: bool = False,
    ) -> None:
        d = algebra.shape[-1]
        self.name = name
        self.algebra = algebra.double()
        self.discrete = torch.zeros(0, d, d) if discrete is None else discrete
        self.discrete = self.discrete.double()
        self.negation = negation
        if form is None and self.is_orthogonal:
            form = torch.eye(d)
        self.form = None if form is None else form.double()
        self._check()

    def _check(self) -> None:
        for what, matrices in (("algebra", self.algebra), ("discrete", self.discrete)):
            if matrices.ndim != 3 or matrices.shape[1:] != (self.dim, self.dim):
                raise InputError(
                    f"{what} of {self.name} has shape {list(matrices.shape)}; "
                    f"stack its matrices as [count, {self.dim}, {self.dim}]"
                )
        flat = self.algebra.flatten(1)
        gram = flat @ flat.mT
        if not torch.allclose(gram, torch.diag(gram.diagonal()), atol=1e-8):
            raise InputError(
                f"the algebra of {self.name} is not a Frobenius-orthogonal basis; "
                "orthogonalise the flattened matrices with torch.linalg.qr"
            )

    @abstractmethod
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, d, d] (float64) from ``sampler_law``, using only ``generator``."""

    @property
    def dim(self) -> int:
        """Dimension d of the defining space."""
        return int(self.algebra.shape[-1])

    @cached_property
    def is_orthogonal(self) -> bool:
        """Whether every element is an orthogonal matrix (read off the generators)."""
        skew = self.algebra + self.algebra.mT
        square = self.discrete @ self.discrete.mT - torch.eye(self.dim, dtype=torch.float64)
        return all(bool((t.abs() < TOLERANCE).all()) for t in (skew, square))

    @cached_property
    def is_musical(self) -> bool:
        """Whether the form exists and is orthogonal, so that V* is V with the form applied."""
        identity = torch.eye(self.dim, dtype=torch.float64)
        return self.form is not None and torch.allclose(self.form @ self.form.mT, identity)

    @property
    def is_compact(self) -> bool:
        """Whether the group is compact; a closed group of orthogonal matrices is."""
        return self.is_orthogonal

    @property
    def factors(self) -> tuple[Group, ...]:
        """The factors of a direct product; for any other group, only itself."""
        return (self,)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that a stored basis depends on: generators, form, and negation."""
        digest = hashlib.sha256(str((self.negation, self.is_musical)).encode())
        for matrices in (self.algebra, self.discrete, self.form):
            if matrices is not None:
                digest.update(str(tuple(matrices.shape)).encode())
                digest.update(matrices.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def __mul__(self, other: Group) -> DirectProduct:
        return DirectProduct(*self.factors, *other.factors)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Group) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name


@final
class DirectProduct(Group):
    """G × H × …, on the direct sum of the defining spaces: block-diagonal matrices.

    Elements of the factors are drawn independently.
    """

    def __init__(self, *factors: Group) -> None:
        self._factors = factors
        super().__init__(
            " × ".join(factor.name for factor in factors),
            self._embedded([factor.algebra for factor in factors], fill=0.0),
            self._embedded([factor.discrete for factor in factors], fill=1.0),
            form=self._form(),
            negation=all(factor.negation for factor in factors),
        )
        self.sampler_law = "; ".join(f"{f.name}: {f.sampler_law}" for f in factors)

    def _embedded(self, stacks: list[Tensor], fill: float) -> Tensor:
        """Return each factor's matrices with ``fill`` times the identity in the other blocks."""
        dims = [factor.dim for factor in self._factors]
        whole = fill * torch.eye(sum(dims), dtype=torch.float64)
        blocks, start = [], 0
        for stack, d in zip(stacks, dims, strict=True):
            block = whole.repeat(len(stack), 1, 1)
            block[:, start : start + d, start : start + d] = stack
            blocks.append(block)
            start += d
        return torch.cat(blocks)

    def _form(self) -> Tensor | None:
        """Return the block-diagonal form, if every factor has one."""
        forms = [f.form for f in self._factors if f.form is not None]
        if len(forms) < len(self._factors):
            return None
        return self._embedded([form[None] for form in forms], fill=0.0).sum(0)

    @property
    def factors(self) -> tuple[Group, ...]:
        """The factors, in the order of their blocks."""
        return self._factors

    @property
    def is_compact(self) -> bool:
        """Whether every factor is compact."""
        return all(factor.is_compact for factor in self._factors)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw block-diagonal elements [count, d, d], the blocks independently."""
        g = torch.zeros(count, self.dim, self.dim, dtype=torch.float64)
        start = 0
        for factor in self._factors:
            stop = start + factor.dim
            g[:, start:stop, start:stop] = factor.sample(count, generator)
            start = stop
        return g
