"""A run hands out long cells in parts, and puts their records together."""

from __future__ import annotations

import math

import pytest
import toys
from hypothesis import given
from hypothesis import strategies as st
from toy_runs import TOYS

import symbench
from symbench.executor import Costs, run_cell
from symbench.records.store import Store
from symbench.registry import load
from symbench.runs.executors import local
from symbench.runs.options import Options
from symbench.runs.parts import Parts, cut, in_parts
from symbench.runs.plan import Selection, make_plan
from symbench.runs.run import execute

REGISTRY = toys.toy_registry()
SELECTION = Selection(("norms",), ("small", "told", "raising"), "quick", (16, 48), 2, 40)
SMALL = Selection(("norms",), ("small",), "quick", (16, 48), 2, 40)
SMALL_IS_LONG = Costs({("norms", "small"): 10.0, ("norms", "told"): 0.01}, {})


@pytest.fixture(autouse=True)
def only_toys(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")


class Workers:
    """An executor that computes cells and parts here, and lists what it computes."""

    def __init__(self, known=SMALL_IS_LONG, stop_after=math.inf, change=lambda record: record):
        self.known, self.stop_after, self.change = known, stop_after, change
        self.computed = []

    def __call__(self, cells, desk, options):
        for cell in desk.in_parts(cells, 8, self.known):
            if not desk.claim(cell):
                continue
            if len(self.computed) == self.stop_after:
                raise KeyboardInterrupt
            self.computed.append((cell.model, tuple(cell.sizes)))
            record = run_cell(
                desk.registry, cell, progress=lambda p, cell=cell: desk.progressed(cell, p),
                keep_networks=options.keep_networks,
            )  # fmt: skip
            yield self.change(record)


def run(workers, store, *, listener=None, selection=SELECTION, **options):
    registry = load([TOYS])

    class Plugin:
        @symbench.hookimpl
        def symbench_register(self, registry):
            registry.executor(workers, name="workers", summary="a test", remote=True)

    registry.add(Plugin(), "workers", "1", "here")
    if listener is not None:
        registry.add_reporter(listener)
    return execute(registry, selection, Options(store, executor="workers", **options))


def results(done):
    return {r.identity.model: [(t.n_train, t.seed, t.scores) for t in r.trials]
            for r in done.records}  # fmt: skip


def test_a_cell_in_parts_has_the_record_of_the_cell(tmp_path):
    workers = Workers()
    parted = run(workers, tmp_path / "parts", keep_networks="all")
    whole = run(Workers(Costs({}, {})), tmp_path / "whole", keep_networks="all")
    assert {(model, sizes) for model, sizes in workers.computed if model == "small"} == {
        ("small", (48,)), ("small", (16,)),
    }  # fmt: skip
    assert ("told", (16, 48)) in workers.computed
    assert results(parted) == results(whole)
    stores = [Store(tmp_path / name) for name in ("parts", "whole")]
    small = [next(r for r in s.records() if r.identity.model == "small") for s in stores]
    networks = [s.read_networks(r) for s, r in zip(stores, small, strict=True)]
    assert networks[0].keys() == networks[1].keys() != set()
    assert not list((tmp_path / "parts" / "parts").rglob("*.json"))  # nothing is left there


def test_one_start_one_end_and_growing_progress_are_reported_of_a_cell(tmp_path):
    heard = []

    class Listener:
        @symbench.hookimpl
        def symbench_cell_started(self, cell):
            heard.append(("started", cell.model))

        @symbench.hookimpl
        def symbench_cell_progressed(self, cell, progress):
            heard.append((progress.done, cell.model))

        @symbench.hookimpl
        def symbench_cell_finished(self, cell, record):
            heard.append(("finished", cell.model))

    run(Workers(), tmp_path, listener=Listener())
    of_small = [what for what, model in heard if model == "small"]
    assert (of_small[0], of_small[-1]) == ("started", "finished")
    assert of_small[1:-1] == sorted(of_small[1:-1])
    assert of_small[-2] == 1.0


def test_an_interrupted_run_resumes_with_the_missing_parts(tmp_path):
    first = Workers(stop_after=1)
    assert run(first, tmp_path, selection=SMALL).exit_code == 130
    again = Workers(Costs({}, {}))  # for which the cell is not long
    done = run(again, tmp_path)
    assert [sizes for model, sizes in first.computed + again.computed if model == "small"] == [
        (48,), (16,),
    ]  # fmt: skip
    assert results(done) == results(run(Workers(Costs({}, {})), tmp_path / "whole"))


def test_a_fresh_run_uses_no_stored_part(tmp_path):
    run(Workers(stop_after=1), tmp_path, selection=SMALL)
    again = Workers()
    run(again, tmp_path, fresh=True)
    assert [sizes for model, sizes in again.computed if model == "small"] == [(48,), (16,)]


def test_a_damaged_part_is_computed_again(tmp_path):
    run(Workers(stop_after=1), tmp_path, selection=SMALL)
    (part,) = (tmp_path / "parts").rglob("*.json")
    part.write_text(part.read_text()[:100])
    again = Workers()
    done = run(again, tmp_path)
    assert [sizes for model, sizes in again.computed if model == "small"] == [(48,), (16,)]
    assert done.exit_code == 1  # of the model that raises alone


def test_a_part_that_fails_fails_the_cell_and_ends_it(tmp_path):
    def crash(record):
        small = record.identity.model == "small"
        changes = {"status": "crashed", "trials": []} if small else {}
        return record.model_copy(update=changes)

    workers = Workers(change=crash)
    done = run(workers, tmp_path)
    assert [sizes for model, sizes in workers.computed if model == "small"] == [(48,)]
    assert {r.identity.model: r.status for r in done.records} == {
        "small": "crashed", "told": "ok", "raising": "failed",
    }  # fmt: skip


def test_processes_compute_the_parts_of_a_long_cell(tmp_path, monkeypatch):
    handed_out = []

    def supervised(cells, *arguments, **how):
        handed_out.extend(tuple(cell.sizes) for cell in cells)
        return whole(cells, *arguments, **how)

    whole, here = local.supervised, {"executor": "inline", "device": "cpu"}
    smoke = Selection(("norms",), ("small",), "smoke")
    execute(load([TOYS]), smoke, Options(tmp_path / "parts", **here))
    with monkeypatch.context() as patched:  # processes of cells import their own
        patched.setattr(local, "supervised", supervised)
        options = Options(tmp_path / "parts", executor="local", device="cpu", jobs=2)
        parted = execute(load([TOYS]), SMALL, options)
    assert handed_out == [(48,), (16,)]
    inline = execute(load([TOYS]), SMALL, Options(tmp_path / "whole", **here))
    assert results(parted) == results(inline) != {"small": []}


CELLS = [cell for cell in make_plan(REGISTRY, SELECTION) if cell.reason is None]


@given(
    st.lists(st.one_of(st.floats(1e-3, 1e3), st.just(math.inf)), min_size=3, max_size=3),
    st.integers(1, 600),
)
def test_every_size_is_handed_out_once_and_long_cells_are_cut(seconds, workers):
    pairs = [(cell.task, cell.model) for cell in CELLS]
    known = Costs({p: s for p, s in zip(pairs, seconds, strict=True) if s < math.inf}, {})
    found = cut(CELLS, known, workers)
    sizes = {cell.key: [] for cell in CELLS}
    for one in found:
        sizes[one.key] += one.sizes
    assert all(sorted(sizes[cell.key]) == sorted(cell.identity.sizes) for cell in CELLS)
    total = sum(known.seconds(cell) for cell in CELLS if known.seconds(cell) < math.inf)
    for cell in CELLS:
        is_cut = sum(one.key == cell.key for one in found) > 1
        long = math.isfinite(known.seconds(cell)) and known.seconds(cell) > total / workers / 2
        assert is_cut == (long and workers > 1)


def test_parts_share_the_cost_of_their_cell():
    cell = CELLS[1]
    known = Costs({(cell.task, cell.model): 2.0}, {})
    parts = in_parts(cell)
    assert {part.key for part in parts} == {cell.key}
    assert sum(known.seconds(part) for part in parts) == pytest.approx(known.seconds(cell))


UNKNOWN = Costs({}, {})
(SMALL_CELL,) = make_plan(REGISTRY, SMALL)


@pytest.fixture(scope="module")
def large_part():
    """The record of the part of n_train 48, and its networks."""
    return run_cell(REGISTRY, in_parts(SMALL_CELL)[0], keep_networks="largest")


def parts_of(store, **options):
    chosen = {"device": "cpu", "keep_networks": "largest", **options}
    return Parts(REGISTRY, Store(store), Options(store, **chosen))


def stored(store, n_train, record):
    Store(store / "parts" / str(n_train)).write(record)


def still_to_compute(parts, known=UNKNOWN, workers=1):
    return [tuple(one.sizes) for one in parts.handed_out([SMALL_CELL], known, workers)]


def moved_to(n_train, part):
    trials = [trial.model_copy(update={"n_train": n_train}) for trial in part.trials]
    return part.model_copy(update={"trials": trials})


def test_a_stored_part_is_not_computed_again(large_part, tmp_path):
    stored(tmp_path, 48, large_part)
    assert still_to_compute(parts_of(tmp_path)) == [(16,)]


@pytest.mark.parametrize("options", [
    {"keep_networks": "all"}, {"keep_networks": "none"}, {"device": "cuda"}, {"fresh": True},
])  # fmt: skip
def test_a_part_that_other_options_have_made_is_computed_again(large_part, tmp_path, options):
    stored(tmp_path, 48, large_part)
    assert (48,) in still_to_compute(parts_of(tmp_path, **options), SMALL_IS_LONG, 8)


@pytest.mark.parametrize("change", [
    lambda part: part.model_copy(update={"trials": part.trials[:1]}),
    lambda part: part.model_copy(update={"trials": part.trials * 2}),
    lambda part: part.model_copy(update={"status": "failed"}),
    lambda part: moved_to(16, part),
], ids=["a seed", "seeds twice", "failed", "n_train"])  # fmt: skip
def test_a_file_that_holds_no_such_part_is_computed_again(large_part, tmp_path, change):
    stored(tmp_path, 48, change(large_part))
    assert still_to_compute(parts_of(tmp_path)) == [(48,), (16,)]


def test_a_cell_of_which_all_parts_are_stored_is_finished_by_one(large_part, tmp_path):
    small_part = moved_to(16, large_part)
    for n_train, part in ((48, large_part), (16, small_part)):
        stored(tmp_path, n_train, part)
    parts = parts_of(tmp_path)
    assert still_to_compute(parts) == [(16,)]
    assert [trial.n_train for trial in parts.complete(small_part).trials] == [16, 16, 48, 48]


def test_parts_of_a_failed_cell_stay_and_those_of_a_finished_one_go(large_part, tmp_path):
    parts = parts_of(tmp_path)
    assert len(still_to_compute(parts, SMALL_IS_LONG, 8)) == 2
    assert parts.complete(large_part) is None
    parts.forget(large_part.model_copy(update={"status": "crashed", "trials": []}))
    again = parts_of(tmp_path, retry_failed=True)
    assert still_to_compute(again) == [(16,)]
    again.forget(large_part)
    assert not [path for path in (tmp_path / "parts").rglob("*") if path.is_file()]


def test_what_another_run_has_stored_or_measured_meanwhile_counts(large_part, tmp_path):
    parts = parts_of(tmp_path)
    assert still_to_compute(parts, SMALL_IS_LONG, 8) == [(48,), (16,)]
    assert still_to_compute(parts) == [(16, 48)]
    assert parts.complete(large_part) is large_part  # the cell was not cut
    stored(tmp_path, 48, large_part)
    assert still_to_compute(parts) == [(16,)]
