"""Training steps and equivariant bases against the reference EMLP (package ``emlp``, on JAX).

The peer runs in an environment of its own (``peers/``), created in the folder ``SYMBENCH_PEERS`` or
in pytest's cache. All times are CPU seconds of one thread. The two sides alternate, and the least
time of the repetitions counts, so the comparison also holds on a busy machine.

export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=1073741824  # as in a run
pytest tests/benchmarks/test_peer_speed.py --benchmark-enable -s
"""

from __future__ import annotations

import math
import os
import statistics
import time
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.peers.environment import LIMIT, OUT_OF_TIME, Peer, PeerMissingError
from torch import nn

from symbench import api, registry
from symbench.draws import Draws
from symbench.groups import (
    GL,
    SL,
    SO,
    D,
    Lorentz,
    O,
    S,
    Scalar,
    Sp,
    T,
    Trivial,
    V,
    Z,
    equivariant_basis,
    invariant_basis,
)
from symbench.groups.basis import _stored
from symbench.registry.problem import make_problem
from symbench.runs.executors.allocator import VARIABLES
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

BATCH = 500
LEVEL, HNN = 1, 50
HEAD = ("peer", "symbench", "ratio")
BASIS = 20  # geometric mean of ratios
FLEET = {32: 3, 128: 2.5}
SCALARS = [(500, 500, 1, 1), (32, 30, 25, 3), (128, 30, 25, 2)]  # width, n, trials, least ratio
TASKS = {"vectors": "o5-invariant", "rollouts": "spring-pendulum"}


def invariants(group, p, q=0):
    return partial(invariant_basis, T(p, q)(group))


def maps(group, source, target):
    return partial(equivariant_basis, source(group), target(group))


BASES = {
    "SO(3) T2 -> V": maps(SO(3), T(2), V),
    "SO(3) T4": invariants(SO(3), 4),
    "SO(3) T5": invariants(SO(3), 5),
    "SO(4) T4": invariants(SO(4), 4),
    "SO+(1,3) T4": invariants(SO(1, 3), 4),
    "O(1,3) T4": invariants(Lorentz(), 4),
    "O(1,3) V -> T(2,1)": maps(Lorentz(), V, T(2, 1)),
    "Sp(2) T4": invariants(Sp(2), 4),
    "SL(3) T(2,2)": invariants(SL(3), 2, 2),
    "GL(3) T(2,2)": invariants(GL(3), 2, 2),
    "S(5) 10V+5T2 -> 3S+T2": maps(S(5), 10 * V + 5 * T(2, 0), 3 * Scalar + T(2, 0)),
    "Z(6) T2": invariants(Z(6), 2),
    "D(8) T6": invariants(D(8), 6),
    "SO(5) T4": invariants(SO(5), 4),
    "S(5) T4": invariants(S(5), 4),
    "SO(2) in R3 T6": invariants(SO(2) * Trivial(1), 6),
    "O(2) in R3 T6": invariants(O(2) * Trivial(1), 6),
    "O(5) T4": invariants(O(5), 4),
    "S(6) T4": invariants(S(6), 4),
    "O(3) T6": invariants(O(3), 6),
}


@pytest.fixture(scope="module")
def peer(request, tmp_path_factory):
    """The reference, running; its process and this one on one thread each."""
    if not request.config.getoption("benchmark_enable", default=False):
        pytest.skip("installs and times another package: ask for it by --benchmark-enable")
    if missing := sorted(set(VARIABLES) - set(os.environ)):
        pytest.skip(f"set {' and '.join(missing)} as in the processes of a run")
    folder = os.environ.get("SYMBENCH_PEERS") or request.config.cache.mkdir("peers")
    data = tmp_path_factory.mktemp("peers") / "data.npz"
    np.savez(data, **batch())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with Peer(Path(folder).absolute(), data) as running:
            yield running
    except PeerMissingError as error:
        pytest.skip(str(error))
    finally:
        torch.set_num_threads(threads)


def batch():
    """Return the examples on which both sides train."""
    vectors, rollouts = (api.task(name).sample(BATCH, 0, "train") for name in TASKS.values())
    times = np.array(api.task(TASKS["rollouts"]).times, dtype=np.float32)
    return {
        "x": vectors.x, "y": vectors.y, "z": rollouts.x, "trajectories": rollouts.y, "times": times,
    }  # fmt: skip


@cache
def registered():
    return registry.load()


def configured(name, **config):
    model = api.model(name)
    return model(model.Config(**config))


def ours(model, inner=None, *, on="vectors", n=BATCH, trials=1, updates=10):
    """Return the CPU seconds of an update of one trial in the engine; ``inner``: the backbone."""
    task, ticks = api.task(TASKS[on]), []
    task.valid_size = 4  # validation is no part of a training step

    def view(generator):
        found = make_problem(registered(), task, model, generator)
        if inner is None:
            return found
        return replace(found, builder=lambda _, part: inner.build(part))

    setup = TrainingSetup(
        Draws.of(task), model, view, 2 * updates, torch.device("cpu"), validations=2,
        fleet="on" if trials > 1 else "off", progress=lambda _: ticks.append(time.process_time()),
    )  # fmt: skip
    train(setup, [TrialKey(n, seed) for seed in range(trials)])
    return (ticks[1] - ticks[0]) / updates / trials


def theirs(peer, name):
    answer = peer(name)
    if "error" in answer:
        pytest.skip(f"the peer fails at {name}: {answer['error']}")
    assert math.isfinite(answer["loss"])
    return answer["seconds"]


