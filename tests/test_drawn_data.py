"""Drawn data are those that the task declares, and nobody can write into them."""

from __future__ import annotations

import pytest
import torch
import toys

from symbench import Data
from symbench.draws import Draws
from symbench.errors import InputError


def test_writing_into_drawn_data_changes_nothing_that_is_drawn_later():
    own = Draws.of(toys.Norms())
    for draw in (own.test, lambda: own.valid(0), lambda: own.train(16, 0)):
        before = draw()
        x, y = before.x.clone(), before.y.clone()
        before.x.zero_(), before.y.numpy().fill(0)
        assert torch.equal(draw().x, x)
        assert torch.equal(draw().y, y)


def drawing(base=toys.Norms, **changes):
    """The first draw of a task whose data are changed: ``x`` or ``y`` -> what it becomes."""

    class Odd(base):
        name = "odd"

        def sample(self, n, seed, split):
            data = super().sample(n, seed, split)
            return Data(*(changes.get(k, lambda t: t)(getattr(data, k)) for k in "xy"))

    return Draws(Odd(), "f" * 16).train(16, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": lambda x: x[:9], "y": lambda y: y[:9]}, "9 rows of x where 16"),
        ({"y": lambda y: torch.cat([y, y])}, "32 rows of y where 16"),
        ({"y": lambda y: y[:, 0]}, r"y of shape \(\) per example, but declares \(1,\)"),
        ({"y": lambda y: y.long()}, r"y in torch.int64: return y.float\(\)"),
        ({"x": lambda x: x.double()}, r"x in torch.float64: return x.float\(\)"),
        ({"x": lambda x: x / 0}, "x with NaN or infinite"),
    ],
)
def test_regression_data_that_are_not_as_declared_are_refused(changes, message):
    with pytest.raises(InputError, match=f"task odd drew {message}"):
        drawing(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": lambda y: y + 1}, "labels 1 to 3: return labels 0 to 2"),
        ({"y": lambda y: y - 1}, "labels -1 to 1"),
        ({"y": lambda y: y[:, None]}, r"labels of shape \(16, 1\): return labels of shape \(16,\)"),
        ({"y": lambda y: y[:5]}, r"labels of shape \(5,\)"),
        ({"y": lambda y: y.float()}, r"labels in torch.float32: return y.long\(\)"),
        ({"y": lambda y: y.int()}, "labels in torch.int32"),
    ],
)
def test_labels_that_are_not_as_declared_are_refused(changes, message):
    with pytest.raises(InputError, match=f"task odd drew {message}"):
        drawing(toys.Labels, **changes)


def test_one_class_is_drawn():
    assert len(drawing(toys.Labels, y=torch.zeros_like)) == 16


# Fingerprints
