"""Kept networks scored by a metric that was written later, without training."""

from __future__ import annotations

import pytest
from toy_runs import TOYS

import symbench
from symbench.errors import UnknownNameError
from symbench.records.store import Store
from symbench.registry import load as registry_of
from symbench.runs import cell
from symbench.runs.staleness import has_changed_metrics

METRIC = '''
"""A metric that is written after the run."""
from symbench import Metric, hookimpl

class Size(Metric):
    """The mean absolute output."""
    name, version, summary = "output_size", "{version}", "mean absolute output"

    def score(self, trained, task, generator):
        return float(trained.prediction.abs().mean()) * {factor}

@hookimpl
def symbench_register(registry):
    registry.metric(Size)
'''


def later(path, version="1", factor=1.0):
    file = path / f"later{version}.py"
    file.write_text(METRIC.format(version=version, factor=factor))
    return file


def run(path, *files, **how):
    return symbench.run(
        ["norms"], ["small", "finding"], "smoke", path, device="cpu",
        plugin_files=(TOYS, *files), **how,
    )  # fmt: skip


def scores(path, name):
    return {
        (record.identity.model, trial.n_train, trial.seed): trial.scores.get(name)
        for record in Store(path).records()
        for trial in record.trials
    }


@pytest.fixture
def no_training(monkeypatch):
    def refuse(*_):
        raise AssertionError("nothing is to be trained")

    return lambda: monkeypatch.setattr(cell, "train", refuse)


def test_a_later_metric_has_the_scores_of_a_run_with_it(tmp_path, no_training):
    metric = later(tmp_path)
    run(tmp_path / "with", metric)
    run(tmp_path / "after", keep_networks="all")
    no_training()
    stored = symbench.load(tmp_path / "after", plugin_files=(TOYS, metric))
    done = list(stored.score("output_size"))
    assert [(one.trials, one.why) for one in done] == [(4, ""), (4, "")]
    assert scores(tmp_path / "after", "output_size") == pytest.approx(
        scores(tmp_path / "with", "output_size"), rel=1e-5
    )
    # a run with the metric then reuses the records
    again = run(tmp_path / "after", metric)
    assert all(outcome.reused for outcome in again.run.outcomes)
    stored.network("norms", "small", 64, 0)  # the networks are still there


def test_a_core_score_is_what_it_was(tmp_path, no_training):
    run(tmp_path, keep_networks="all")
    names = ("equivariance_error", "equivariance_error.untrained", "generator_cosine")
    before = [scores(tmp_path, name) for name in names]
    no_training()
    stored = symbench.load(tmp_path, plugin_files=(TOYS,))
    assert not [one.why for one in stored.score("equivariance_error") if one.why]
    assert not [one.why for one in stored.score("generator_cosine", models=["small"]) if one.why]
    for name, known in zip(names, before, strict=True):
        found = scores(tmp_path, name)
        assert {key for key, v in found.items() if v is None} == {
            key for key, v in known.items() if v is None
        }
        for key, value in known.items():
            if value is not None:
                assert found[key] == pytest.approx(value, rel=1e-5)


def test_a_changed_metric_makes_its_scores_anew_and_the_record_current(tmp_path):
    old, new = later(tmp_path), later(tmp_path, "2", 10.0)
    run(tmp_path / "s", old, keep_networks="all")
    before = scores(tmp_path / "s", "output_size")
    registry = registry_of((TOYS, new), ())
    assert all(has_changed_metrics(registry, one) for one in Store(tmp_path / "s").records())
    stored = symbench.load(tmp_path / "s", plugin_files=(TOYS, new))
    assert all(not one.why for one in stored.score("output_size"))
    after = scores(tmp_path / "s", "output_size")
    assert after == pytest.approx({key: 10 * value for key, value in before.items()}, rel=1e-5)
    for record in Store(tmp_path / "s").records():
        assert not has_changed_metrics(registry, record)
        assert record.provenance.metrics["output_size"].startswith("2 ")
        assert "torch" in record.provenance.rescored["output_size"]


def test_trials_without_a_kept_network_are_named(tmp_path):
    run(tmp_path / "s", keep_networks="largest")
    stored = symbench.load(tmp_path / "s", plugin_files=(TOYS, later(tmp_path)))
    assert [one.trials for one in stored.score("output_size")] == [2, 2]
    for record in Store(tmp_path / "s").records():
        assert record.provenance.absent["output_size"] == "2 trials have no kept network"


def test_what_cannot_be_scored_says_why(tmp_path):
    run(tmp_path / "s")
    stored = symbench.load(tmp_path / "s", plugin_files=(TOYS,))
    assert all("--keep-networks --fresh" in one.why for one in stored.score("error"))
    with pytest.raises(UnknownNameError, match="equivariance_error"):
        list(stored.score("equivariance_eror"))
