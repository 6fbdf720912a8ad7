"""A plugin in a file, a call of the command line with only that plugin, and stored records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from symbench.cli import main
from symbench.records.record import Identity, Record, TrialRecord
from symbench.records.store import Store
from symbench.runs.protocol import PROTOCOL_VERSION

PLUGIN = '''
"""A task with no data to speak of, and two models."""
import torch
from symbench import Data, Model, Published, Symmetry, Task, hookimpl
from symbench.groups import SO, Scalar, V

print("a plugin may print")

class Length(Task):
    """y = |v|, invariant under rotations.

    A second paragraph.
    """
    name, version, summary, threshold = "length", "1", "length of a vector", 0.05
    reference = "Euclid, Elements I.47"
    input_shape, output_shape = (3,), (1,)
    sizes = {"smoke": (8, 16), "quick": (8, 16), "full": (8, 16)}
    test_size, valid_size = 32, 16
    published = (Published("wide", "Wide", "Euclid, table 1", {8: 0.5}),)
    further_symmetries = ("scaling of v and y alike",)

    @property
    def symmetry(self):
        return Symmetry(SO(3), V(SO(3)), Scalar(SO(3)))

    def sample(self, n, seed, split):
        x = torch.randn(n, 3, generator=self.generator(seed, split))
        return Data(x, x.norm(dim=1, keepdim=True))

class Wide(Model):
    """A perceptron."""
    name, version, prior, summary = "wide", "1", "none", "a perceptron"

    def build(self, problem):
        return torch.nn.Linear(problem.input_size, problem.output_size)

class Picky(Wide):
    name, summary = "picky", "declines"

    def accepts(self, problem):
        return "only accepts images"

class Raising(Wide):
    name, summary = "raising", "fails"

    def build(self, problem):
        raise RuntimeError("no network today")

@hookimpl
def symbench_register(registry):
    registry.task(Length)
    registry.model(Wide)
    registry.model(Picky)
    registry.model(Raising)
    registry.suite("tiny", {"tasks": ["length"], "models": ["wide"], "tier": "smoke"}, "one cell")
    registry.suite("closest", {"tasks": ["length"], "ranks": "error"}, "Which is closest?")
    registry.executor("nowhere:execute", name="elsewhere", summary="on a queue", remote=True)
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SYMBENCH_PLUGINS", "")  # none of the installed ones
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    return str(path)


class Outcome:
    def __init__(self, code: Any, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def call(plugin: str, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str, with_plugin: bool = True) -> Outcome:
        extra = ["--plugin", plugin] if with_plugin else []
        with pytest.raises(SystemExit) as end:
            main([*arguments, *extra])
        caught = capsys.readouterr()
        return Outcome(end.value.code, caught.out, caught.err)

    return run


@pytest.fixture
def stored() -> Any:
    """Write the record of the plugin's task and a model into a store."""

    def write(path: Path, model: str = "wide", protocol: Any = None, **changes: Any) -> Record:
        identity = Identity(
            task="length", task_version="1", task_fingerprint="ab", model=model, model_version="1",
            task_source_sha256="ef", model_source_sha256="cd", config={}, tier="quick",
            sizes=[8, 16], seeds=[0, 1],
            protocol={
                "version": PROTOCOL_VERSION, "prior": "none", "threshold": 0.05, "baseline": "mlp",
                **(protocol or {}),
            },
        )  # fmt: skip
        trials = [
            TrialRecord(n_train=n, seed=seed, status="ok", scores={"error": 1 / n + seed / 100})
            for n in (8, 16) for seed in (0, 1)
        ]  # fmt: skip
        stated = {"status": "ok", "trials": trials, "provenance": {"metrics": {}}, **changes}
        record = Record(identity=identity, **stated)
        Store(path).write(record)
        return record

    return write
