"""Files of pairs of graphs: bad ones are refused by name, missing ones fetched or declined."""

from __future__ import annotations

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import networkx as nx
import numpy as np
import pytest
import torch
from symbench_graphs.reading import PairFile, decode, read_pairs

from symbench import InputError
from symbench.downloads import RemoteFile
from symbench.graphs import adjacency


def graph6(graph):
    return nx.to_graph6_bytes(graph, header=False).strip()


TRIANGLES = graph6(nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3)))
HEXAGON, PENTAGON = graph6(nx.cycle_graph(6)), graph6(nx.cycle_graph(5))


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SYMBENCH_OFFLINE", raising=False)
    return tmp_path / "data"


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def written(path, codes):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.array(codes))
    return path


def described(path, url="http://127.0.0.1:9/x.npy"):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return PairFile(RemoteFile("brec/x.npy", f"sha256:{digest}", (url,)), "x", 1, 7)


@pytest.mark.parametrize("seed", range(3))
def test_graph6_is_decoded(seed):
    graph = nx.gnp_random_graph(9, 0.5, seed=seed)
    expected = torch.from_numpy(nx.to_numpy_array(graph, dtype="float32"))
    for code in (graph6(graph), graph6(graph).decode()):
        assert torch.equal(adjacency(decode(code, "here")), expected)


@pytest.mark.parametrize("code", [b"", b"E", b"E??", b"E????", b"E\x01\x02", "Eé?", ":Fa@x^"])
def test_malformed_graph6_is_refused(code):
    with pytest.raises(InputError, match=r"here: .* is not graph6"):
        decode(code, "here")


def test_a_graph_without_nodes_is_refused():
    with pytest.raises(InputError, match="here: an empty graph"):
        decode(graph6(nx.empty_graph(0)), "here")


@pytest.mark.parametrize("shape", [(2, 1), (1, 2), (2,)])
def test_neighbours_in_the_flattened_array_are_a_pair(tmp_path, shape):
    path = written(tmp_path / "two.npy", np.array([TRIANGLES, HEXAGON]).reshape(shape))
    (pair,) = read_pairs(path, "x", 1, first=5)
    assert (pair.id, pair.category, pair.nodes) == (5, "x", 6)
    assert [int(torch.linalg.matrix_power(g[0], 3).trace()) for g in (pair.a, pair.b)] == [12, 0]


def refused(path, count=1):
    with pytest.raises(InputError) as error:
        read_pairs(path, "x", count)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_wrong_number_of_graphs_is_refused(tmp_path):
    assert "has 3 graphs, not the 2" in refused(written(tmp_path / "a.npy", [HEXAGON] * 3))


def test_a_pair_of_different_sizes_is_refused(tmp_path):
    assert "6 and 5 nodes" in refused(written(tmp_path / "a.npy", [HEXAGON, PENTAGON]))


def test_a_malformed_string_is_refused_by_its_place(tmp_path):
    assert "graph 1" in refused(written(tmp_path / "a.npy", [HEXAGON, b"E?"]))


def test_numbers_are_refused(tmp_path):
    assert "not graph6" in refused(written(tmp_path / "a.npy", [1.0, 2.0]))


def test_a_pickle_is_refused_and_never_loaded(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([{}, {}], dtype=object), allow_pickle=True)
    assert "cannot be read" in refused(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = written(tmp_path / "a.npy", [TRIANGLES, HEXAGON])
    path.write_bytes(path.read_bytes()[:-3])
    assert "cannot be read" in refused(path)


def test_a_file_that_is_here_is_read(home):
    file = described(written(home / "brec/x.npy", [TRIANGLES, HEXAGON]))
    assert file.remote.unavailable() is None
    assert [pair.id for pair in file.read()] == [7]


def test_a_file_of_another_checksum_is_refused_by_name(home):
    file = described(written(home / "brec/x.npy", [TRIANGLES, HEXAGON]))
    written(home / "brec/x.npy", [HEXAGON, TRIANGLES])
    assert str(home / "brec/x.npy") in (file.remote.unavailable() or "")
    with pytest.raises(InputError, match="not the published file"):
        file.read()


def test_without_network_a_missing_file_is_declined_with_the_mend(home, monkeypatch, tmp_path):
    file = described(written(tmp_path / "x.npy", [TRIANGLES, HEXAGON]))
    assert "127.0.0.1:9 does not answer; set SYMBENCH_DATA" in (file.remote.unavailable() or "")
    monkeypatch.setenv("SYMBENCH_OFFLINE", "1")
    assert "SYMBENCH_OFFLINE is set; set SYMBENCH_DATA" in (file.remote.unavailable() or "")
    with pytest.raises(InputError, match=r"brec/x\.npy is not here"):
        file.read()


def test_a_missing_file_is_fetched_and_kept(home, served):
    folder, address = served
    file = described(written(folder / "x.npy", [TRIANGLES, HEXAGON]), f"{address}/x.npy")
    assert file.remote.unavailable() is None
    assert file.remote.find() is None
    assert [pair.nodes for pair in file.read()] == [6]
    assert file.remote.find() == home / "brec/x.npy"


def test_what_is_served_with_another_checksum_is_not_kept(home, served):
    folder, address = served
    file = described(written(folder / "x.npy", [TRIANGLES, HEXAGON]), f"{address}/x.npy")
    written(folder / "x.npy", [HEXAGON, TRIANGLES])
    with pytest.raises(InputError, match=r"brec/x.npy cannot be downloaded .* set SYMBENCH_DATA"):
        file.read()
    assert file.remote.find() is None
