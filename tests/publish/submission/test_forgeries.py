"""Forged scores do not verify on any machine, and a submission decides no limit of its re-runs."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import toys
from submissions import cell, read, rehashed

import symbench
from symbench import registry
from symbench.publish.submission import Rerunner, check, make, rerun, verify
from symbench.records.record import Identity

TOYS = Path(toys.__file__)
SEEDS = 5


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A submission of more seeds than the tier has, said to be of another machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBENCH_PLUGINS", "none")
        records = symbench.run(
            ["norms"], ["small", "raising"], "smoke", tmp_path_factory.mktemp("store"),
            seeds=SEEDS, executor="inline", plugin_files=(TOYS,), device="cpu",
        ).records  # fmt: skip
        document = copy.deepcopy(make(records, "smoke").raw)
        for record in document["records"]:
            record["provenance"]["machine"] = "elsewhere"
        again = {r.key: r for r in records}
    return document, again


@pytest.fixture
def rerunner(monkeypatch, honest):
    """A re-run that gives the honest scores again, without training."""
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    monkeypatch.setattr(Rerunner, "run", lambda self, record: honest[1][record.key])
    return Rerunner(registry.load((TOYS,)))


@pytest.fixture
def document(honest):
    return copy.deepcopy(honest[0])


def forged(document):
    """The submission with hashes and tables that fit."""
    return check(read(rehashed(document)))


def trials(document):
    return [t for t in cell(document, "small")["trials"] if t["n_train"] == 64]


def test_the_verdict_begins_with_the_number_of_seeds_if_it_is_not_the_tiers(document, rerunner):
    verdict = verify(forged(document), rerunner)
    assert verdict.line == ("verified (1 of 1 cells, 1 of 1 failed; 5 seeds, tier smoke has 2)")
    assert {cell.how for cell in verdict.cells} == {"spread", "status"}


def delete_the_worst(document):
    for trial in sorted(trials(document), key=lambda t: t["scores"]["error"])[-2:]:
        del trial["scores"]["error"]


def copy_the_best(document):
    ordered = sorted(trials(document), key=lambda t: t["scores"]["error"])
    for trial in ordered[-2:]:
        trial["scores"]["error"] = ordered[0]["scores"]["error"]


def invent(document):
    for trial in trials(document):
        trial["scores"]["flops.saved"] = 1.0


def delete_a_column(document):
    for trial in cell(document, "small")["trials"]:
        del trial["scores"]["flops"]


def delete_parameters(document):
    for trial in trials(document):
        del trial["cost"]["parameters"]


def lower_parameters(document):
    for trial in trials(document):
        trial["cost"]["parameters"] -= 1


def call_one_diverged(document):
    trials(document)[0].update(status="diverged", scores={})


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (delete_the_worst, "error: only found here"),
        (copy_the_best, "the same value of seeds"),
        (invent, "flops.saved: only submitted"),
        (delete_a_column, "flops: only found here"),
        (delete_parameters, "parameters: only found here"),
        (lower_parameters, "parameters: "),
        (call_one_diverged, "status: diverged submitted, ok here"),
    ],
)
def test_forged_scores_of_another_machine_are_not_reproduced(document, rerunner, forge, why):
    forge(document)
    verdict = verify(forged(document), rerunner)
    assert verdict.exit_code == 1
    assert why in verdict.line


def test_scores_by_another_version_of_a_metric_are_not_checkable(document, rerunner):
    cell(document, "small")["provenance"]["metrics"]["error"] = "2 0123456789ab"
    verdict = verify(forged(document), rerunner)
    assert verdict.exit_code == 2
    assert "a metric of its scores is another here" in verdict.line


def test_a_score_of_an_unknown_metric_is_not_checkable(document, rerunner):
    for trial in trials(document):
        trial["scores"]["beauty"] = 1.0
    verdict = verify(forged(document), rerunner)
    assert verdict.exit_code == 2
    assert "no metric registered here makes its score beauty" in verdict.line


@pytest.mark.parametrize(
    ("status", "outcome"), [("failed", "not reproduced"), ("timeout", "not checkable")]
)
def test_a_cell_that_is_said_to_have_failed_is_run_again(document, rerunner, status, outcome):
    small = cell(document, "small")
    small.update(status=status, trials=[], error={"type": status, "message": "none"})
    verdict = verify(forged(document), rerunner)
    (mine,) = [one for one in verdict.cells if one.model == "small"]
    assert mine.outcome == outcome
    assert mine.why == f"{status} submitted, ok here"
    assert verdict.exit_code == (1 if outcome == "not reproduced" else 2)


def test_a_submission_decides_neither_the_executor_nor_the_limits(document, monkeypatch):
    asked = []

    def execute(registry, selection, options):
        asked.append(options)
        raise KeyboardInterrupt

    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")
    monkeypatch.setattr(rerun, "execute", execute)
    for record in document["records"]:
        record["provenance"].update(executor="inline", concurrent=10**6)
    with pytest.raises(KeyboardInterrupt):
        verify(forged(document), Rerunner(registry.load((TOYS,)), memory=2.0))
    (options,) = asked
    assert options.executor == "local"
    assert options.seconds("smoke") is not None
    assert options.memory == 2.0
    assert options.jobs == 1


SEARCH = {"trials": 3, "seeds": 1, "n_train": 64, "sampler_seed": 0}


@pytest.mark.parametrize(
    ("changes", "search", "why"),
    [
        ({"width": 12_000}, SEARCH, "does not hold its setting width"),
        ({"width": 8.0}, SEARCH, "does not hold its setting width"),
        ({"depth": 2}, SEARCH, "settings are others"),
        ({}, {"note": "x" * 10}, "describes no search"),
        ({}, [1], "describes no search"),
        ({}, {**SEARCH, "trials": -1}, "describes no search"),
    ],
)
def test_a_configuration_that_no_search_gives_is_not_run(honest, rerunner, changes, search, why):
    own = cell(honest[0], "small")["identity"]
    identity = Identity(
        **{
            **own, "config": own["config"] | changes,
            "protocol": {**own["protocol"], "tuning": search},
        }
    )  # fmt: skip
    assert why in str(rerunner.obstacles([identity])[identity.key])


def test_more_trials_than_anyone_trains_are_not_run(honest, rerunner):
    own = cell(honest[0], "small")["identity"]
    identity = Identity(**{**own, "sizes": list(range(2, 64)), "seeds": list(range(100))})
    assert "more than 1000 trials" in str(rerunner.obstacles([identity])[identity.key])
