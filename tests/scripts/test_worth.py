"""scripts/worth.py: the errors of models that use a discovery, beside that of the perceptron."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "worth.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="needs the source tree")


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPT.parent))
        yield importlib.import_module("worth")


def record(task: str, model: str, errors: list[float], n: int = 100):
    trials = [SimpleNamespace(n_train=n, seed=s, scores={"error": e}) for s, e in enumerate(errors)]
    trials.append(SimpleNamespace(n_train=n, seed=len(errors), scores={}))  # without the score
    return SimpleNamespace(identity=SimpleNamespace(task=task, model=model), trials=trials)


RECORDS = [
    record("a", "mlp", [0.1, 0.4]),
    record("a", "emlp", [0.001, 0.004]),
    record("a", "liegg-use", [0.1, 0.1]),
    record("a", "field-fit-use", [0.01, 0.04]),
    record("a", "field-fit-use", [0.9]),  # fewer seeds
    record("a", "liegg-use", [7.0, 7.0, 7.0], n=300),
    record("b", "mlp", [0.5]),
    record("b", "field-fit-use", [0.25]),
]


def test_a_ratio_is_the_geometric_mean_over_paired_seeds(script):
    found = script.errors(RECORDS, 100)
    assert script.ratio(found, "a", "liegg-use").value == pytest.approx(0.5)
    assert script.ratio(found, "b", "liegg-use") is None


def test_the_best_comes_first_and_told_models_last(script):
    priors = {"emlp": "exact", "liegg-use": "discovers", "field-fit-use": "discovers"}
    table = script.rows(script.errors(RECORDS, 100), ["a", "b"], priors)
    assert [row[0] for row in table] == ["`field-fit-use`", "`liegg-use`", "`emlp`, told"]
    assert table[0][1].startswith("0.10")
    assert table[1][2] == ""


def test_the_records_may_have_no_baseline(script, monkeypatch, capsys, tmp_path):
    (tmp_path / "cells").mkdir()
    monkeypatch.setattr("sys.argv", ["worth", "--store", str(tmp_path)])
    with pytest.raises(SystemExit):
        script.main()
    assert "no record of mlp with 100 examples" in capsys.readouterr().err
