"""Tasks whose images come from files: which of them are for what, and what identifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch

from symbench import seeded
from symbench.contract import SPLITS, Split
from symbench_images.rotation import PixelRotation
from symbench_images.scrambled import ScrambledImages, Stock
from symbench_images.stock import Source

VALID = 1000


@lru_cache(maxsize=4)
def pixel_rotations(side: int, *, scrambled: bool) -> PixelRotation:
    """Return the rotations of side × side pixels; one fixed scramble for every such image."""
    generator = seeded("images", side, "scramble")
    return PixelRotation(side, torch.randperm(side**2, generator=generator) if scrambled else None)


def valid_size(total: int) -> int:
    """Return how many of the official training images are for selection."""
    return min(VALID, max(1, total // 10))


@lru_cache(maxsize=2)
def _stock(source: Source, digest: str) -> Stock:  # noqa: ARG001 - what is cached goes with it
    decoded = source.load()
    train, test = decoded.train, decoded.test
    x = torch.from_numpy(np.concatenate([train.x, test.x]))
    y = torch.from_numpy(np.concatenate([train.y, test.y])).long()
    order = torch.randperm(len(train.x), generator=seeded("images", source.name, "train"))
    valid = valid_size(len(order))
    last = torch.randperm(len(test.x), generator=seeded("images", source.name, "test"))
    parts: dict[Split, torch.Tensor] = {
        "train": order[valid:],
        "valid": order[:valid],
        "test": len(order) + last,
    }
    return Stock(x, y, 255.0, parts)


@lru_cache(maxsize=64)
def _fingerprint(task: FromFiles, digest: str) -> str:
    together = hashlib.sha256(f"{task.name}\n{task.version}\n{digest}".encode())
    for split in SPLITS:
        data = task.sample(32, 0, split)
        for tensor in (data.x, data.y):
            together.update((tensor.double() * 1e4).round().long().numpy().tobytes())
    return together.hexdigest()[:16]


class FromFiles(ScrambledImages):
    """Images of a published data set; its official test split is the test set, all of it.

    1,000 of the official training images, drawn once for ever, are for selection (of a subset of
    fewer than 10,000 a tenth); the rest is to train on. The largest training set of the full tier
    has as many images as the published experiments trained on.
    """

    version = "1"
    source: ClassVar[Source]
    ladders: ClassVar[Mapping[str, tuple[int, ...]]]
    test_size, valid_size = 10_000, VALID

    @property
    def key(self) -> str:  # type: ignore[override]
        """Name of the data set."""
        return self.source.name

    @property
    def sizes(self) -> Mapping[str, tuple[int, ...]]:  # type: ignore[override]
        """Each tier's ladder, cut at the images that a subset on this machine has to train on."""
        if (total := self.source.pool()) is None:
            return self.ladders
        pool = total - valid_size(total)
        cut = {t: sorted({min(n, pool) for n in ladder}) for t, ladder in self.ladders.items()}
        return {tier: tuple(ladder) for tier, ladder in cut.items()}

    def is_local(self) -> bool:
        """Whether the files are here."""
        return self.source.missing() is None

    def available(self) -> str | None:
        """Return why the images cannot be had here, or what is wrong with the files."""
        return self.source.available()

    def fingerprint(self) -> str:
        """Return 16 hex digits of all images and labels, and of a rounded draw of every split."""
        return _fingerprint(self, self.source.digest())

    def stock(self) -> Stock:
        """Return the images, downloaded if they are not here."""
        return _stock(self.source, self.source.digest())

    def rotations(self) -> PixelRotation:
        """Return the rotations of the images' pixels, scrambled as the task's."""
        return pixel_rotations(self.source.side, scrambled=self.is_scrambled)
