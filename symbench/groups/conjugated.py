"""A group behind a change of basis."""

from __future__ import annotations

import hashlib
from typing import final

import torch
from torch import Tensor

from symbench.groups.base import Group


@final
class Conjugated(Group):
    """B G B⁻¹: the group G after the change of basis v -> B v.

    Its algebra, discrete elements and sampled elements are those of G, conjugated by B. If G
    preserves F, it preserves B⁻ᵀ F B⁻¹. It is compact if G is.

    Args:
        group: the group G.
        B: an invertible matrix [d, d].
    """

    def __init__(self, group: Group, B: Tensor) -> None:
        self.inner, self.B, self.inverse = group, B, torch.linalg.inv(B)
        self.sampler_law = f"{group.sampler_law}, conjugated"
        digest = hashlib.sha256(str(B.tolist()).encode()).hexdigest()[:8]
        algebra = self.conjugate(group.algebra)
        basis = torch.linalg.qr(algebra.flatten(1).mT).Q.mT.reshape(algebra.shape)
        form = None if group.form is None else self.inverse.mT @ group.form @ self.inverse
        super().__init__(
            f"B {group.name} B⁻¹ (B {digest})",
            basis,
            self.conjugate(group.discrete),
            form=form,
            negation=group.negation,
        )

    def conjugate(self, matrices: Tensor) -> Tensor:
        """Return B M B⁻¹ for M [..., d, d]."""
        conjugated: Tensor = self.B @ matrices @ self.inverse
        return conjugated

    @property
    def is_compact(self) -> bool:
        """Whether G is compact."""
        return self.inner.is_compact

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, d, d]."""
        return self.conjugate(self.inner.sample(count, generator))