def ratio(what, their, our, rounds):
    """Return how many times faster ``our()`` is than ``their()``: the least of each, by turns."""
    pairs = [(their(), our()) for _ in range(rounds)]
    first, second = (min(seconds) for seconds in zip(*pairs, strict=True))
    print(f"\n{what}: peer {1e3 * first:.4g} ms, symbench {1e3 * second:.4g} ms,"
          f" ratio {first / second:.3g}")  # fmt: skip
    return first / second


def test_the_emlp_of_o5_trains_20_times_faster_than_the_reference(peer):
    model = configured("emlp", channels=384, copies=64, batch_size=BATCH)
    their, our = partial(theirs, peer, "emlp 384 500"), partial(ours, model)
    assert ratio("EMLP O(5), 384 channels, batch 500", their, our, 3) >= 20


def test_the_perceptron_is_about_level_with_the_references(peer):
    model = configured("mlp", width=384, batch_size=BATCH)
    their, our = partial(theirs, peer, "mlp 384 500"), partial(ours, model)
    assert ratio("MLP 3x384, batch 500", their, our, 8) >= LEVEL


@pytest.mark.parametrize("width", [32, 128])
def test_a_fleet_of_perceptrons_trains_faster_per_trial(peer, width):
    model = configured("mlp", width=width, batch_size=30)
    their = partial(theirs, peer, f"mlp {width} 30")
    our = partial(ours, model, n=30, trials=25, updates=40)
    assert ratio(f"MLP 3x{width}, batch 30, fleet of 25", their, our, 8) >= FLEET[width]


def test_a_hamiltonian_emlp_on_the_pendulum_trains_far_faster(peer):
    model = configured("hnn-emlp", trajectories=BATCH)
    inner = configured("emlp", channels=128, copies=64)
    their = partial(theirs, peer, "emlp-hnn 128 500")
    our = partial(ours, model, inner, on="rollouts", updates=5)
    assert ratio("EMLP-HNN, 128 channels, 500 rollouts", their, our, 4) >= HNN


def published_scalars(width):
    """Return a step of the publication's network on scalars in a plain loop of torch.

    Its own package is in no registry; this is what it computes: products, six layers of ReLU, Adam.
    """
    sizes = [3, *[width] * 6]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        hidden = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
        net = nn.Sequential(*hidden, nn.Linear(width, 1))
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)

    def seconds(x, y, steps):
        started = time.process_time()
        for _ in range(steps):
            v, w = x.view(-1, 2, 5).unbind(1)
            z = torch.stack([(v * v).sum(1), (v * w).sum(1), (w * w).sum(1)], 1)
            loss = (net(z) - y).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return (time.process_time() - started) / steps

    return seconds


@pytest.mark.parametrize(("width", "n", "trials", "least"), SCALARS)
def test_scalars_are_about_level_with_a_plain_loop_and_faster_in_a_fleet(
    peer, width, n, trials, least
):
    data = api.task(TASKS["vectors"]).sample(n, 0, "train")
    model = configured("scalars-2021", width=width, batch_size=n)
    their = partial(published_scalars(width), data.x, data.y, 20 if n < BATCH else 5)
    our = partial(ours, model, n=n, trials=trials, updates=20 if n < BATCH else 5)
    what = f"Scalars 6x{width}, batch {n}, {trials} trials, peer: plain torch"
    assert ratio(what, their, our, 5) >= least


def solved(solve, folder, monkeypatch):
    """Return the CPU seconds of a first solution, the least of three more, and the dimension.

    Nothing is read from the store of solved bases; writing to it counts.
    """
    seconds = []
    for i in range(4):
        monkeypatch.setenv("SYMBENCH_CACHE", str(folder / f"{i}-{time.monotonic_ns()}"))
        _stored.cache_clear()
        started = time.process_time()
        dimension = len(solve())
        seconds.append(time.process_time() - started)
    return seconds[0], min(seconds[1:]), dimension


def spelled(*cells):
    return "| " + " | ".join(cells) + " |"


def compared(answer, first, later):
    """Return the ratios, and the peer's times and the ratios in words.

    Where the peer runs out of time, its limit stands for its first solution: a lower bound, which
    says nothing of the second. Nothing is known where it runs out of memory or fails.
    """
    if (reason := answer.get("error")) is not None:
        known = [LIMIT / first] if reason == OUT_OF_TIME else []
        return known, [reason, "-", f"> {known[0]:.3g}×" if known else "-", "-"]
    ratios = [answer["first"] / first, answer["seconds"] / later]
    times = [f"{1e3 * answer[key]:.4g} ms" for key in ("first", "seconds")]
    return ratios, [*times, *(f"{r:.3g}×" for r in ratios)]


def test_bases_have_the_references_dimensions_and_are_found_faster(peer, tmp_path, monkeypatch):
    """A first solution is what a program that builds one network waits for: the peer compiles."""
    assert sorted(peer("bases")["names"]) == sorted(BASES)
    every, head = [], [f"{what}, {m}" for what in HEAD for m in ("first", "again")]
    print("\n" + spelled("basis", "maps", *head))
    print(spelled(*["---"] * 8))
    for name, solve in BASES.items():
        first, later, dimension = solved(solve, tmp_path, monkeypatch)
        answer = peer(name)
        assert answer.get("dimension", dimension) == dimension, (name, answer)
        ratios, cells = compared(answer, first, later)
        every.append(ratios)
        ours = [f"{1e3 * seconds:.4g} ms" for seconds in (first, later)]
        print(spelled(name, str(dimension), *cells[:2], *ours, *cells[2:]), flush=True)
    columns = [[ratios[i] for ratios in every if len(ratios) > i] for i in range(2)]
    for what, column in zip(("first", "again"), columns, strict=True):
        mean = statistics.geometric_mean(column)
        print(f"geometric mean of {len(column)} ratios, {what}: {mean:.3g}")
        assert mean >= BASIS
