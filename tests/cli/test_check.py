"""The verb ``check``: a plugin that meets its contract, and one that does not."""

from __future__ import annotations

import json
from pathlib import Path

import odd_losses
import pytest
from typer.testing import CliRunner

from symbench.cli import app

PLUGIN = str(Path(odd_losses.__file__))
BROKEN = '''
import torch
from symbench import Model, hookimpl

class Crowded(Model):
    """Centres its output over the batch."""
    name, version, prior = "crowded", "1", "none"

    class _Net(torch.nn.Linear):
        def forward(self, x):
            y = super().forward(x)
            return y - y.mean(0)

    def build(self, problem):
        return self._Net(problem.input_size, problem.output_size)

    def accepts(self, problem):
        return None if problem.kind == "vectors" else "vectors only"

@hookimpl
def symbench_register(registry):
    registry.model(Crowded)
'''


@pytest.fixture(autouse=True)
def no_entry_points(monkeypatch):
    monkeypatch.setenv("SYMBENCH_PLUGINS", "none")


def check(*arguments):
    return CliRunner().invoke(app, ["check", *arguments], standalone_mode=False)


def test_a_sound_plugin_passes_every_check():
    result = check("centred", "--plugin", PLUGIN, "--json")
    document = json.loads(result.stdout)
    assert result.return_value == 0
    assert document["name"] == "centred"
    assert {one["outcome"] for one in document["checks"]} <= {"kept", "skipped"}


def test_a_check_that_fails_is_named_with_its_reason(tmp_path):
    file = tmp_path / "crowded.py"
    file.write_text(BROKEN)
    result = check("crowded", "--plugin", str(file), "--plugin", PLUGIN)
    assert result.return_value == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("BROKEN")]
    assert "one example does not see another" in line
    assert "differ by" in line
