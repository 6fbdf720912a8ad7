"""scripts/dial_figure.py draws what the records hold of the dial."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "dial_figure.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="needs the source tree")


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPT.parent))
        yield importlib.import_module("dial_figure")


def record(task: str, model: str, errors: list[float], n: int = 1000, tier: str = "quick"):
    trials = [SimpleNamespace(n_train=n, scores={"error": error}) for error in errors]
    trials.append(SimpleNamespace(n_train=n, scores={}))  # a trial without the score
    identity = SimpleNamespace(task=task, model=model, tier=tier)
    return SimpleNamespace(identity=identity, trials=trials)


RECORDS = [
    record("broken-o5-0", "scalars", [1e-4]),
    record("broken-o5-0.3", "scalars", [0.09, 0.1]),
    record("broken-o5-0.3", "scalars", [0.5]),  # fewer seeds
    record("broken-o5-0.3", "mlp", [0.006], n=100),
    record("broken-o5-0.3", "soft-scalars", [0.001], tier="full"),
    record("broken-o5-cubic-0.3", "mlp", [0.05]),
    record("o5-invariant", "mlp", [0.05]),
]


def test_it_takes_the_records_of_one_tier_and_size_with_the_most_seeds(script):
    found = script.curves(RECORDS, "quick", 1000, cubic=False)
    assert found == {"scalars": {0.0: [1e-4], 0.3: [0.09, 0.1]}}


def test_both_terms_begin_with_the_same_control(script):
    found = script.curves(RECORDS, "quick", 1000, cubic=True)
    assert found == {"scalars": {0.0: [1e-4]}, "mlp": {0.3: [0.05]}}


def test_each_kind_with_a_model_has_a_panel(script):
    found = script.curves(RECORDS, "quick", 1000, cubic=False)
    drawn = script.figure(found).svg()
    assert "told O(5), exact" in drawn
    assert "told O(5), soft" not in drawn


def test_every_model_of_the_figure_has_one_kind(script):
    names = [model for models in script.KINDS.values() for model in models]
    assert len(names) == len(set(names))
    assert script.TOLD_NOTHING not in names


def test_the_title_says_from_which_epsilon_on_all_exact_models_lose(script):
    curves = {
        "mlp": {0.0: [0.004], 0.1: [0.004], 0.3: [0.004]},
        "scalars": {0.0: [0.001], 0.1: [0.02, 0.01, 0.03], 0.3: [0.09]},
        "emlp": {0.0: [0.008], 0.1: [0.02], 0.3: [0.1]},
    }
    assert script.message(curves).startswith("From ε = 0.1 on")
    curves["emlp"][0.1] = [0.003]
    assert script.losing_from(curves) == 0.3
    curves["emlp"][0.3] = [0.003]
    assert script.losing_from(curves) is None


def test_the_table_has_medians_and_leaves_out_what_was_not_run(script):
    found = script.curves([*RECORDS, record("broken-o5-0", "mlp", [0.3, 0.1, 0.2])],
                             "quick", 1000, cubic=False)  # fmt: skip
    assert script.rows(found)[1:] == [
        ["`mlp`", "0.2", ""], ["`scalars`", "0.0001", "0.095"],
    ]  # fmt: skip
