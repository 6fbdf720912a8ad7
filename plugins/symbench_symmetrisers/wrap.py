"""A network made equivariant: f(x) = Σ w ρ(F) φ(F⁻¹ x) over the frames F of x."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from symbench import InputError, Problem, Symmetry
from symbench.groups import Rescaled, V
from symbench_symmetrisers.frames import (
    Drawn,
    Frames,
    LearnedFrame,
    frame_vectors,
    frames_of,
    vectors,
)

By = Literal["frames", "canonical", "averaged"]

_POOL = 512
_MOST_COORDINATES = 256  # of V: the elements are matrices
_POOL_NUMBERS = 2**22


class Symmetrised(nn.Module):
    """x ↦ Σ_m w_m ρ_out(F_m) net(ρ_in(F_m)⁻¹ x), with the frames F_m and weights w_m of x.

    Args:
        net: any network [n, *input_shape] -> [n, *output_shape].
        law: ρ_in and ρ_out.
        frames: [n, input size] -> ``Frames``.
    """

    def __init__(self, net: nn.Module, law: Symmetry, frames: nn.Module) -> None:
        super().__init__()
        self.net, self.frames = net, frames
        self._law = law
        for rep in (law.input, law.output):  # fills their caches, so that a call changes nothing
            rep.act(torch.eye(rep.group.dim), torch.zeros(rep.size))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate the frames on the training data, and ``net`` on the data in these frames."""
        if callable(calibrate := getattr(self.frames, "calibrate", None)):
            calibrate(x.flatten(1), y)
        if callable(calibrate := getattr(self.net, "calibrate", None)):
            calibrate(*self._standard(x, y))

    @torch.no_grad()
    def _standard(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        frames: Frames = self.frames(x.flatten(1))
        m = frames.back.shape[1]
        moved = self._posed(frames, x)
        if not y.is_floating_point():
            return moved, y.repeat_interleave(m, 0)
        back = self._law.output.act(frames.back, y.flatten(1).unsqueeze(1))
        return moved, back.expand(-1, m, -1).reshape(-1, *y.shape[1:])

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, *output_shape]."""
        frames: Frames = self.frames(x.flatten(1))
        y = self.net(self._posed(frames, x))
        each = y.flatten(1).unflatten(0, (len(x), -1))
        moved = self._law.output.act(frames.forth, each)
        total = (frames.weight.to(moved).unsqueeze(-1) * moved).sum(1)
        return total.view(len(x), *y.shape[1:])

    def _posed(self, frames: Frames, x: Tensor) -> Tensor:
        """Return F⁻¹ x for all frames, [n m, *input_shape]."""
        moved = self._law.input.act(frames.back, x.flatten(1).unsqueeze(1))
        return moved.expand(len(x), frames.back.shape[1], -1).reshape(-1, *x.shape[1:])


def symmetrised(
    net: nn.Module,
    problem: Problem,
    by: By,
    *,
    sets: int = 2,
    elements: int = 4,
    test_elements: int = 32,
) -> nn.Module:
    """Return ``net`` made equivariant under the symmetry that the problem tells.

    Any model of prior ``told`` may use it in its ``build``:
    ``symmetrised(problem.backbone("my-net"), problem, "frames")``.

    Args:
        net: any network [n, *input_shape] -> [n, *output_shape].
        problem: tells the symmetry.
        by: ``frames`` averages over the frames of an input: principal axes with all signs, or all
            elements of a finite group. ``canonical`` uses one frame, of a network on invariant
            scalars that is learned together with ``net``; the model must declare the backbone
            ``scalars``. ``averaged`` averages over random elements of a compact group.
        sets: for ``frames``, sets of weighted vectors; 1 is the published frame.
        elements: for ``averaged``, elements per example in training.
        test_elements: for ``averaged``, elements in the evaluation.

    Raises:
        InputError: the problem tells no symmetry, or not one that can be imposed so.
    """
    law = problem.symmetry
    if law is None:
        raise InputError("a symmetriser needs to be told a symmetry, but the task has no symmetry")
    if by == "averaged":
        drawn = _drawn(law, problem.generator, elements, test_elements)
        return Symmetrised(net, law, drawn)
    for rep in (law.input, law.output):
        if any(leaf.dual for leaf in rep.leaves):
            raise InputError(f"a frame moves vectors, and {rep} has covectors")
    frames = frames_of(law.input, sets) if by == "frames" else _learned(problem, law)
    return Rescaled(Symmetrised(net, law, frames), law.input, None)


def _learned(problem: Problem, law: Symmetry) -> LearnedFrame:
    group = law.group
    if len(vectors(law.input, torch.zeros(law.input.size))) == 1:
        raise InputError("one vector leaves no frame to learn: average over its frames")
    count = frame_vectors(law.input, group)
    output = (count * V)(group)
    asked = replace(
        problem, symmetry=replace(law, output=output), output_shape=(output.size,), loss="mse"
    )
    return LearnedFrame(law.input, group, asked.backbone("scalars"))


def _drawn(law: Symmetry, generator: torch.Generator | None, count: int, test_count: int) -> Drawn:
    group = law.group
    if not group.is_compact:
        raise InputError(f"{group} is not compact: it has no mean over its elements")
    if group.dim > _MOST_COORDINATES:
        raise InputError(
            f"{group} acts by matrices of {group.dim} rows: averages need at most "
            f"{_MOST_COORDINATES}"
        )
    pool = max(test_count, min(_POOL, _POOL_NUMBERS // group.dim**2))
    g = group.sample(pool, generator or torch.Generator().manual_seed(0))
    if group.is_orthogonal:
        return Drawn(g, g.mT, count, test_count)
    return Drawn(g, torch.linalg.inv(g), count, test_count)
