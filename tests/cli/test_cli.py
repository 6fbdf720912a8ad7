"""The command line: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from symbench.cli import main
from symbench.record import Failure, Identity, Record, TrialRecord
from symbench.store import Store

VERBS = ("list", "show", "leaderboard", "doctor", "run")

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


def stored(path: Path, model: str = "wide", **changes: Any) -> Record:
    identity = Identity(
        task="length", task_version="1", task_fingerprint="ab", model=model, model_version="1",
        model_source_sha256="cd", config={}, tier="quick", sizes=[8, 16], seeds=[0, 1],
        protocol={"version": "1", "prior": "none", "threshold": 0.05, "baseline": "mlp"},
    )  # fmt: skip
    trials = [
        TrialRecord(n_train=n, seed=seed, status="ok", scores={"error": 1 / n + seed / 100})
        for n in (8, 16) for seed in (0, 1)
    ]  # fmt: skip
    record = Record(identity=identity, **{"status": "ok", "trials": trials, **changes})
    Store(path).write(record)
    return record


def test_the_version_is_printed(call: Any) -> None:
    done = call("--version", with_plugin=False)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("symbench ")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example_and_takes_plugins(call: Any, verb: str) -> None:
    done = call(verb, "--help", with_plugin=False)
    assert done.code == 0
    assert f"Example: symbench {verb}" in done.out
    for option in ("--json", "--plugin", "--no-plugin"):
        assert option in done.out


def test_without_a_verb_the_help_is_shown(call: Any) -> None:
    done = call(with_plugin=False)
    assert done.code == 0
    assert all(verb in done.out for verb in VERBS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lst"], "'list'"),
        (["list", "taks"], "tasks, models, metrics, suites, plugins"),
        (["show"], "NAME"),
        (["show", "lenght"], "did you mean length?"),
        (["show", "zzzzzz"], "`symbench list` shows all"),
        (["leaderboard"], "run first, or give --store DIR"),
        (["leaderboard", "--store", "nowhere"], "nowhere"),
        (["leaderboard", "--format", "pdf"], "table, md, html, latex, csv, json"),
        (["leaderboard", "--tier", "huge"], "smoke, quick, full"),
        (["run"], "--all, -t TASK"),
        (["run", "--all", "--ray-address", "auto"], "--executor ray"),
        (["run", "--all", "--executor", "slurm"], "slurm"),
        (["run", "--all", "--sizes", "10,many"], "100,300,1000"),
        (["run", "--all", "--jobs", "0"], "above 0"),
        (["run", "--all", "--timeout", "nan"], "above 0"),
        (["run", "--all", "--fleet", "maybe"], "auto, on, off"),
        (["run", "--all", "--tier", "huge"], "smoke, quick, full"),
        (["run", "--all", "--seeds", "0"], "at least one seed"),
        (["run", "-t", "lenght"], "did you mean length?"),
        (["run", "--suite", "absent.toml"], "absent.toml"),
        (["run", "--sed", "3"], "--seeds"),
        (["list", "--plugin", "absent.py"], None),
    ],
)
def test_bad_usage_is_one_line_on_stderr_and_exit_2(
    call: Any, arguments: list[str], message: str | None
) -> None:
    done = call(*arguments)
    if message is None:  # a broken plugin is a warning and changes no exit code
        assert done.code == 0
        assert "absent.py" in done.err
        return
    assert done.code == 2
    assert done.out == ""
    lines = [line for line in done.err.splitlines() if line != "a plugin may print"]
    assert len(lines) == 1
    assert lines[0].startswith("symbench: error: ")
    assert message in lines[0]


def test_list_shows_every_section(call: Any) -> None:
    done = call("list")
    assert done.code == 0
    for text in ("tasks (1)", "models (3)", "suites (1)", "plugins (1)", "length of a vector"):
        assert text in done.out
    assert "a plugin may print" not in done.out


def test_list_json_is_one_document(call: Any) -> None:
    document = json.loads(call("list", "--json").out)
    assert set(document) == {"tasks", "models", "metrics", "suites", "plugins"}
    (task,) = document["tasks"]
    assert (task["name"], task["version"], task["kind"]) == ("length", "1", "vectors")
    assert {model["prior"] for model in document["models"]} == {"none"}
    assert "error" in {metric["name"] for metric in document["metrics"]}
    assert set(json.loads(call("list", "models", "--json").out)) == {"models"}


def test_a_broken_plugin_is_named_on_stderr_and_the_others_go_on(call: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise ValueError('out of order')")
    done = call("list", "--plugin", str(tmp_path / "bad.py"), "--json")
    assert done.code == 0
    assert "plugin bad: ValueError: out of order" in done.err
    assert [task["name"] for task in json.loads(done.out)["tasks"]] == ["length"]


def test_a_blocked_plugin_registers_nothing(call: Any) -> None:
    document = json.loads(call("list", "--json", "--no-plugin", "mine").out)
    assert document["tasks"] == []
    assert document["plugins"][0]["status"] == "blocked"


def test_show_prints_the_whole_card_of_a_task(call: Any) -> None:
    done = call("show", "length")
    assert done.code == 0
    for text in (
        "task length 1", "invariant under rotations", "A second paragraph", "SO(3)", "vectors",
        "mse", "0.05", "8, 16", "Euclid, Elements I.47", "Euclid, table 1", "wide",
        "picky: only accepts images", "Wide (wide) 8: 0.5",
    ):  # fmt: skip
        assert text in done.out


def test_show_prints_the_whole_card_of_a_model(call: Any) -> None:
    (card,) = json.loads(call("show", "wide", "--json").out)["cards"]
    assert (card["kind"], card["prior"], card["tasks"]) == ("model", "none", ["length"])
    assert card["recipe"][0]["learning_rate"] == 0.003
    (card,) = json.loads(call("show", "picky", "--json").out)["cards"]
    assert card["declines"] == {"length": "only accepts images"}


def test_show_knows_metrics_suites_and_plugins(call: Any) -> None:
    kinds = {
        name: json.loads(call("show", name, "--json").out)["cards"][0]["kind"]
        for name in ("lie_derivative", "tiny", "mine")
    }
    assert kinds == {"lie_derivative": "metric", "tiny": "suite", "mine": "plugin"}


def test_the_leaderboard_merges_stores(call: Any, tmp_path: Path) -> None:
    stored(tmp_path / "a")
    stored(tmp_path / "b", "other")
    stores = ["--store", str(tmp_path / "a"), "--store", str(tmp_path / "b")]
    document = json.loads(call("leaderboard", *stores, "--json", with_plugin=False).out)
    assert [row["model"] for row in document["rows"]] == ["other", "wide"]
    chosen = call("leaderboard", *stores, "-m", "oth*", "--format", "json", with_plugin=False)
    assert [row["model"] for row in json.loads(chosen.out)["rows"]] == ["other"]


@pytest.mark.parametrize("form", ["table", "md", "html", "latex", "csv", "json"])
def test_the_leaderboard_is_printed_in_every_format(call: Any, tmp_path: Path, form: str) -> None:
    stored(tmp_path / "a")
    done = call("leaderboard", "--store", str(tmp_path / "a"), "--format", form, with_plugin=False)
    assert done.code == 0
    assert "wide" in done.out
    assert "\x1b" not in done.out


def test_a_pattern_that_matches_no_stored_cell_is_an_error(call: Any, tmp_path: Path) -> None:
    stored(tmp_path / "a")
    done = call("leaderboard", "--store", str(tmp_path / "a"), "-t", "x", with_plugin=False)
    assert done.code == 2
    assert "its tasks are length" in done.err


def test_a_record_of_changed_data_is_stale(call: Any, tmp_path: Path) -> None:
    stored(tmp_path / "a")
    document = json.loads(call("leaderboard", "--store", str(tmp_path / "a"), "--json").out)
    assert document["rows"][0]["status"] == "stale"
    assert document["coverage"]["stale"] == 1


def test_a_truncated_record_is_named_and_the_rest_shown(call: Any, tmp_path: Path) -> None:
    stored(tmp_path / "a")
    (tmp_path / "a" / "cells" / ("0" * 16 + ".json")).write_text('{"schema": 1')
    done = call("leaderboard", "--store", str(tmp_path / "a"), "--json", with_plugin=False)
    assert done.code == 0
    assert len(json.loads(done.out)["rows"]) == 1
    assert len(Store(tmp_path / "a").set_aside()) == 1


def test_doctor_tells_machine_versions_plugins_and_store_health(call: Any, tmp_path: Path) -> None:
    stored(tmp_path / "a")
    stored(tmp_path / "a", "sick", status="failed", error=Failure(type="X", message="y"))
    (tmp_path / "a" / "cells" / ("0" * 16 + ".json")).write_text("half")
    document = json.loads(call("doctor", "--json", "--store", str(tmp_path / "a")).out)
    assert set(document) == {"machine", "versions", "devices", "plugins", "store", "data"}
    assert document["store"]["cells"] == {"failed": 1, "ok": 1}
    assert len(document["store"]["set_aside"]) == 1
    assert document["plugins"][0]["name"] == "mine"
    assert document["versions"]["torch"] != "not installed"
    page = call("doctor", "--store", str(tmp_path / "a")).out
    assert all(word in page for word in ("machine", "versions", "torch", "failed 1, ok 1"))


def test_doctor_finds_a_store_that_is_no_directory(call: Any, tmp_path: Path) -> None:
    (tmp_path / "cells").write_text("a file")
    document = json.loads(call("doctor", "--json", "--store", str(tmp_path)).out)
    assert document["store"]["cells"] == {}


def test_a_dry_run_shows_the_plan_and_writes_nothing(call: Any, tmp_path: Path) -> None:
    done = call("run", "--all", "--tier", "smoke", "--dry-run", "--json", "--store", "s")
    plans = {cell["model"]: cell["plan"] for cell in json.loads(done.out)["cells"]}
    assert plans == {"wide": "run", "picky": "declined", "raising": "run"}
    assert not (tmp_path / "s").exists()


def test_debugging_takes_no_offence_at_a_cluster(call: Any) -> None:
    cluster = ("--executor", "ray", "--ray-address", "host:6379")
    assert call("run", "--all", "--pdb", *cluster, "--dry-run").code == 0
    assert call("run", "--all", "--pdb", *cluster[2:], "--dry-run").code == 2


def test_run_trains_stores_and_prints_the_leaderboard(call: Any, tmp_path: Path) -> None:
    arguments = ["run", "--suite", "tiny", "--executor", "inline", "--store", "s"]
    done = call(*arguments)
    assert done.code == 0
    assert "wide" in done.out
    assert "[1/1] length wide ok" in done.err
    again = call(*arguments, "--json")
    document = json.loads(again.out)
    assert document["exit"] == 0
    assert document["cells"][0]["reused"] is True
    assert set(document) == {"run", "store", "cells", "exit"}
    assert len(Store(tmp_path / "s").records()) == 1


def test_a_failed_cell_makes_exit_1_and_the_rest_is_stored(call: Any, tmp_path: Path) -> None:
    done = call("run", "--all", "--tier", "smoke", "--executor", "inline", "--store", "s")
    assert done.code == 1
    assert "no network today" in done.err
    statuses = {r.identity.model: r.status for r in Store(tmp_path / "s").records()}
    assert statuses == {"wide": "ok", "picky": "declined", "raising": "failed"}


def test_a_suite_is_read_from_toml(call: Any, tmp_path: Path) -> None:
    suite = tmp_path / "mine.toml"
    suite.write_text('tasks = ["length"]\nmodels = ["w*"]\ntier = "smoke"\nsizes = [8]\nseeds = 1')
    done = call("run", "--suite", str(suite), "--dry-run", "--json")
    assert [cell["model"] for cell in json.loads(done.out)["cells"]] == ["wide"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("tasks = [", "is not TOML"),
        ("taks = []", "has no key 'taks'"),
        ("tasks = 'length'", "must be a list of str"),
        ("sizes = [true]", "must be a list of int"),
        ("seeds = 1.5", "a whole number"),
    ],
)
def test_a_bad_suite_is_refused_with_its_fault(
    call: Any, tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "bad.toml").write_text(content)
    done = call("run", "--suite", str(tmp_path / "bad.toml"), "--dry-run")
    assert done.code == 2
    assert message in done.err


def test_an_unwritable_store_stops_a_run_before_training(call: Any, tmp_path: Path) -> None:
    (tmp_path / "s").write_text("in the way")
    done = call("run", "--suite", "tiny", "--executor", "inline", "--store", "s")
    assert done.code == 2
    assert "--store DIR" in done.err
    assert "length wide" not in done.err


def test_an_interrupt_is_exit_130(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from symbench.cli import cards

    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cards, "show", interrupt)
    assert call("show", "length").code == 130


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        check=False, capture_output=True, text=True, timeout=120,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_python_dash_m_runs_the_same_program() -> None:
    done = python("-m", "symbench", "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "symbench")
    assert python("-m", "symbench", "nonsense").returncode == 2


@pytest.mark.parametrize("arguments", ["['--help']", "['run', '--help']", "['list', '--json']"])
def test_help_and_list_import_neither_torch_nor_scipy(
    arguments: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYMBENCH_PLUGINS", "symbench_vectors,symbench_emlp,symbench_images")
    program = (
        f"import sys\nfrom symbench.cli import main\ntry:\n    main({arguments})\n"
        "except SystemExit:\n    pass\n"
        "sys.exit(bool({'torch', 'scipy', 'numpy'} & set(sys.modules)))"
    )
    assert python("-c", program).returncode == 0


def test_a_reader_that_leaves_early_causes_no_traceback() -> None:
    program = f"{sys.executable} -m symbench list | true"
    done = subprocess.run(  # noqa: S602 - a fixed command
        program, shell=True, check=False, capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in done.stderr
