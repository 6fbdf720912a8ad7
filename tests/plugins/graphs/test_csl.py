"""Circular skip links: the ten classes, their spectra, and which closed walks distinguish them."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from symbench_graphs.csl import CSL, NODES, SKIPS, circular_skip_links

from symbench import graphs

DIAMETERS = (10, 7, 6, 6, 5, 4, 5, 5, 7, 5)


@pytest.fixture(scope="module")
def ten():
    return torch.stack(CSL().classes())[:, 0].double()


def spectrum(A):
    return tuple(torch.linalg.eigvalsh(A.double()).round(decimals=8).tolist())


def as_networkx(A):
    return nx.from_numpy_array(A.numpy())


def test_the_classes_are_graphs_with_a_mask_and_no_loops(ten):
    classes = CSL().classes()
    assert len(classes) == 10
    assert {tuple(graph.shape) for graph in classes} == {(2, 41, 41)}
    assert all(torch.equal(graph[1], torch.eye(41)) for graph in classes)
    assert torch.equal(ten, ten.mT)
    assert ten.diagonal(dim1=1, dim2=2).sum() == 0


def test_every_class_is_4_regular_with_82_edges(ten):
    assert bool((ten.sum(1) == 4).all())
    assert ten.sum((1, 2)).tolist() == [164] * 10


def test_the_ten_classes_are_all_of_the_spectra_of_csl_41(ten):
    everything = {spectrum(circular_skip_links(NODES, skip)) for skip in range(2, 21)}
    assert {spectrum(A) for A in ten} == everything
    assert len(everything) == 10


def test_csl_41_2_and_csl_41_20_are_isomorphic():
    two, twenty = (as_networkx(circular_skip_links(NODES, skip)) for skip in (2, 20))
    assert nx.is_isomorphic(two, twenty)
    assert not nx.is_isomorphic(two, as_networkx(circular_skip_links(NODES, 3)))


def test_triangles_squares_and_diameters_are_the_known_ones(ten):
    closed = {k: torch.linalg.matrix_power(ten, k).diagonal(dim1=1, dim2=2).sum(1) for k in (3, 4)}
    assert (closed[3] / 6).tolist() == [41] + [0] * 9
    # closed walks of length 4: 8 per 4-cycle, and those along one or two edges, 41 (2·16 - 4)
    squares = (closed[4] - 41 * 28) / 8
    assert squares.tolist() == [82 if skip == 3 else 41 for skip in SKIPS]
    assert tuple(nx.diameter(as_networkx(A)) for A in ten) == DIAMETERS


@pytest.mark.parametrize(("longest", "classes"), [(3, 2), (4, 3), (5, 5), (6, 6), (7, 9), (8, 10)])
def test_closed_walks_tell_apart_ever_more_classes(ten, longest, classes):
    walks = [
        torch.linalg.matrix_power(ten, k).diagonal(dim1=1, dim2=2).sum(1).tolist()
        for k in range(1, longest + 1)
    ]
    assert len(set(zip(*walks, strict=True))) == classes


@pytest.mark.parametrize("n", [0, 1, 10, 200])
def test_a_draw_is_balanced_and_holds_its_class(n, ten):
    data = CSL().sample(n, 3, "test")
    assert data.x.shape == (n, 2, 41, 41)
    assert data.y.shape == (n,)
    assert data.y.dtype == torch.int64
    counted = torch.bincount(data.y, minlength=10)
    assert int(counted.max() - counted.min()) <= 1
    for graph, label in zip(data.x[:20], data.y[:20], strict=True):
        assert spectrum(graph[0]) == spectrum(ten[label])


def test_labels_come_in_random_order_and_graphs_freshly_relabelled():
    task = CSL()
    data = [task.sample(30, seed, split) for seed, split in ((0, "train"), (1, "train"))]
    data.append(task.sample(30, 0, "test"))
    seen = {tuple(A.flatten().tolist()) for part in data for A in part.x}
    assert len(seen) == 90
    assert len({tuple(part.y.tolist()) for part in data}) == 3
    assert torch.equal(task.sample(30, 0, "train").x, data[0].x)


def test_the_spectrum_alone_solves_the_task(ten):
    data = CSL().sample(50, 0, "test")
    known = torch.tensor([spectrum(A) for A in ten])
    guess = torch.cdist(torch.tensor([spectrum(A) for A in data.x[:, 0]]), known).argmin(1)
    assert torch.equal(guess, data.y)


def test_relabelling_acts_on_the_input_and_leaves_the_class():
    task = CSL()
    data, symmetry = task.sample(10, 0, "train"), task.symmetry
    g = symmetry.group.sample(10, torch.Generator().manual_seed(1))
    moved = symmetry.input.act(g, data.x.flatten(1)).view_as(data.x)
    assert torch.equal(graphs.relabelled(data.x, g.argmax(2)), moved)
    assert [spectrum(A) for A in moved[:, 0]] == [spectrum(A) for A in data.x[:, 0]]
    logits = torch.rand(10, 10)
    assert torch.equal(symmetry.output.act(g, logits), logits)
