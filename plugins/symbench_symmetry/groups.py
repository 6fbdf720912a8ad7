"""Groups of the tasks that the core does not have."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from symbench import seeded
from symbench.groups import SO, Group


@final
class CO(Group):
    """CO⁺(2): rotations of the plane times positive scalings, two commuting generators."""

    sampler_law = "angle Haar, logarithm of the scale uniform in [-1, 1]"

    def __init__(self) -> None:
        scaling = torch.eye(2, dtype=torch.float64)
        super().__init__("CO(2)", torch.stack([SO(2).algebra[0], scaling]), negation=True)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, 2, 2]."""
        drawn = torch.rand(count, 1, 1, generator=generator, dtype=torch.float64)
        elements: Tensor = (2 * drawn - 1).exp() * SO(2).sample(count, generator)
        return elements


def basis_change(d: int, name: str, condition: float = 5.0) -> Tensor:
    """Return a fixed matrix [d, d] with singular values from condition^(-1/2) to its inverse."""
    stream = seeded("change of basis", name)
    left, right = (
        torch.linalg.qr(torch.randn(d, d, generator=stream, dtype=torch.float64)).Q
        for _ in range(2)
    )
    exponents = torch.linspace(-0.5, 0.5, d, dtype=torch.float64)
    B: Tensor = left @ torch.diag(condition**exponents) @ right
    return B


def traceless(d: int = 3) -> Tensor:
    """Return an orthonormal basis [5, 3, 3] of the symmetric matrices of trace 0, for d = 3."""
    root = 0.5**0.5
    basis = torch.zeros(5, d, d, dtype=torch.float64)
    for k, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
        basis[k, i, j] = basis[k, j, i] = root
    basis[3].diagonal().copy_(root * torch.tensor([1.0, -1.0, 0.0]).double())
    basis[4].diagonal().copy_(torch.tensor([1.0, 1.0, -2.0]).double() / 6**0.5)
    return basis


@final
class Quadrupoles(Group):
    """SO(3) by its irreducible representation on R^5, the symmetric 3 × 3 matrices of trace 0.

    R acts as Q -> R Q Rᵀ, in the orthonormal coordinates of ``traceless``. It is a subgroup of
    SO(5) with 3 of its 10 generators.
    """

    def __init__(self) -> None:
        basis = traceless()
        rotations = SO(3).algebra
        turned = torch.einsum("aij,bjk->abik", rotations, basis)
        turned = turned + turned.mT  # A Q - Q A of antisymmetric A and symmetric Q
        super().__init__("SO(3) on R^5", torch.einsum("cik,abik->acb", basis, turned))

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, 5, 5]."""
        R, basis = SO(3).sample(count, generator), traceless()
        return torch.einsum("cij,nik,bkl,njl->ncb", basis, R, basis, R)


@final
class Galilei(Group):
    """The Galilei group of the plane on events (t, x, 1): t + s, and R x + v t + a.

    Six generators: the shift of time, two of space, two boosts and the rotation.
    """

    sampler_law = "rotation Haar, every shift and velocity uniform in [-1, 1]"

    def __init__(self) -> None:
        basis = torch.zeros(6, 4, 4, dtype=torch.float64)
        for k, (i, j) in enumerate([(0, 3), (1, 3), (2, 3), (1, 0), (2, 0)]):
            basis[k, i, j] = 1.0
        basis[5, 1, 2], basis[5, 2, 1] = 1.0, -1.0
        super().__init__("Galilei(2)", basis)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, 4, 4]."""
        g = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
        g[:, 1:3, 1:3] = SO(2).sample(count, generator)
        drawn = 2 * torch.rand(count, 5, generator=generator, dtype=torch.float64) - 1
        g[:, :3, 3] = drawn[:, :3]
        g[:, 1:3, 0] = drawn[:, 3:]
        return g
