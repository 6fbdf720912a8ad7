"""The command line: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from symbench.records.record import Failure, Identity, Record, TrialRecord
from symbench.records.store import Store

VERBS = ("list", "show", "leaderboard", "doctor", "run")


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
