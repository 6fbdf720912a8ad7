"""What the laws of tasks, models and metrics are written with."""

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
        AssertionError: it does not.
    """
    if not condition:
        raise AssertionError(message)


def require_card(card: Card) -> None:
    """Hold a card to what listings need."""
    require(bool(card.summary.strip()), f"{card.name} has no summary: write one sentence")
    require(len(card.summary) <= 120, f"{card.name}: the summary is longer than a line (120)")
    card.load()


@contextmanager
def untouched_randomness(what: str) -> Iterator[None]:
    """Raise AssertionError if torch's, numpy's or Python's global generator is drawn from."""
    before = _states()
    yield
    for name, old, new in zip(("torch", "numpy", "Python"), before, _states(), strict=True):
        require(old == new, f"{what} draws from {name}'s global generator")


def _states() -> tuple[object, ...]:
    numbers: Any = np.random.get_state(legacy=False)  # noqa: NPY002 - looked at, not drawn from
    return torch.get_rng_state().numpy().tobytes(), str(numbers["state"]), random.getstate()


def difference(a: Tensor, b: Tensor) -> float:
    """Return the largest difference in units of the largest number of both."""
    scale = max(float(a.abs().max()), float(b.abs().max()), 1e-30)
    return float((a - b).abs().max()) / scale
