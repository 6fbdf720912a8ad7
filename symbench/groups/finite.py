"""Finite groups: S(n), Z(n), C(k), D(k) and Trivial(n)."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from symbench.groups.base import Group
from symbench.groups.matrices import natural, reflection, stack


def _permutations(images: Tensor) -> Tensor:
    """Return matrices [..., n, n] with e_j -> e_images[j] from ``images`` [..., n]."""
    return torch.eye(images.shape[-1], dtype=torch.float64)[images].mT.contiguous()


def _rotations(angles: Tensor) -> Tensor:
    """Return plane rotations [..., 2, 2] by ``angles`` [...]."""
    cosine, sine = angles.cos(), angles.sin()
    rows = [torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1)]
    return torch.stack(rows, -2)


def _none(n: int) -> Tensor:
    return torch.zeros(0, n, n, dtype=torch.float64)


@final
class S(Group):
    """S(n): all permutations of the n coordinates, from one transposition and one cycle."""

    permutes = True

    def __init__(self, n: int) -> None:
        natural(n, "n")
        swap = torch.arange(n)
        swap[:2] = swap[:2].flip(0)
        cycle = (torch.arange(n) + 1) % n
        generators = [swap, cycle][: max(0, min(n - 1, 2))]
        matrices = stack(n, [_permutations(images) for images in generators])
        super().__init__(f"S({n})", _none(n), matrices)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw uniform permutation matrices [count, n, n]."""
        keys = torch.rand(count, self.dim, generator=generator, dtype=torch.float64)
        return _permutations(keys.argsort(-1))


@final
class Z(Group):
    """Z(n): cyclic shifts of the n coordinates (the regular representation)."""

    permutes = True

    def __init__(self, n: int) -> None:
        natural(n, "n")
        shift = _permutations((torch.arange(n) + 1) % n)
        super().__init__(f"Z({n})", _none(n), stack(n, [shift] if n > 1 else []))

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw uniform shifts [count, n, n]."""
        shift = torch.randint(self.dim, (count, 1), generator=generator)
        return _permutations((torch.arange(self.dim) + shift) % self.dim)


def _turn(k: int) -> list[Tensor]:
    return [_rotations(torch.tensor(2 * math.pi / k, dtype=torch.float64))] if k > 1 else []


def _turns(k: int, count: int, generator: torch.Generator) -> Tensor:
    steps = torch.randint(k, (count,), generator=generator)
    return _rotations(2 * math.pi / k * steps.double())


@final
class C(Group):
    """C(k): rotations of the plane by multiples of 2π/k."""

    def __init__(self, k: int) -> None:
        self.order = natural(k, "k")
        super().__init__(f"C({k})", _none(2), stack(2, _turn(k)), negation=k % 2 == 0)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw uniform rotations [count, 2, 2]."""
        return _turns(self.order, count, generator)


@final
class D(Group):
    """D(k): the 2k rotations and reflections of the plane that preserve a regular k-gon."""

    def __init__(self, k: int) -> None:
        self.order = 2 * natural(k, "k")
        mirror = reflection(2, 1)
        super().__init__(f"D({k})", _none(2), stack(2, [*_turn(k), mirror]), negation=k % 2 == 0)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw uniform elements [count, 2, 2]."""
        g = _turns(self.order // 2, count, generator)
        flip = torch.randint(2, (count,), generator=generator).bool()
        return torch.where(flip[:, None, None], g @ reflection(2, 1), g)


@final
class Trivial(Group):
    """Trivial(n): only the identity, on R^n."""

    def __init__(self, n: int) -> None:
        natural(n, "n")
        super().__init__(f"Trivial({n})", _none(n))

    def sample(self, count: int, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        """Return identities [count, n, n]."""
        return torch.eye(self.dim, dtype=torch.float64).repeat(count, 1, 1)
