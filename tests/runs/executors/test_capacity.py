"""Cores and GPUs are shared out without giving any of them twice; the dearest cells go first."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
import toys
from hypothesis import given
from hypothesis import strategies as st

from symbench.records.record import Record, TrialRecord
from symbench.runs.executors import capacity
from symbench.runs.executors.capacity import (
    Costs,
    Gpus,
    costs,
    default_jobs,
    gpu_slots,
    jobs_within,
    threads_per_job,
    usable_gpus,
)
from symbench.runs.plan import Selection, make_plan

GIB = 2**30
counts = st.integers(1, 512)


@given(cores=counts, asked=counts | st.none())
def test_jobs_times_threads_never_exceeds_the_cores(cores, asked):
    jobs = jobs_within(cores, asked)
    assert 1 <= jobs <= (asked or cores)
    assert jobs * threads_per_job(cores, jobs) <= cores


@given(cores=counts, jobs=counts)
def test_no_core_is_left_idle_that_one_more_thread_a_job_could_use(cores, jobs):
    assert jobs * (threads_per_job(cores, jobs) + 1) > cores


@given(total=st.floats(GIB, 200 * GIB), peak=st.floats(0, 300 * GIB))
def test_the_cells_of_a_gpu_fit_its_memory(total, peak):
    slots = gpu_slots(total, peak)
    assert 1 <= slots <= 16
    assert slots == 1 or slots * peak < total


@given(total=st.floats(GIB, 200 * GIB), peak=st.floats(0, 100 * GIB), more=st.floats(0, GIB))
def test_hungrier_cells_never_get_more_slots(total, peak, more):
    assert gpu_slots(total, peak + more) <= gpu_slots(total, peak)


def test_known_numbers_of_slots():
    # floor(0.9 * 80 / (10 + 600 / 1024)) = floor(6.80)
    assert gpu_slots(80 * GIB, 10 * GIB) == 6
    assert gpu_slots(80 * GIB, 0) == 16
    assert gpu_slots(80 * GIB, 79 * GIB) == 1
    assert gpu_slots(80 * GIB) == 1  # unknown: alone


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: threads_per_job(0, 1),
        lambda: threads_per_job(4, 0),
        lambda: jobs_within(0),
        lambda: jobs_within(4, 0),
        lambda: gpu_slots(0),
        lambda: gpu_slots(math.nan),
        lambda: gpu_slots(GIB, -1),
        lambda: gpu_slots(GIB, math.nan),
    ],
)
def test_impossible_machines_are_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        wrong()


@pytest.fixture(scope="module")
def cells():
    models = ("small", "told", "finding", "dropping")
    return make_plan(toys.toy_registry(), Selection(("norms",), models, "smoke"))


def record(cell, seconds, device="cpu", peak=0.0):
    trial = TrialRecord(n_train=16, seed=0, status="ok", cost={"peak_bytes": peak})
    return Record(
        identity=cell.identity, status="ok", trials=[trial],
        provenance={"seconds": seconds, "device": device},
    )  # fmt: skip


def test_the_longest_cell_goes_first_and_the_unknown_before_it(cells):
    known = costs(record(cell, seconds) for cell, seconds in zip(cells, (2, 9, 5), strict=False))
    assert known.longest_first(cells) == [cells[3], cells[1], cells[2], cells[0]]
    assert [known.seconds(cell) for cell in cells[:3]] == pytest.approx([2, 9, 5])
    assert known.seconds(cells[3]) == math.inf


def test_where_nothing_is_known_the_order_is_the_plans(cells):
    assert costs([]).longest_first(cells) == cells


def test_a_cells_cost_follows_its_trials_and_updates(cells):
    known = costs([record(cells[0], 2.0)])
    selection = Selection(("norms",), (cells[0].model,), "smoke", seeds=6)
    (thrice,) = make_plan(toys.toy_registry(), selection)  # smoke has two seeds
    assert known.seconds(thrice) == pytest.approx(6.0)


def test_only_a_gpu_tells_what_a_cell_takes_of_a_gpu(cells):
    known = costs([record(cells[0], 1, peak=3.0), record(cells[1], 1, "NVIDIA", peak=5.0)])
    assert [known.peak_bytes(cell) for cell in cells[:2]] == [None, 5.0]


def test_a_cell_that_failed_before_it_trained_says_nothing(cells):
    failed = Record(identity=cells[0].identity, status="failed", provenance={"seconds": 0.01})
    assert costs([failed]).seconds(cells[0]) == math.inf


@given(sizes=st.lists(st.integers(4, 150), min_size=1, max_size=4), peaks=st.data())
def test_cells_fit_the_memory_of_their_gpu_and_wait_only_if_none_has_room(cells, sizes, peaks):
    total = {str(place): size * float(GIB) for place, size in enumerate(sizes)}
    peak = {cell.key: peaks.draw(st.integers(0, 200)) * float(GIB) for cell in cells}
    known = Costs({}, {(cell.task, cell.model, "smoke"): peak[cell.key] for cell in cells})
    gpus, taken = Gpus(total, known), []
    for cell in cells:
        place = gpus.place(cell, taken)
        shares = {gpu: sum(one.share for one in taken if one.gpu == gpu) for gpu in total}
        if place is None:
            emptiest = min(shares, key=shares.__getitem__)
            assert shares[emptiest] + 1 / gpu_slots(total[emptiest], peak[cell.key]) > 1
        else:
            assert shares[place.gpu] == min(shares.values())
            assert shares[place.gpu] + place.share <= 1 + 1e-6
            assert place.share == 1 or peak[cell.key] < place.share * total[place.gpu]
            taken.append(place)


def test_cells_that_were_not_measured_take_gpus_in_turns(cells):
    gpus, taken = Gpus({"0": 24.0 * GIB, "1": 24.0 * GIB}, Costs({}, {})), []
    while (place := gpus.place(cells[0], taken)) is not None:
        taken.append(place)
    assert taken == [("0", 0.5), ("1", 0.5), ("0", 0.5), ("1", 0.5)]


def test_the_gpus_of_a_machine_have_the_names_that_the_user_has_chosen(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    about = lambda index: SimpleNamespace(total_memory=(index + 1) * GIB)  # noqa: E731
    monkeypatch.setattr(torch.cuda, "get_device_properties", about)
    for chosen, names in (("3,GPU-5a", ["3", "GPU-5a"]), (None, ["0", "1"])):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if chosen is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
        assert usable_gpus() == dict(zip(names, (GIB, 2 * GIB), strict=True))
    monkeypatch.setattr(capacity, "usable_cores", lambda: 64)
    assert (default_jobs("cpu"), default_jobs("cuda")) == (64, 32)
