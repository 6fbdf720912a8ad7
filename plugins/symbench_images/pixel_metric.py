"""Learned generators of rotations, compared with the true and the published generator."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from symbench import Metric, Model, Scores, Task, Trained

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from symbench_images.rotation import PixelRotation


class PixelGenerator(Metric):
    """|<L, L*>| / (||L|| ||L*||) in the plain Frobenius product, L* the generator of rotations.

    Of k independent generators, the cosine of the linear combination nearest to L* is divided by
    √k: the task has one generator, and a model does not gain by announcing more. There are several
    scores:

    - ``raw`` compares the matrices, and ``skew`` their antisymmetric parts.
    - ``masked`` compares only rows and columns of pixels at most (side - 1)/2 from the centre,
      because a small rotation moves corners out of the image. ``skew_masked`` combines both.
    - ``paper`` and ``paper_skew`` use the published generator as L*. It rotates about a point half
      a pixel off the centre, so a perfect learner scores 0.970 at 7×7 pixels.

    ``chance`` is the root mean square cosine of random matrices. ``reference`` is the score
    of the generator that is attainable in the model's parametrisation according to the task.
    """

    name, version, direction = "pixel-generator", "2", "higher"
    summary = "cosine of learned generators and the rotation of pixels, raw and antisymmetrised"
    reference = "Dehmamy et al. 2021, Automatic Symmetry Discovery with L-conv, Figs. 7 and 8"
    symmetry = True

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the symmetry of the task is a rotation of pixels and the model discovers."""
        if task.kind != "image" or model.prior != "discovers" or task.symmetry is None:
            return False
        from symbench_images.rotation import PixelRotation

        return isinstance(task.symmetry.group, PixelRotation)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return ``pixel-generator.<part>``; nothing if the model has no finite generators."""
        L = trained.model.generators(trained.module)
        group = None if task.symmetry is None else task.symmetry.group
        if L is None or group is None or L.shape[1:] != group.algebra.shape[1:]:
            return {}
        L = L.detach().cpu().double()
        if not bool(L.isfinite().all()):
            trained.notes[self.name] = "the announced generators are not finite"
            return {}
        best = task.attainable(trained.model.parametrisation)
        scores: dict[str, float] = {}
        for part in _parts(group):  # type: ignore[arg-type]  # see ``applies``
            name = f"{self.name}.{part.name}"
            scores[name] = part.cosine(L)
            scores[f"{name}.chance"] = part.chance
            if best is not None:
                scores[f"{name}.reference"] = part.cosine(best.double())
        return scores


class _Part(NamedTuple):
    """One way of comparing generators with L*.

    Attributes:
        name: the name of the score.
        truth: L* [d, d].
        pixels: those [m] whose rows and columns are compared; all if None.
        skew: whether antisymmetric parts are compared.
    """

    name: str
    truth: Tensor
    pixels: Tensor | None
    skew: bool

    def cosine(self, L: Tensor) -> float:
        """Return the cosine between L* and the span of L [any, d, d], divided by √k; 0 for k = 0.

        k is the dimension of the span.
        """
        from symbench.metrics.algebra import orthonormal

        learned, true = orthonormal(self._seen(L)), self._seen(self.truth[None])[0]
        along = float((learned @ true).norm() / true.norm())
        return min(1.0, along / math.sqrt(max(1, len(learned))))

    @property
    def chance(self) -> float:
        """The root mean square cosine of random matrices, however many."""
        d = len(self.truth) if self.pixels is None else len(self.pixels)
        return 1 / math.sqrt(d * (d - 1) / 2 if self.skew else d * d)

    def _seen(self, A: Tensor) -> Tensor:
        """Return the compared entries of A [k, d, d], one row per matrix."""
        if self.pixels is not None:
            A = A[:, self.pixels][:, :, self.pixels]
        return ((A - A.mT) / 2 if self.skew else A).flatten(1)


def _parts(group: PixelRotation) -> list[_Part]:
    from symbench_images.rotation import pixel_grid, published_rotation_generator

    truth = group.algebra[0]
    published = group.scrambled(published_rotation_generator(group.side))
    x, y = (group.scramble(axis) for axis in pixel_grid(group.side))
    inside = (x.square() + y.square() <= ((group.side - 1) / 2) ** 2).nonzero()[:, 0]
    return [
        _Part("raw", truth, None, skew=False),
        _Part("skew", truth, None, skew=True),
        _Part("masked", truth, inside, skew=False),
        _Part("skew_masked", truth, inside, skew=True),
        _Part("paper", published, None, skew=False),
        _Part("paper_skew", published, None, skew=True),
    ]
