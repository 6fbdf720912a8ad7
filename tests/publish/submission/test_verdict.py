"""Cells that are run again decide the verdict on a submission."""

from __future__ import annotations

import pytest
from submissions import cell, found, read, rehashed

from symbench import registry
from symbench.publish.submission import Rerunner, check, parse, verify
from symbench.records.record import Failure, Record


def test_an_honest_submission_is_verified(honest, rerunner):
    verdict = verify(check(parse(honest.to_json().encode())), rerunner, cells=2)
    assert verdict.line == "verified (2 of 2 cells, 1 of 1 failed)"
    assert verdict.exit_code == 0
    assert {cell.how for cell in verdict.cells} == {"exact", "status"}


@pytest.mark.parametrize("model", ["small", "told"])
def test_one_trial_improved_by_a_fifth_is_not_reproduced(document, rerunner, model):
    trial = cell(document, model)["trials"][-1]
    trial["scores"]["error"] *= 0.8
    assert "not the one that was hashed" in found(document)
    verdict = verify(check(read(rehashed(document))), rerunner, cells=2)
    assert verdict.exit_code == 1
    place = f"norms {model}: n_train {trial['n_train']}, seed {trial['seed']}, error"
    assert place in verdict.line
    assert "(-20 %)" in verdict.line


def test_figures_swapped_between_seeds_are_not_reproduced(document, rerunner):
    trials = cell(document, "small")["trials"]
    first, second = (trial for trial in trials if trial["n_train"] == 64)
    first["scores"], second["scores"] = second["scores"], first["scores"]
    verdict = verify(check(read(rehashed(document))), rerunner, cells=2)
    assert verdict.line.startswith("not reproduced (1 of 3 drawn cells; norms small:")


def test_another_task_version_is_never_verified(document, rerunner):
    for record in document["records"]:
        record["identity"]["task_version"] = "0"
    verdict = verify(check(read(rehashed(document))), rerunner)
    assert verdict.exit_code == 2
    assert verdict.line == "not checkable (another version of the task is registered here)"


def test_a_missing_plugin_makes_cells_uncheckable(honest, monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    verdict = verify(check(honest), Rerunner(registry.Registry()))
    assert verdict.line == "not checkable (the task is not registered here (plugin missing))"


def test_what_is_drawn_depends_on_the_reviewers_seed(honest, rerunner, monkeypatch):
    monkeypatch.setattr(Rerunner, "run", lambda self, record: record)
    drawn = {verify(check(honest), rerunner, 1, seed).cells[0].model for seed in range(20)}
    assert drawn == {"small", "told"}
    again = [verify(check(honest), rerunner, 1, seed=3).cells[0].model for _ in range(2)]
    assert again[0] == again[1]


def test_a_re_run_that_fails_says_nothing_of_the_figures(honest, rerunner, monkeypatch):
    lost = Record(
        identity=honest.plan[0], status="oom", error=Failure(type="MemoryError", message="full")
    )
    monkeypatch.setattr(Rerunner, "run", lambda self, record: lost)
    verdict = verify(check(honest), rerunner)
    assert verdict.line == "not checkable (the re-run oom: full)"


def test_another_machine_class_is_judged_by_the_spread(document, rerunner):
    for record in document["records"]:
        record["provenance"]["machine"] = "elsewhere"
    verdict = verify(check(read(rehashed(document))), rerunner, cells=2)
    assert verdict.line == "verified (2 of 2 cells, 1 of 1 failed)"
    assert {cell.how for cell in verdict.cells} == {"spread", "status"}


def test_scores_of_a_gpu_that_differ_by_the_order_of_sums_are_judged_by_the_spread(
    document, rerunner, monkeypatch
):
    compute = Rerunner.run

    def on_gpu(self, record):
        again = compute(self, record)
        made = again.provenance.also(device="a GPU")
        trials = [
            trial.model_copy(update={"scores": {k: v * 1.0001 for k, v in trial.scores.items()}})
            for trial in again.trials
        ]
        return again.model_copy(update={"provenance": made, "trials": trials})

    for record in document["records"]:
        record["provenance"]["device"] = "a GPU"
    monkeypatch.setattr(Rerunner, "run", on_gpu)
    verdict = verify(check(read(rehashed(document))), rerunner, cells=2)
    assert verdict.outcome == "verified"
    assert {cell.how for cell in verdict.cells} == {"spread", "status"}
