"""The two-line inspection on networks that nobody here wrote."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import symbench
from symbench.contract import seeded
from symbench.inspection.blocks import EXACT


def draws(columns, n=256):
    return torch.randn(n, columns, generator=seeded("foreign", columns))


class Particles(nn.Module):
    """L-GATr-slim on two four-vectors; without ``moved``, the second enters as four scalars."""

    def __init__(self, *, moved):
        super().__init__()
        lgatr = pytest.importorskip("lgatr", reason="pip install --group test")
        self.moved = moved
        self.net = lgatr.LGATrSlim(
            num_blocks=1, in_v_channels=2 if moved else 1, out_v_channels=1, hidden_v_channels=4,
            in_s_channels=1 if moved else 4, out_s_channels=1, hidden_s_channels=8, num_heads=2,
        )  # fmt: skip

    def forward(self, x):
        vectors = x.reshape(-1, 1, 2, 4)
        scalars = x.new_ones(len(x), 1, 1)
        if not self.moved:
            vectors, scalars = vectors[:, :, :1], x[:, None, 4:]
        return self.net(vectors, scalars)[0].reshape(-1, 4)


@pytest.mark.parametrize("moved", [True, False])
def test_lgatr_is_exact_unless_an_input_is_not_moved(moved):
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(1)
        net = Particles(moved=moved)
    found = symbench.inspect(net, x=draws(8), group="SO(1,3)", input="2V", output="V")
    if moved:
        assert found.defects.whole < EXACT
        assert found.finding.startswith("It keeps SO(1,3)")
    else:
        assert found.defects.whole > 10 * EXACT
        assert "input block 2 (columns 5–8, V) is not moved by the network" in found.finding
        assert "declare them as 4S" in found.finding


class PointPairs(nn.Module):
    """A PPFConv of torch-geometric on three points with normals, all pairs joined."""

    def __init__(self):
        super().__init__()
        geometric = pytest.importorskip("torch_geometric.nn")
        self.conv = geometric.PPFConv(nn.Sequential(nn.Linear(4, 16), nn.SiLU(), nn.Linear(16, 8)))
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        n = len(x)
        points = x.reshape(n * 3, 2, 3)
        pairs = torch.tensor([[0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]])
        edges = (pairs[:, None] + 3 * torch.arange(n)[None, :, None]).flatten(1)
        features = self.conv(None, points[:, 0].contiguous(), points[:, 1].contiguous(), edges)
        return self.out(features.reshape(n, 3, 8).mean(1))


def test_ppfconv_moves_its_normals_and_a_wrong_declaration_is_named():
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(1)
        net = PointPairs()
    exact = symbench.inspect(net, x=draws(18), group="SO(3)", input="6V", output="S")
    assert exact.defects.whole < EXACT
    wrong = symbench.inspect(net, x=draws(18), group="SO(3)", input="5V + 3S", output="S")
    assert "input columns 16–18 are declared as scalars and not moved" in wrong.finding
    assert "moves them as V: declare them so" in wrong.finding


def test_an_activation_on_a_grid_of_the_sphere_is_only_approximate():
    from e3nn.nn import S2Activation
    from e3nn.o3 import Irreps

    net = S2Activation(Irreps("0e + 1o"), torch.tanh, res=6)
    # e3nn orders an l = 1 vector as (y, z, x): a permutation, under which rotations stay rotations
    found = symbench.inspect(net, x=3 * draws(4), group="SO(3)", input="S + V", output="S + V")
    assert EXACT < found.defects.whole < 0.1
    assert "keeps SO(3) only approximately" in found.finding
    assert found.defects.culprits == ()
