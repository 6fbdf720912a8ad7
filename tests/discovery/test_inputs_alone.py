"""Whether inputs have a symmetry by themselves."""

from __future__ import annotations

import pytest
import torch

from symbench.contract import Data, seeded
from symbench.discovery.inputs_alone import compared
from symbench.discovery.question import Question
from symbench.discovery.words import inputs_alone
from symbench.groups import SO

FLOWS = {"rotation": SO(2).algebra[0], "stretching": torch.diag(torch.tensor([-1.0, 0.5])).double()}


@pytest.mark.parametrize(
    ("flow", "symmetric", "said"),
    [("rotation", True, "has the symmetry, too"), ("stretching", False, "no distribution has")],
)
def test_no_distribution_has_a_symmetry_that_stretches(normal, flow, symmetric, said):
    rows = Data(normal(1000, 2), normal(1000, 1, seed=1))
    L = torch.zeros(1, 3, 3, dtype=torch.float64)
    L[0, :2, :2] = FLOWS[flow]
    found = compared(Question.of(rows, rows, None), L, seeded("test"))
    assert (found.symmetric, found.stretched) == (symmetric, not symmetric)
    assert said in inputs_alone(found)
