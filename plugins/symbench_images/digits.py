"""The digits bundled with scikit-learn, in three fixed parts with equal class frequencies."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from symbench import Split, seeded

SIDE, CLASSES = 8, 10
PARTS: dict[Split, int] = {"train": 1000, "valid": 297, "test": 500}


@lru_cache(maxsize=1)
def digits() -> tuple[Tensor, Tensor]:
    """Return the 1,797 images [1797, 64] in float64, grey values in [0, 1], and labels [1797].

    They are the test set of Alpaydin and Kaynak (1998), UCI Optical Recognition of Handwritten
    Digits.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    return torch.from_numpy(data.data).double() / 16, torch.from_numpy(data.target).long()


@lru_cache(maxsize=1)
def parts() -> dict[Split, Tensor]:
    """Return the indices of each part in a random order, the same for every task and seed.

    The parts are stratified: the images are shuffled and sorted by label, and then each part takes
    images at regular distances.
    """
    labels = digits()[1]
    order = torch.randperm(len(labels), generator=seeded("digits", "parts"))
    rest = order[labels[order].argsort(stable=True)]
    indices: dict[Split, Tensor] = {}
    drawn: tuple[Split, ...] = ("test", "valid")
    for split in drawn:
        taken = _regular(len(rest), PARTS[split])
        indices[split], rest = rest[taken], rest[~taken]
    indices["train"] = rest
    return {split: _shuffled(at, split) for split, at in indices.items()}


def _regular(total: int, count: int) -> Tensor:
    """Return a mask [total] with exactly ``count`` positions at regular distances."""
    steps = torch.arange(total + 1) * count // total
    return steps[1:] > steps[:-1]


def _shuffled(indices: Tensor, split: Split) -> Tensor:
    return indices[torch.randperm(len(indices), generator=seeded("digits", split, "order"))]
