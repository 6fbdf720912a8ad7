"""Whether the law of a task's inputs is invariant: how well x can be told from gx."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from symbench.contract.values import seeded

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from symbench.contract import Symmetry, Task
    from symbench.groups import Representation

PAIRS = 2000
_MARGIN, _DEVIATIONS = 0.02, 3.0
_FEW, _MANY, _COSINES = 32, 512, 256
_AT_ONCE = 2**20  # numbers of inputs that are moved at once
_SAME = 1e-5  # range of a coordinate that does not vary, in units of its size
_RIDGE = 1.0  # penalty per pair, of features of unit variance
_ELEMENTS = 2**18  # most numbers in the sampled elements, from 16 elements on


def told_apart(x: Tensor, symmetry: Symmetry, generator: Generator) -> float:
    """Return how often a fixed classifier tells which of x and gx is the input, less ½.

    The result is 0 at chance and ½ if the classifier is always right. Each input is paired with one
    moved input, by an element of the group's sampler. The features of an input are its standardised
    coordinates (at most 512, drawn from those that vary), their squares and products if there are
    at most 32 of them, and 256 random cosines. A ridge regression fits the number 1 to the
    differences φ(x) - φ(gx) of one half of the pairs, and is judged by the sign of its prediction
    on the other half, and the other way round. If the law of x is invariant, the sign is a fair
    coin for every pair of the other half, whatever was fitted. A pair without difference counts as
    half right.

    Source: a classifier two-sample test (Lopez-Paz and Oquab 2017), for pairs.

    Args:
        x: inputs [n, *input_shape], of which at most ``PAIRS`` are used.
        symmetry: the group and its action on inputs.
        generator: draws the elements, the coordinates, the cosines and the halves.
    """
    import torch

    from symbench.metrics.network import in_blocks, spaced

    group = symmetry.group
    count = min(len(x), PAIRS)
    g = group.sample(min(count, max(16, _ELEMENTS // group.dim**2)), generator)
    x = spaced(x.cpu(), count // len(g) * len(g)).float()
    met = in_blocks(x, symmetry.input.size).unflatten(0, (len(g), -1))
    rows = _rows(symmetry.input, g, met, generator)
    features = _features(rows.flatten(0, 1), generator)
    change = features[: len(x)] - features[len(x) :]
    change = change[torch.randperm(len(x), generator=generator)]
    one, other = change.split([len(x) // 2, len(x) - len(x) // 2])
    margins = torch.cat([other @ _fitted(one), one @ _fitted(other)])
    return float(margins.double().sign().mean()) / 2


def inputs_invariant(above_chance: float, pairs: int = PAIRS) -> bool:
    """Whether ``told_apart`` is consistent with inputs whose law is invariant.

    It is if it does not exceed 0.02 by more than three standard deviations of a fair coin that is
    tossed for one half of the pairs. The halves are judged by fits to each other, so that their
    errors may agree and only one of them counts. The margin allows for a law that is invariant but
    for rounding or a discretisation.
    """
    return above_chance <= limit(pairs)


def limit(pairs: int) -> float:
    """Return up to what ``told_apart`` of so many pairs is chance; see ``inputs_invariant``."""
    return _MARGIN + _DEVIATIONS * 0.5 / math.sqrt(pairs / 2)


def inputs_told_apart(task: Task) -> float | None:
    """Return ``told_apart`` of a task's test inputs; None without a symmetry.

    The inputs are drawn anew, because the test split of a tier may be too small. The result is the
    same for every tier whose inputs have the same law.
    """
    if (symmetry := task.symmetry) is None:
        return None
    x = task.sample(task.at_most(PAIRS, "test"), 0, "test").x
    return told_apart(x, symmetry, seeded(task.name, task.version, "inputs"))


def has_invariant_inputs(task: Task, above_chance: float) -> bool:
    """Whether ``inputs_told_apart`` of a task is consistent with inputs whose law is invariant."""
    return inputs_invariant(above_chance, task.at_most(PAIRS, "test"))


def _rows(rep: Representation, g: Tensor, met: Tensor, generator: Generator) -> Tensor:
    """Return coordinates [2, n, at most 512] of inputs and moved inputs.

    They are drawn from those that vary among the first inputs or moved inputs.

    Args:
        rep: the action on the blocks of an input.
        g: elements [e, d, d].
        met: inputs [e, k, blocks, size], n = e k.
        generator: draws the coordinates.
    """
    import torch

    places: Tensor | None = None
    parts: list[Tensor] = []
    each = max(1, _AT_ONCE // met[0].numel())  # small tensors stay in the processor's cache
    for some, inputs in zip(g.split(each), met.split(each), strict=True):
        both = torch.stack([inputs, rep.act(some[:, None, None], inputs)]).flatten(3).flatten(1, 2)
        if places is None:
            varying = _varying(both.flatten(0, 1)).nonzero().flatten()
            places = varying[torch.randperm(len(varying), generator=generator)[:_MANY]]
        parts.append(both[..., places])
    return torch.cat(parts, 1)


def _features(rows: Tensor, generator: Generator) -> Tensor:
    """Return the standardised features [n, features] of rows [n, coordinates], in float32."""
    import torch

    z = _standardised(rows)
    size = z.shape[1]
    waves = torch.randn(size, _COSINES, generator=generator) / math.sqrt(size)
    phases = 2 * math.pi * torch.rand(_COSINES, generator=generator)
    parts = [z, (z @ waves + phases).cos()]
    if size <= _FEW:
        i, j = torch.triu_indices(size, size)
        parts.append(z[:, i] * z[:, j])
    features = torch.cat(parts, 1)
    return _standardised(features[:, _varying(features)])


def _varying(rows: Tensor) -> Tensor:
    """Return which columns [k] of rows [n, k] vary by more than rounding."""
    low, high = rows.aminmax(dim=0)
    varies: Tensor = high - low > _SAME * rows.abs().amax(0)
    return varies


def _standardised(columns: Tensor) -> Tensor:
    """Return columns [n, k] with mean 0 and variance 1, of columns that vary."""
    centred = columns - columns.mean(0)
    standardised: Tensor = centred / centred.square().mean(0).sqrt()
    return standardised


def _fitted(features: Tensor) -> Tensor:
    """Return the weights [k] of the ridge regression of the number 1 on features [n, k]."""
    import torch

    wide = features.shape[1] > len(features)
    gram = features @ features.mT if wide else features.mT @ features
    gram.diagonal().add_(_RIDGE * len(features))
    ones = features.new_ones(len(features))
    weights: Tensor = torch.linalg.solve(gram, ones if wide else features.mT @ ones)
    return features.mT @ weights if wide else weights
