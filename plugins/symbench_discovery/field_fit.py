"""Vector fields in a library that a regression keeps, by linear algebra."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Context, Data, InputError, Model, Prior, Problem, Recipe, Symmetry
from symbench.groups import Scalar
from symbench.metrics.algebra import orthonormalising
from symbench.metrics.defect import Defects
from symbench.metrics.network import spaced
from symbench_discovery.field_library import Library, LinearFields, PolynomialFields, copies_of
from symbench_discovery.kernel_regression import KernelRegression

_PROBES, _ROWS = 256, 4  # probes, and rows of the equations per unknown
_LARGEST = 400  # fields of a library


class FieldNet(nn.Module):
    """A regression, and the combinations Q [k, m] of a library of fields that it keeps.

    ``size`` is the dimension of V. Before ``fit`` it is zero and keeps none.
    """

    Q: Tensor

    def __init__(self, net: nn.Module, library: Library | None, Q: Tensor, size: int) -> None:
        super().__init__()
        self.net, self.library, self.size = net, library, size
        self.register_buffer("Q", Q)

    def forward(self, x: Tensor) -> Tensor:
        """Return the regression's [n, *output_shape]."""
        y: Tensor = self.net(x)
        return y


class _Zero(nn.Module):
    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self._shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), *self._shape)


@dataclass(frozen=True)
class FieldFitConfig:
    """A field counts as kept if the bound of its relative defect is below ``tolerance``."""

    tolerance: float = 0.1


@dataclass(frozen=True)
class CubicConfig(FieldFitConfig):
    """A large library has more fields that are nearly kept, hence a smaller ``tolerance``."""

    tolerance: float = 0.015


class _Fitting(Model):
    """Kernel regression, and the fields of a library that its derivative annihilates."""

    prior: ClassVar[Prior] = "discovers"
    reference = (
        "Otto, Zolman, Kutz, Brunton 2025, A unified framework to enforce, discover and promote "
        "symmetry (arXiv:2311.00212); Shaw et al. 2025 (arXiv:2505.08219)"
    )
    Config = FieldFitConfig
    config: FieldFitConfig

    def accepts(self, problem: Problem) -> str | None:
        """Decline problems without a declared layout, and all but regression."""
        if problem.kind != "vectors" or problem.candidate is None or problem.loss != "mse":
            return f"{self.name} needs vectors with a declared layout and a regression target"
        return self.declines(problem, problem.candidate)

    @abstractmethod
    def declines(self, problem: Problem, action: Symmetry) -> str | None:
        """Return why there is no library for the layout, or None."""

    @abstractmethod
    def library(self, action: Symmetry, x: Tensor) -> Library | None:
        """Return the fields for inputs x [n, size]."""

    def build(self, problem: Problem) -> FieldNet:
        """Return zero as a placeholder that ``fit`` replaces."""
        return FieldNet(_Zero(problem.output_shape), None, torch.zeros(0, 0), _dim(problem))

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return the default: ``fit`` trains by itself."""
        return Recipe()

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the regression with the fields that it keeps.

        Raises:
            InputError: there is no library for the problem.
        """
        net = KernelRegression(data)
        x = data.x.cpu().double().flatten(1)
        library = None if problem.candidate is None else self.library(problem.candidate, x)
        if library is None:
            raise InputError(f"{self.name} needs vectors with a declared layout")
        Q = kept(net, library, x, self.config.tolerance)
        return FieldNet(net, library, Q, _dim(problem)).to(context.device)


def _dim(problem: Problem) -> int:
    return 0 if problem.candidate is None else problem.candidate.group.dim


