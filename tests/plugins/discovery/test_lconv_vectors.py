"""L-conv on vectors: the layer, what is declined, and what its generators are."""

from __future__ import annotations

import pytest
import torch
from symbench_discovery.lconv_vectors import LConvVectors, VectorLConv
from symbench_vectors.chiral import SO3Cross
from symbench_vectors.tasks import LorentzScattering, O3Inertia, O5Invariant

import symbench
from symbench.contract import seeded


def normal(*shape):
    return torch.randn(*shape, generator=seeded("lconv", *shape), dtype=torch.float64)


def test_one_layer_mixes_channels_of_moved_copies(stream):
    net = VectorLConv((2, 3), generators=2, d=4, outputs=1).double()
    x = normal(5, 8)
    X, W = x.view(5, 2, 4), net.mixes[0].weight.view(3, 3, 2)  # out, identity and L_k, in
    moved = torch.stack([X, *(X @ L.mT for L in net.L)], 1)
    expected = torch.einsum("okc,nkcd->nod", W, moved) + net.mixes[0].bias[:, None]
    assert torch.allclose(net(x), net.last(torch.nn.functional.silu(expected).flatten(1)))


@pytest.mark.parametrize(
    "task", [O5Invariant(), LorentzScattering(), SO3Cross()], ids=lambda task: task.name
)
def test_it_announces_as_many_generators_as_v_has_dimensions(task, stream):
    model = LConvVectors()
    problem = symbench.problem(task, model)
    module = model.build(problem)
    d = problem.candidate.group.dim
    assert model.accepts(problem) is None
    assert model.generators(module).shape == (d, d, d)
    assert module(task.sample(3, 0, "train").x).shape == (3, *task.output_shape)


def test_it_reads_copies_of_v_and_nothing_else():
    problem = symbench.problem(O3Inertia(), LConvVectors())
    assert "copies" in LConvVectors().accepts(problem)
    problem = symbench.problem(O5Invariant(), LConvVectors())
    assert "full" in LConvVectors.for_tier("quick").accepts(problem)
