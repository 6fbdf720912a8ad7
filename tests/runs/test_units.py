"""One law in several units has one set of scores."""

from __future__ import annotations

import pytest

import symbench

MODELS = [
    "mlp", "mlp-augmented", "mlp-penalty", "linear", "constant", "emlp", "scalars", "e3nn",
    "liegan",
]  # fmt: skip
# Before training, the network of a model that trains itself has seen no data.
UNCALIBRATED = [("liegan", "equivariance_error.untrained")]
PLUGIN = '''
import torch
from symbench import Data, Symmetry, Task, hookimpl
from symbench.groups import O, Scalar, V

class Units(Task):
    """A polynomial of two vectors."""

    name, version, summary, threshold = "units", "1", "one law in other units", 0.01
    sizes = {"smoke": (40,), "quick": (40,), "full": (40,)}
    input_shape, output_shape = (6,), (1,)
    test_size = valid_size = 100

    @property
    def symmetry(self):
        group = O(3)
        return Symmetry(group, (2 * V)(group), Scalar(group))

    def sample(self, n, seed, split):
        x = torch.randn(n, 6, generator=self.generator(seed, split))
        first, second = x.split(3, 1)
        y = (first * (first + second)).sum(1, keepdim=True)
        return Data(INPUTS * x, TARGETS * y + OFFSET)

@hookimpl
def symbench_register(registry):
    registry.task(Units)
'''


def scores(folder, inputs, targets, offset=0.0, models=MODELS):
    """The scores of every trial, without durations."""
    folder.mkdir()
    plugin = folder / "units.py"
    text = PLUGIN.replace("INPUTS", repr(inputs)).replace("TARGETS", repr(targets))
    plugin.write_text(text.replace("OFFSET", repr(offset)))
    result = symbench.run(
        ["units"], models, "smoke", folder / "store", plugin_files=(plugin,), seeds=2, device="cpu"
    )
    assert [record.error for record in result.records if record.status != "ok"] == []
    return {
        (record.identity.model, trial.seed, name): value
        for record in result.records
        for trial in record.trials
        for name, value in trial.scores.items()
        if "second" not in name and (record.identity.model, name) not in UNCALIBRATED
    }


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """The scores in units of 1."""
    return scores(tmp_path_factory.mktemp("units") / "usual", 1.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("inputs", "targets"), [(2.0**-40, 2.0**40), (1e-12, 1e12)])
def test_scores_do_not_depend_on_the_units_of_a_task(tmp_path, usual, inputs, targets):
    other = scores(tmp_path / "other", inputs, targets)
    exact = inputs != 1e-12  # other factors round the data
    assert other == pytest.approx(usual, rel=1e-6 if exact else 0.1, abs=1e-6)


def test_the_scores_of_two_models_do_not_depend_on_the_units(tmp_path):
    usual = scores(tmp_path / "usual", 1.0, 1.0, models=["linear", "mlp"])
    other = scores(tmp_path / "other", 2.0**-40, 2.0**-40, models=["linear", "mlp"])
    assert other == pytest.approx(usual, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("offset", [0.1, 1e12])
def test_constant_targets_have_no_error_and_no_nan(tmp_path, offset):
    found = scores(tmp_path / "constant", 1.0, 0.0, offset, ["linear", "scalars"])
    assert not [name for _, _, name in found if name == "error"]


def test_constant_inputs_give_the_error_of_the_mean(tmp_path):
    found = scores(tmp_path / "constant", 0.0, 2.0**-40, 0.0, ["mlp", "emlp"])
    errors = [value for (_, _, name), value in found.items() if name == "error"]
    assert len(errors) == 4
    assert errors == pytest.approx([1.0] * 4, abs=0.5)
