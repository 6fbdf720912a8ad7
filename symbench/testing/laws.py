"""Helpers for writing laws."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from symbench.registry.card import Card


def require(condition: bool, message: str) -> None:
    """Raise AssertionError with a message unless the condition holds.

    Raises:
        AssertionError: the condition does not hold.
    """
    if not condition:
        raise AssertionError(message)


def require_card(card: Card) -> None:
    """Require of a card what listings show: a short summary, and a target that loads."""
    require(bool(card.summary.strip()), f"{card.name} has no summary: write one sentence")
    require(len(card.summary) <= 120, f"{card.name}: the summary is longer than 120 characters")
    card.load()


@contextmanager
def untouched_randomness(what: str) -> Iterator[None]:
    """Raise AssertionError if the block draws from a global generator of torch, numpy or Python."""
    before = _states()
    yield
    for name, old, new in zip(("torch", "numpy", "Python"), before, _states(), strict=True):
        require(old == new, f"{what} draws from {name}'s global generator")


def _states() -> tuple[object, ...]:
    numbers: Any = np.random.get_state(legacy=False)  # noqa: NPY002 - only compared
    return torch.get_rng_state().numpy().tobytes(), str(numbers["state"]), random.getstate()


def difference(a: Tensor, b: Tensor) -> float:
    """Return the largest difference, relative to the largest number in a and b."""
    scale = max(float(a.abs().max()), float(b.abs().max()), 1e-30)
    return float((a - b).abs().max()) / scale
