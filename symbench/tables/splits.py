"""Which rows train, validate and test: decided by a hash of the inputs of each row."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from symbench.contract import Split

TEST, VALID = 0.2, 0.1  # shares of the rows
MOST_TEST, MOST_VALID = 4000, 1000  # rows, as in the tasks that draw their data


def groups_of(x: NDArray[np.float64]) -> list[list[int]]:
    """Return the rows with equal inputs together, ordered by a hash of the inputs.

    Inputs are equal if they are in single precision, in which networks see them.
    """
    single = x.astype(np.float32) + 0.0  # -0 is 0
    groups: dict[bytes, list[int]] = defaultdict(list)
    for row, numbers in enumerate(single):
        groups[hashlib.sha256(numbers.tobytes()).digest()].append(row)
    return [groups[digest] for digest in sorted(groups)]


def split_rows(groups: list[list[int]]) -> dict[Split, list[int]]:
    """Return the rows of each split; rows of one group are in one split.

    The test split takes a fifth of the rows, the validation split a tenth, both at most as many as
    tasks that draw their data have. Groups that would exceed a share are left to training.
    """
    count = sum(map(len, groups))
    wanted: dict[Split, int] = {
        "test": min(MOST_TEST, round(TEST * count)),
        "valid": min(MOST_VALID, round(VALID * count)),
        "train": count,
    }
    rows: dict[Split, list[int]] = {"train": [], "valid": [], "test": []}
    for group in groups:
        split = next(name for name, most in wanted.items() if len(rows[name] + group) <= most)
        rows[split] += group
    return rows
