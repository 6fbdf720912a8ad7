"""O(5) behind an invertible map that is not linear, and the score of announced vector fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from symbench import Direction, Metric, Model, Scores, Symmetry, Task, Trained
from symbench.groups import GL, SO, Scalar, V
from symbench.metrics.algebra import orthonormal, principal_cosines
from symbench.metrics.candidate import along
from symbench.metrics.network import spaced
from symbench_symmetry.fields import affine_algebra
from symbench_symmetry.pairs import PairTask, gaussian

_PROBES = 512
_BEND = 0.75


@final
class HiddenCoupling(PairTask):
    """y = z₁·z₂ + ½ ‖z₁‖², an O(5)-invariant function of two vectors z, of which u = ψ(z) is seen.

    ψ is a coupling map: u = (a, b + q(a)) for z = (a, b) in R² + R³, with
    q(a) = ¾ (a₁² - 1, 2 a₁a₂, 0). It is applied to both vectors, and it is inverted by a sign.
    z ~ N(0, 1).

    Its infinitesimal symmetries are the ten fields v = Dψ A z with A in so(5), of degree 3 in u.
    None is linear. So ``symmetry`` is None, and for methods that look for matrices the task is a
    control, whose right answer is 0; a few matrices are kept to a relative defect of 0.1.
    ``field_overlap`` scores announced fields. The target of ``o5-invariant`` would not do: further
    fields of degree 3 keep it to a relative defect of 0.002, as one term has nearly all of its
    variance.
    """

    name, summary = "hidden-coupling", "an O(5)-invariant behind a map that is not linear"
    reference = "coupling maps: Dinh, Sohl-Dickstein, Bengio 2017 (arXiv:1605.08803)"
    threshold = 0.02
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (30, 100),
        "quick": (),
        "standard": (3000,),
        "full": (300, 1000, 3000, 10000),
    }
    input_shape = (10,)
    symmetry = None

    def layout(self) -> Symmetry:
        """Return GL(5) on two copies of V."""
        group = GL(5)
        return Symmetry(group, (2 * V)(group), Scalar(group))

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw pairs ψ(z), [n, 10]."""
        a, b = _parts(gaussian(n, 10, generator))
        return torch.cat([a, b + _bent(a)], -1).flatten(-2)

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 1]."""
        first, second = _unbent(x).unbind(-2)
        y: Tensor = (first * (second + first / 2)).sum(-1, keepdim=True)
        return y

    def fields(self, x: Tensor) -> Tensor:
        """Return the ten true fields [10, n, 10] at x [n, 10]."""
        moved = torch.einsum("kij,ncj->knci", SO(5).algebra.to(x), _unbent(x))
        return self._mapped(_parts(x)[0], moved, 1.0)

    def pulled_back(self, x: Tensor, fields: Tensor) -> Tensor:
        """Return fields [k, n, 10] at x as fields of z, in which the law is N(0, 1)."""
        return self._mapped(_parts(x)[0], fields.unflatten(-1, (2, 5)), -1.0)

    def _mapped(self, a: Tensor, v: Tensor, sign: float) -> Tensor:
        """Return (v_a, v_b + sign Dq(a) v_a) for v [k, n, 2, 5]."""
        va, vb = v.split([2, 3], -1)
        bent = torch.stack(
            [
                2 * a[..., 0] * va[..., 0],
                2 * (a[..., 0] * va[..., 1] + a[..., 1] * va[..., 0]),
                torch.zeros_like(va[..., 0]),
            ],
            -1,
        )
        return torch.cat([va, vb + sign * _BEND * bent], -1).flatten(-2)


def _parts(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return a [..., 2, 2] and b [..., 2, 3] of two vectors [..., 10]."""
    a, b = x.unflatten(-1, (2, 5)).split([2, 3], -1)
    return a, b


def _unbent(x: Tensor) -> Tensor:
    """Return z [..., 2, 5] at u [..., 10]."""
    a, b = _parts(x)
    return torch.cat([a, b - _bent(a)], -1)


def _bent(a: Tensor) -> Tensor:
    first, second = a[..., 0], a[..., 1]
    return _BEND * torch.stack([first**2 - 1, 2 * first * second, torch.zeros_like(first)], -1)


@final
class FieldOverlap(Metric):
    """O / max(k, k*) of the k announced and the k* true vector fields.

    O is the sum of the squared principal cosines of the two spans. The product of two fields is
    E[v·w] over the test inputs, after both are pulled back to the coordinates in which the law of
    the inputs is N(0, 1). A model that announces matrices announces their linear fields. 0 for a
    model that announces nothing.

    ``reference`` is the score of the ten affine fields nearest to the true ones, applied to both
    vectors alike, and ``linear`` that of the ten linear ones: no method that is limited to such
    fields can pass it. ``count`` is k.
    """

    name, version = "field_overlap", "1"
    direction: ClassVar[Direction] = "higher"
    summary = "overlap of announced and true vector fields where these are not linear"
    symmetry = True

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the model discovers and the task knows its fields."""
        return model.prior == "discovers" and isinstance(task, HiddenCoupling)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the overlap; nothing if the model announces no fields by its nature."""
        if not isinstance(task, HiddenCoupling):
            return {}
        x = spaced(trained.test.x.cpu().double(), _PROBES)
        action = task.layout().input
        if (announced := _announced(trained, task, x)) is None:
            return {}
        true = _rows(task, x, task.fields(x))
        everything = GL(5).algebra
        linear = along(action, everything, x)
        constant = affine_algebra(5)[5::6, :5, 5]
        shifts = constant.repeat(1, 2)[:, None].expand(-1, len(x), -1)
        ceilings = {"linear": linear, "reference": torch.cat([linear, shifts])}
        learned = _rows(task, x, announced)
        scores = {self.name: _overlap(learned, true), f"{self.name}.count": float(len(learned))}
        for annotation, fields in ceilings.items():
            scores[f"{self.name}.{annotation}"] = _ceiling(_rows(task, x, fields), true)
        return scores


def _announced(trained: Trained, task: Task, x: Tensor) -> Tensor | None:
    """Return the announced fields [k, n, size]; None if the model announces none by its nature."""
    fields = trained.model.fields(trained.module, x)
    if fields is not None:
        return fields.detach().cpu().double()
    L, action = trained.model.generators(trained.module), task.layout()
    if L is None or action is None:
        return None
    return along(action.input, L.detach().cpu().double(), x)


def _rows(task: HiddenCoupling, x: Tensor, fields: Tensor) -> Tensor:
    """Return an orthonormal basis [k, n · size] of the span of fields [any, n, size]."""
    return orthonormal(task.pulled_back(x, fields).flatten(1))


def _overlap(learned: Tensor, true: Tensor) -> float:
    if len(learned) == 0:
        return 0.0
    total = principal_cosines(learned, true).square().sum()
    return float(total) / max(len(learned), len(true))


def _ceiling(larger: Tensor, true: Tensor) -> float:
    """Return the overlap of the best span of as many fields as there are true ones."""
    return float(principal_cosines(larger, true).square().sum()) / len(true)