def kept(net: KernelRegression, library: Library, x: Tensor, tolerance: float) -> Tensor:
    """Return the combinations Q [k, m] of the fields that the regression keeps.

    The unknowns are coordinates in a basis of fields that is orthonormal on the data, so that
    fields which do not move the data are none of them. The rows of C are the equations
    Df(x) v(x) = (turned f(x)) at the data. Its singular directions whose defect is below the
    tolerance, with 95 % confidence, are kept. None is, if there are fewer than four equations per
    unknown. Lengths are those of whitened inputs, so that a change of basis changes nothing.

    Args:
        net: the regression f.
        library: m fields.
        x: inputs [n, size].
        tolerance: of the relative defect.
    """
    outputs = net.weights.shape[1]
    probes = spaced(x, max(_PROBES, -(-_ROWS * library.size // outputs)))
    moved = library.moved(probes) @ net.whiten
    turned = library.turned(net(probes).flatten(1))
    basis = orthonormalising(moved.flatten(1))
    if basis.shape[0] == 0 or len(probes) * outputs < _ROWS * len(basis):
        return basis[:0]
    slope = net.derivative(probes)
    along = torch.einsum("nor,mnr->mno", slope, moved)
    C = torch.einsum("km,mno->nok", basis, along - turned).flatten(0, 1)
    Q = torch.linalg.svd(C, full_matrices=False)[2].flip(0) @ basis
    parts = [torch.einsum("km,mni->kni", Q, part) for part in (moved, along, turned)]
    defects = Defects.of(slope.square().sum((1, 2)), *parts)
    small: Tensor = Q[defects.bounds < tolerance]
    return small


@final
class FieldFit(_Fitting):
    """The linear fields that a kernel regression keeps; affine ones in homogeneous coordinates.

    The regression is polynomial or Gaussian, chosen with its ridge by the leave-one-out error. Its
    derivative is exact. The generators are the null space of the stacked equations
    Df(x)[drho_in(A) x] = drho_out(A) f(x) at the training inputs, over the matrices A that keep the
    span and the affine hull of the data. There is nothing to train.
    """

    name, version = "field-fit", "1"
    summary = "linear fields that a kernel regression keeps, by linear algebra"

    def declines(self, problem: Problem, action: Symmetry) -> str | None:  # noqa: ARG002
        """Decline spaces with more than 400 matrices."""
        d = action.group.dim
        return f"field-fit solves for up to {_LARGEST} matrix entries" if d * d > _LARGEST else None

    def library(self, action: Symmetry, x: Tensor) -> LinearFields:
        """Return the matrices that keep the hull of the data."""
        return LinearFields.of(action, x)

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return the generators [k, d, d]; none before ``fit``."""
        if not isinstance(module, FieldNet):
            return None
        if isinstance(module.library, LinearFields):
            return module.library.generators(module.Q.cpu())
        return torch.zeros(0, module.size, module.size)


@final
class FieldFitCubic(_Fitting):
    """The vector fields of degree ≤ 3 on V that a kernel regression of an invariant keeps.

    Every copy of V is moved by the same field, and the outputs are invariant. Symmetries behind a
    change of coordinates that is not linear are of this kind. It announces fields and no matrices.
    """

    name, version = "field-fit-cubic", "1"
    summary = "cubic vector fields that a kernel regression keeps, by linear algebra"
    Config = CubicConfig

    def declines(self, problem: Problem, action: Symmetry) -> str | None:
        """Decline targets that are not numbers, and inputs of other tensors than vectors."""
        if any(summand != Scalar(action.group) for summand in action.output.summands):
            return f"{self.name} looks for invariance, and the target of this task is turned"
        if copies_of(torch.zeros(1, problem.input_size), action.input) is None:
            return f"{self.name} needs inputs that are vectors and scalars"
        d = action.group.dim
        size = d * (d + 1) * (d + 2) * (d + 3) // 6
        return f"{self.name} solves for up to {_LARGEST} fields" if size > _LARGEST else None

    def library(self, action: Symmetry, x: Tensor) -> PolynomialFields | None:
        """Return the fields of degree ≤ 3."""
        return PolynomialFields.of(action, x, 3)

    def fields(self, module: nn.Module, x: Tensor) -> Tensor | None:
        """Return the fields [k, n, size] at x [n, size]; none before ``fit``."""
        if not isinstance(module, FieldNet):
            return None
        if module.library is None:
            return x.new_zeros(0, *x.shape)
        moved = module.library.moved(x.double().cpu())
        return torch.einsum("km,mni->kni", module.Q.cpu(), moved)
