"""Inspection of networks on tasks and on arrays: what is accepted, and what is said."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import symbench
from symbench.contract import seeded
from symbench.errors import InputError, ShapeError

X = torch.randn(64, 6, generator=seeded("inspect"))
NAMED = {"group": "SO(3)", "input": "2V", "output": "S"}


class Dot(nn.Module):
    """The scalar product of two vectors, times a weight."""

    def __init__(self, size=3):
        super().__init__()
        self.size = size
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.weight * (x[:, : self.size] * x[:, self.size :]).sum(1, keepdim=True)


def test_arrays_data_frames_and_functions_are_read():
    for x in (X, X.numpy(), pd.DataFrame(X.numpy()), X.double()):
        assert symbench.inspect(Dot(), x=x, **NAMED).scores["equivariance_error"] < 1e-12
    found = symbench.inspect(lambda x: (x[:, :3] * x[:, 3:]).sum(1, keepdim=True), x=X, **NAMED)
    assert found.network == "function"
    json.dumps(found.document())


def test_a_task_gives_its_own_scores_and_the_module_stays_as_it_is():
    module = Dot(5).train()
    found = symbench.inspect(module, "o5-invariant", tier="smoke")
    assert {"error", "equivariance_error", "lie_derivative"} <= set(found.scores)
    assert found.scores["equivariance_error"] < 1e-12
    assert "It keeps O(5)" in str(found)
    assert module.training
    assert module.weight.dtype == torch.float32


def test_targets_are_the_unit_and_add_the_error():
    without = symbench.inspect(nn.Linear(6, 1), x=X, **NAMED)
    assert "error" not in without.scores
    with_y = symbench.inspect(nn.Linear(6, 1), x=X, y=np.ones((64, 1)) * X[:, :1].numpy(), **NAMED)
    assert with_y.scores["error"] > 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either a task, or x, group, input and output"),
        ({"x": X, "group": "SO(3)"}, "either a task, or x, group, input and output"),
        ({"task": "o5-invariant", "x": X, **NAMED}, "either a task"),
        ({"x": X, **NAMED, "input": "V"}, None),
        ({"x": X, **NAMED, "input": "V + S"}, r"input='V \+ Scalar' has 4 coordinates"),
        ({"x": X[:8], **NAMED}, "at least 16 examples"),
        ({"x": X / 0, **NAMED}, "NaN, infinite or complex"),
        ({"x": "text", **NAMED}, "no array of numbers"),
        ({"x": X, **NAMED, "group": "SO3"}, "unknown group 'SO3'"),
        ({"x": X, "y": X, **NAMED}, "make them agree"),
        ({"task": "no-symmetry"}, "has no symmetry"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(given, message):
    if message is None:  # two blocks of one vector
        assert symbench.inspect(Dot(), **given).symmetry.input.size == 3
        return
    with pytest.raises(InputError, match=message):
        symbench.inspect(Dot(), **given)


def test_a_network_that_does_not_fit_says_so():
    with pytest.raises(InputError, match="wrap it in a module that takes them"):
        symbench.inspect(nn.Linear(5, 1), x=X, **NAMED)
    with pytest.raises(ShapeError, match="which expects"):
        symbench.inspect(nn.Linear(10, 2), "o5-invariant", tier="smoke")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda x: 0 * x[:, :1] + 1, "the same for every input"),
        (lambda x: x[:, :1] * torch.randn(1), "other outputs when it is called again"),
    ],
)
def test_what_is_no_function_that_varies_is_refused(network, message):
    with pytest.raises(InputError, match=message):
        symbench.inspect(network, x=X, **NAMED)


def test_a_block_of_the_output_that_does_not_vary_is_kept_or_has_no_defect():
    def network(x):
        return torch.cat([x[:, :1], 0 * x[:, :3] + 1], 1)

    found = symbench.inspect(network, x=X, **{**NAMED, "output": "S + V"}).document()
    assert found["defects"]["outputs"][-1][1] is None
    json.dumps(found, allow_nan=False)
