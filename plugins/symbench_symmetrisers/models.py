"""Perceptrons and convolutional networks made equivariant by a symmetriser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import nn

from symbench import InputError, Model, Prior, Problem
from symbench_symmetrisers.wrap import By, symmetrised


@dataclass(frozen=True)
class SymmetriserConfig:
    """``declined`` keeps a twin out of the tier ``quick``, to save time."""

    declined: bool = False
    learning_rate: float = 3e-3
    batch_size: int = 128


NOT_IN_QUICK: dict[str, dict[str, Any]] = {"quick": {"declined": True}, "standard": {}}


class Symmetriser(Model):
    """A registered model, in its default configuration, inside a symmetriser.

    A subclass names the model (``backbone``) and the way (``by``).
    """

    version = "1"
    prior: ClassVar[Prior] = "told"
    backbone: ClassVar[str]
    by: ClassVar[By]
    Config = SymmetriserConfig
    config: Any
    selection = "best-valid"

    @property
    def backbones(self) -> tuple[str, ...]:
        """The model, and ``scalars`` for a learned frame."""
        return (self.backbone, "scalars") if self.by == "canonical" else (self.backbone,)

    def accepts(self, problem: Problem) -> str | None:
        """Decline tasks without a symmetry, that the backbone declines, or without a frame."""
        if self.config.declined:
            return f"{self.name} is a twin of another symmetriser: use the tier standard or full"
        try:
            with torch.random.fork_rng(devices=[]):
                self.build(problem)
        except InputError as error:
            return str(error)
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, *input_shape] -> [n, *output_shape].

        Raises:
            InputError: the problem is declined.
        """
        if problem.symmetry is None:
            raise InputError(f"{self.name} needs to be told a symmetry, but the task has none")
        return symmetrised(self.network(problem), problem, self.by, **self.options())

    def network(self, problem: Problem) -> nn.Module:
        """Return the network to symmetrise."""
        return problem.backbone(self.backbone)

    def options(self) -> dict[str, Any]:
        """Return the options of ``symmetrised``."""
        return {}


@dataclass(frozen=True)
class FramesConfig(SymmetriserConfig):
    """``sets`` of weighted vectors, each with its principal axes; 1 is the published frame."""

    sets: int = 2


@final
class MLPFrames(Symmetriser):
    """``mlp`` averaged over the frames of its input: exactly equivariant, with an ordinary network.

    The frames of O(d) are the principal axes of the input's vectors with all signs: 2^r for r
    vectors, or 2^d. SO(d) has those of determinant 1. Those of O(p, q), with at least p + q
    vectors, are the eigenvectors of Σ x xᵀ F. A finite group of at most 64 elements is its own
    frame. Principal axes jump where two moments are equal. So there is a second set of axes, of the
    same vectors with other weights, and each set counts by the gap between its moments.

    With fewer vectors than dimensions, outputs are combinations of the vectors alone, as tensors
    are of their products.
    """

    name = "mlp-frames"
    summary = "mlp averaged over the principal frames of its input"
    reference = (
        "Puny et al. 2022 (Frame averaging); Dym et al. 2024 (arXiv:2402.16077), weighted frames"
    )
    backbone, by = "mlp", "frames"
    Config = FramesConfig

    def options(self) -> dict[str, Any]:
        """Return the number of sets."""
        return {"sets": self.config.sets}


@final
class MLPCanonical(Symmetriser):
    """``mlp`` in one frame that a network on invariant scalars learns: exactly equivariant.

    The frame is Gram-Schmidt of the input's first vectors plus vectors that ``scalars`` predicts.
    It is learned with the perceptron. For O(p, q) the axes are principal axes of these vectors,
    with signs that the first of them decides.
    """

    name = "mlp-canonical"
    summary = "mlp in a learned canonical frame"
    reference = "Kaba et al. 2023 (Equivariance with learned canonicalization functions)"
    backbone, by = "mlp", "canonical"
    tiers = NOT_IN_QUICK


@dataclass(frozen=True)
class AveragedConfig(SymmetriserConfig):
    """``elements`` per example in training, and ``test_elements`` for all in the evaluation."""

    elements: int = 4
    test_elements: int = 32


class Averaged(Symmetriser):
    """A registered model averaged over random elements of a compact group."""

    by = "averaged"
    Config = AveragedConfig

    def options(self) -> dict[str, Any]:
        """Return the numbers of elements."""
        config = self.config
        return {"elements": config.elements, "test_elements": config.test_elements}


@final
class MLPAveraged(Averaged):
    """``mlp`` averaged over Haar elements: for any compact group, with an error that falls slowly.

    The elements are drawn when the network is built. The equivariance error falls as k^(-1/2) with
    the number k of elements.
    """

    name = "mlp-averaged"
    summary = "mlp averaged over random elements of the group"
    backbone = "mlp"
    tiers = NOT_IN_QUICK


@dataclass(frozen=True)
class AveragedImageConfig(AveragedConfig):
    """``cnn`` reads smaller batches."""

    batch_size: int = 64


@final
class CNNAveraged(Averaged):
    """``cnn`` averaged over random rotations of the image, as the task's group rotates it.

    Images of up to 256 pixels. The rotations interpolate, so that the average is blurred too.
    """

    name = "cnn-averaged"
    summary = "cnn averaged over random rotations of the image"
    backbone = "cnn"
    Config = AveragedImageConfig
    tiers = NOT_IN_QUICK
