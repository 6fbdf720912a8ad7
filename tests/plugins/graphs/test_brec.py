"""BREC as published; these tests need its files in SYMBENCH_DATA."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import networkx as nx
import pair_toys
import pytest
import torch
from symbench_graphs.brec import BREC, files
from symbench_graphs.structural import Structural

DATA = os.environ.get("SYMBENCH_DATA", "")
needs_files = pytest.mark.skipif(
    not DATA or not (Path(DATA) / "brec" / "basic.npy").is_file(), reason="needs the files of BREC"
)
SIZES = {"basic": 60, "regular": 50, "str": 50, "extension": 100, "cfi": 100, "4vtx": 20, "dr": 20}


def test_the_files_hold_400_pairs_in_the_official_order():
    assert {file.category: file.pairs for file in files()} == SIZES
    assert [file.first for file in files()] == [0, 60, 110, 160, 260, 360, 380]


def test_without_its_files_and_the_network_it_is_declined(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SYMBENCH_OFFLINE", "1")
    assert not BREC().is_local()
    assert "set SYMBENCH_DATA to a directory with brec/basic.npy" in (BREC().available() or "")


@needs_files
def test_every_pair_has_its_official_number_and_category():
    task = BREC()
    assert task.is_local()
    assert task.available() is None
    assert [pair.id for pair in task.pairs()] == list(range(400))
    assert Counter(pair.category for pair in task.pairs()) == SIZES
    assert sum(2 * pair.nodes for pair in task.pairs()) == 27_804


@needs_files
def test_the_disconnected_pairs_are_the_ten_known_ones():
    def connected(graph):
        return nx.is_connected(nx.from_numpy_array(graph[0].numpy()))

    found = [p.id for p in BREC().pairs() if not (connected(p.a) and connected(p.b))]
    assert found == [6, 17, 24, 52, 186, 187, 203, 265, 278, 297]


@needs_files
def test_pair_110_is_rook_and_shrikhande():
    pair = BREC().pair(110)
    graphs = [nx.from_numpy_array(g[0].numpy()) for g in (pair.a, pair.b)]
    assert all(nx.is_strongly_regular(graph) for graph in graphs)
    cliques = [sum(len(c) == 4 for c in nx.find_cliques(graph)) for graph in graphs]
    assert sorted(cliques) == [0, 8]


@needs_files
def test_188_pairs_are_cospectral():
    def spectrum(graph):
        return torch.linalg.eigvalsh(graph[0].double())

    same = [p for p in BREC().pairs() if torch.allclose(spectrum(p.a), spectrum(p.b), atol=1e-8)]
    counts = Counter(pair.category for pair in same)
    assert counts == {"str": 50, "extension": 1, "cfi": 97, "4vtx": 20, "dr": 20}


@needs_files
@pytest.mark.parametrize("category", ["basic", "regular", "extension"])
def test_two_fwl_tells_the_first_pairs_of_a_category_apart_and_1_wl_none(category):
    pairs = [pair for pair in BREC().pairs() if pair.category == category][:10]
    assert not any(pair_toys.fwl(pair.a, pair.b, 1) for pair in pairs)
    assert all(pair_toys.fwl(pair.a, pair.b, 2) for pair in pairs)


@needs_files
def test_untrained_message_passing_tells_none_of_the_400_apart():
    task = BREC()
    scores = Structural().score(pair_toys.trial(task, pair_toys.Gin), task, torch.Generator())
    assert scores["pairs_structural"] == 0
    assert scores["pairs_structural.noise"] < 1e-13


@needs_files
def test_untrained_closed_walks_tell_apart_what_short_spectra_do():
    task = BREC()
    scores = Structural().score(pair_toys.trial(task, pair_toys.Walks), task, torch.Generator())
    known = {"regular": 50, "str": 0, "4vtx": 0, "dr": 0}
    assert {part: scores[f"pairs_structural.{part}"] for part in known} == known
    assert 58 <= scores["pairs_structural.basic"] <= 60
    assert 95 <= scores["pairs_structural.extension"] <= 99
    assert scores["pairs_structural.cfi"] <= 3
