"""The share of the error that averaging a network over the group would remove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbench.contract import Model, Scores, Symmetry, Task, Trained
from symbench.metrics.equivariance import OrbitMetric, inputs_of, violation
from symbench.metrics.error import headline
from symbench.metrics.inputs import has_invariant_inputs

if TYPE_CHECKING:
    from symbench.metrics.orbits import Orbit


class SymmetricShare(OrbitMetric):
    """``equivariance_error``² / ``error``: what part of the error is a violation of the symmetry.

    Let F(x) = E rho_out(g)⁻¹ f(rho_in(g) x), over Haar-distributed g. If the law of x is invariant,
    rho_out orthogonal and y equivariant, then E||f - y||² = E||F - y||² + E||f - F||², because
    F - y is the projection of f - y on the equivariant functions. The last term is half of
    E||f(rho_in(g) x) - rho_out(g) f(x)||². So the share of the error that averaging over the group
    would remove is equivariance_error² / error. It is at most 1, up to the sampling of pairs.

    Absent for a group without Haar measure of finite volume or with another sampler, for an action
    by interpolation, for an output that the group does not move by orthogonal matrices, and if a
    classifier can tell x from gx (``symbench.metrics.inputs``).
    """

    name, version, direction = "symmetric_share", "1", "lower"
    summary = "share of the error that averaging over the group would remove"

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the task is a regression under a group with a Haar sampler."""
        return (
            super().applies(task, model)
            and task.loss == "mse"
            and task.symmetry is not None
            and _is_haar(task.symmetry)
        )

    def judge(self, trained: Trained, task: Task, orbit: Orbit) -> Scores:
        """Return the share, if the inputs are invariant and there is an error."""
        if trained.sampler != "group":
            trained.notes[self.name] = "the share needs the group's own law"
            return {}
        above, error = inputs_of(trained, task), headline(trained, task)
        if above is not None and not has_invariant_inputs(task, above):
            trained.notes[self.name] = (
                f"the inputs are not invariant: a classifier tells x from gx in {0.5 + above:.0%} "
                "of the cases"
            )
            return {}
        if not isinstance(error, float) or error == 0:
            trained.notes[self.name] = "the model has no error to divide"
            return {}
        return violation(trained, task, orbit) ** 2 / error


def _is_haar(symmetry: Symmetry) -> bool:
    """Whether elements are Haar-distributed, act exactly, and move outputs orthogonally."""
    group = symmetry.group
    return (
        group.is_compact
        and all(factor.sampler_law.startswith("Haar") for factor in group.factors)
        and getattr(group, "is_exact", True)
        and (group.is_orthogonal or not symmetry.output.leaves)
    )
