from __future__ import annotations

import pytest
import torch


@pytest.fixture
def normal():
    def draw(*shape, seed=0):
        stream = torch.Generator().manual_seed(seed)
        return torch.randn(*shape, generator=stream, dtype=torch.float64)

    return draw
