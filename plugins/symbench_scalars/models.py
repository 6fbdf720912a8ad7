"""Models on invariant scalars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor, nn

from symbench import Model, Problem, Recipe
from symbench.groups import Representation, Rescaled, Standardised, root_mean_square
from symbench_scalars.bodies import BodyNetwork
from symbench_scalars.layers import Relative
from symbench_scalars.networks import PublishedNetwork, ScalarNetwork
from symbench_scalars.signature import Signature, permuted, reason, signature

_PUBLISHED = 6.0  # root mean square of published targets: 7.8 of o5-invariant, 5.6 of o3-inertia


@dataclass(frozen=True)
class ScalarsConfig:
    """``depth`` layers of ``width`` units; ``translation`` measures vectors from their mean."""

    width: int = 128
    depth: int = 3
    translation: bool = False
    learning_rate: float = 3e-3
    batch_size: int = 128


class Scalars(Model):
    """A perceptron on inner products, whose outputs are coefficients of the input vectors.

    Every O(d)- or O(p,q)-equivariant function has this form. Additions to the published model are
    lengths as features, standardisation of features and targets by the training data, a bilinear
    path, and a decreasing learning rate. On a task with SO(d) the model is told O(d), which is too
    much: it cannot learn a determinant or a cross product (``so3-cross``). If the declared group is
    not orthogonal, the model is told the task's ambient group.
    """

    name, version, prior = "scalars", "1", "told"
    summary = "standardised invariant products, perceptron with a bilinear path"
    reference = "Villar et al. 2021 (Scalars are universal)"
    Config = ScalarsConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"full": {"width": 384, "batch_size": 500}}
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Return why the problem cannot be read, or None."""
        if (why := reason(problem)) is not None:
            return why
        if self.config.translation and signature(problem).vectors < 2:
            return "translation=True needs at least two input vectors, and this task has one"
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, *input_shape] -> [n, *output_shape].

        Raises:
            InputError: the problem cannot be read.
        """
        law = signature(problem)
        net = Standardised(self._network(law), self._inputs(law), law.outputs, problem.output_shape)
        return Relative(net, law) if self.config.translation else net

    def _inputs(self, law: Signature) -> Representation:
        """Return the representation of the inputs that standardisation must respect."""
        return law.inputs

    def _network(self, law: Signature) -> nn.Module:
        return ScalarNetwork(law, self.config.width, self.config.depth)


@dataclass(frozen=True)
class PermutationConfig(ScalarsConfig):
    """Sizes of the networks that are shared by all bodies and all pairs of bodies."""

    width: int = 64
    depth: int = 2


class PermutationScalars(Scalars):
    """``scalars`` pooled over the bodies: also exactly invariant under their permutations.

    The released code of the published variant for the moment of inertia is not: some of its
    networks read products and masses as ordered lists.
    """

    name, version, prior = "scalars-perm", "1", "told"
    summary = "scalars, also invariant under permutations of the bodies"
    reference = "Villar et al. 2021 (Scalars are universal); Zaheer et al. 2017 (Deep Sets)"
    Config = PermutationConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"full": {"width": 256, "batch_size": 500}}

    def accepts(self, problem: Problem) -> str | None:
        """Return why the problem cannot be read, or None."""
        return reason(problem, permutes=True) or super().accepts(problem)

    def _inputs(self, law: Signature) -> Representation:
        return permuted(law)

    def _network(self, law: Signature) -> nn.Module:
        return BodyNetwork(law, self.config.width, self.config.depth)


@dataclass(frozen=True)
class PublishedConfig:
    """Sizes of the networks for invariants and vectors, and of those for V ⊗ V outputs."""

    width: int = 128
    depth: int = 6
    tensor_width: int = 128
    tensor_depth: int = 3
    batch_size: int = 128


def published_unit(y: Tensor) -> Tensor:
    """Return the unit of targets y in which their root mean square is that of published ones."""
    return root_mean_square(y) / _PUBLISHED


class PublishedScalars(Model):
    """Scalars as trained by Yao et al. (2021): raw products, ReLU, no standardisation.

    The published network reads raw numbers. Here each input has root mean square 1, as the
    published normal inputs have, and targets about that of the published targets.

    There are six layers of 500 units, trained at 1e-3. V ⊗ V outputs (the moment of inertia) use
    the plain variant: three layers of 300 units, trained at 5e-3, with the tensors F⁻¹ and
    v_i ⊗ v_j, i ≤ j. The published runs halve the learning rate in steps; here it follows a cosine.
    """

    name, version, prior = "scalars-2021", "2", "told"
    summary = "raw invariant products, ReLU perceptron, as published"
    reference = "Yao et al. 2021; Villar et al. 2021 (Scalars are universal)"
    Config = PublishedConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "full": {"width": 500, "tensor_width": 300, "batch_size": 512}
    }
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Return why the problem cannot be read, or None."""
        return reason(problem)

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, *input_shape] -> [n, *output_shape].

        Raises:
            InputError: the problem cannot be read.
        """
        law, config = signature(problem), self.config
        tensors = max(law.ranks) == 2
        width = config.tensor_width if tensors else config.width
        depth = config.tensor_depth if tensors else config.depth
        net = PublishedNetwork(law, width, depth)
        shaped = nn.Sequential(net, nn.Unflatten(1, problem.output_shape))
        return Rescaled(shaped, law.inputs, published_unit)

    def recipe(self, problem: Problem) -> Recipe:
        """Return the default recipe at the published learning rate."""
        tensors = max(signature(problem).ranks) == 2
        return replace(super().recipe(problem), learning_rate=5e-3 if tensors else 1e-3)
