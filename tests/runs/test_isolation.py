"""A cell does not affect other cells, and a run does not affect other runs."""

from __future__ import annotations

import threading

import pytest
from toy_runs import TOYS, run, statuses

import symbench
from symbench.records.store import Store


@pytest.fixture(autouse=True)
def only_toys(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")


def test_a_cell_that_eats_the_memory_is_stopped_alone(tmp_path):
    result = run(["greedy", "small"], tmp_path, executor="local", jobs=2, memory=1.0)
    assert statuses(result) == {"greedy": "oom", "small": "ok"}
    (record,) = [r for r in result.records if r.identity.model == "greedy"]
    assert "of 1.0 GiB (--memory)" in record.error.message
    assert record.provenance["attempts"] == 2


def test_a_crashed_cell_gets_a_second_attempt_one_trial_at_a_time(tmp_path):
    result = run(["fragile", "dying"], tmp_path, executor="local", jobs=2)
    assert statuses(result) == {"fragile": "ok", "dying": "crashed"}
    attempts = {r.identity.model: r.provenance["attempts"] for r in result.records}
    assert attempts == {"fragile": 2, "dying": 2}


def test_a_claimed_cell_is_nobody_elses(tmp_path):
    key = "0123456789abcdef"
    ours, theirs = Store(tmp_path), Store(tmp_path)
    assert ours.claim(key)
    assert not theirs.claim(key)
    ours.release(key)
    assert theirs.claim(key)
    theirs.release_all()
    assert ours.claim(key)


def test_two_runs_on_one_store_share_the_work(tmp_path):
    results = {}

    def one(name):
        results[name] = symbench.run(
            ["norms", "labels"], ["slow", "small"], "smoke", tmp_path, executor="local",
            plugin_files=(TOYS,), device="cpu", jobs=1,
        )  # fmt: skip

    threads = [threading.Thread(target=one, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    outcomes = {name: result.run.outcomes for name, result in results.items()}
    assert all(len(found) == 4 for found in outcomes.values())
    assert {o.status for found in outcomes.values() for o in found} == {"ok"}
    computed = [(o.task, o.model) for found in outcomes.values() for o in found if not o.reused]
    assert sorted(computed) == sorted(set(computed))  # no cell twice
    assert len(computed) == 4
    tables = [result.leaderboard.model_dump() for result in results.values()]
    assert tables[0] == tables[1]
