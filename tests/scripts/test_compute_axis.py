"""The operations of a training, and the curves over them, from records."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from statistics import median

import pytest
from made_records import cell

from symbench.records.store import Store

FILE = Path(__file__).parents[2] / "scripts" / "compute_axis.py"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="needs the source tree")


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FILE.parent))
        yield importlib.import_module("compute_axis")


def trained(model, errors, updates, flops=100.0):
    recipe = {"recipe": {"batch_size": 500}, "updates": updates}
    return cell(model, errors, protocol=recipe, scores={"flops": flops})


def test_a_gradient_takes_three_forward_passes_and_batches_are_no_larger_than_the_data(script):
    found = script.points(trained("mlp", (1.0, 0.1, 0.01), 800))
    assert [point.n for point in found] == [100, 1000, 10_000]
    assert [point.operations for point in found] == [
        3 * 100 * 100 * 800, 3 * 100 * 500 * 800, 3 * 100 * 500 * 800,
    ]  # fmt: skip


def test_records_without_a_recipe_or_without_operations_have_no_points(script):
    assert script.points(cell("mlp", scores={"flops": 1.0})) == []
    assert script.points(cell("mlp", protocol={"recipe": {"batch_size": 5}})) == []


def test_several_numbers_of_updates_make_one_curve(script):
    records = [
        trained("mlp", (1.0, 0.5, 0.1), 100),
        trained("mlp", (1.0, 0.1, 0.001), 1000),
        trained("other", (1.0, 0.5, 0.1), 100),
    ]
    curve = script.curves(records, ["o5"], ["mlp"])["o5", 10_000, "mlp"]
    assert [point.updates for point in curve] == [100, 1000]
    crossing = script.to_threshold(curve, 0.01)
    assert crossing.value == pytest.approx(1.5e7 * 10**0.5, rel=1e-6)  # half-way in logarithms
    assert crossing.censored is None
    assert script.shown(script.to_threshold(curve, 1e-5)) == "> 1.5e+08"


def test_the_program_prints_every_budget_and_draws(script, tmp_path, monkeypatch, capsys):
    store = Store(tmp_path / "store")
    for updates, error in ((100, 0.1), (1000, 0.001)):
        store.write(trained("mlp", (1.0, 0.5, error), updates))
    figure = tmp_path / "compute.svg"
    monkeypatch.setattr(
        sys, "argv", ["x", "--store", str(tmp_path / "store"), "--figure", str(figure)]
    )
    script.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 3 * 2  # a heading, and two budgets of three sizes
    assert "1000" in lines[-1]
    assert f"{median([0.001]):.3g}" in lines[-1]
    assert "Error against operations" in figure.read_text()  # it solves one size of three


def test_models_that_reach_the_threshold_everywhere_are_named(script):
    records = [trained("a", (1.0, 0.5, 0.01), 20), trained("b", (1.0, 0.5, 0.1), 20)]
    found = {
        which: curve for which, curve in script.curves(records, ["*"], ["*"]).items()
        if which[1] == 10_000
    }  # fmt: skip
    assert script.solvers(found, {"o5": 0.05}) == ["a"]
    assert script.solvers(found, {"o5": 0.001}) == []
    both = script.curves(records, ["*"], ["*"])  # not solved with fewer examples
    assert script.solvers(both, {"o5": 0.05}) == []


def test_patterns_that_match_nothing_are_an_error(script, tmp_path, monkeypatch, capsys):
    Store(tmp_path / "store").write(trained("mlp", (1.0, 0.5, 0.1), 100))
    monkeypatch.setattr(sys, "argv", ["x", "--store", str(tmp_path / "store"), "-t", "none"])
    with pytest.raises(SystemExit):
        script.main()
    assert "no record" in capsys.readouterr().err
