"""Tasks whose images come from files: their splits, their sizes and their fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch

from symbench import Split, seeded
from symbench.contract.task import fingerprint_of_draws
from symbench_images.rotation import PixelRotation
from symbench_images.scrambled import ScrambledImages, Stock
from symbench_images.stock import Source

VALID = 1000


@lru_cache(maxsize=4)
def pixel_rotations(side: int, *, scrambled: bool) -> PixelRotation:
    """Return the rotations of side × side pixels, with one fixed permutation if ``scrambled``."""
    generator = seeded("images", side, "scramble")
    return PixelRotation(side, torch.randperm(side**2, generator=generator) if scrambled else None)


def valid_size(total: int) -> int:
    """Return how many of the official training images form the valid split."""
    return min(VALID, max(1, total // 10))


@lru_cache(maxsize=2)
def _stock(source: Source, digest: str) -> Stock:  # noqa: ARG001 - part of the cache key
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
    return fingerprint_of_draws(task, digest)


class FromFiles(ScrambledImages):
    """Images of a published data set; the test split is the whole official test set.

    1,000 of the official training images form the valid split, the same for every seed. It is a
    tenth of a subset with fewer than 10,000 images. The others are for training. The largest
    training set of the full tier has the size of the published experiments.
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
        """Each tier's training sizes, limited to the images on this machine."""
        if (total := self.source.pool()) is None:
            return self.ladders
        pool = total - valid_size(total)
        cut = {t: sorted({min(n, pool) for n in ladder}) for t, ladder in self.ladders.items()}
        return {tier: tuple(ladder) for tier, ladder in cut.items()}

    def is_local(self) -> bool:
        """Whether all files are on this machine."""
        return self.source.missing() is None

    def available(self) -> str | None:
        """Return why the images are not available or the files unusable; None if all is well."""
        return self.source.available()

    def fingerprint(self) -> str:
        """Return a hash of all images and labels, and of rounded draws of every split."""
        return _fingerprint(self, self.source.digest())

    def stock(self) -> Stock:
        """Return the images; missing files are downloaded."""
        return _stock(self.source, self.source.digest())

    def rotations(self) -> PixelRotation:
        """Return the rotations of the pixels, permuted if the task's images are."""
        return pixel_rotations(self.source.side, scrambled=self.is_scrambled)
