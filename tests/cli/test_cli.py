"""The command line: what it prints where, and its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from symbench.cli import verbs as cli_verbs

VERBS = ("list", "show", "leaderboard", "doctor", "run")


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


@pytest.mark.parametrize("verb", cli_verbs.VERBS)
def test_the_summary_of_a_verb_is_one_short_line_of_the_help(call: Any, verb: str) -> None:
    summary = cli_verbs.VERBS[verb].summary
    assert len(summary) <= 55
    lines = call("--help", with_plugin=False).out.splitlines()
    assert lines.count(f"  {verb:11}  {summary}") == 1
    assert summary in call(verb, "--help", with_plugin=False).out


def test_the_help_imports_no_file_of_a_verb() -> None:
    program = (
        "import sys\nfrom symbench.cli import main\ntry:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "sys.exit(any(f'symbench.cli.{verb}' in sys.modules for verb in ('run', 'listing')))"
    )
    assert python("-c", program).returncode == 0


def test_without_a_verb_the_help_is_shown(call: Any) -> None:
    done = call(with_plugin=False)
    assert done.code == 0
    assert all(verb in done.out for verb in VERBS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lst"], "'list'"),
        (["list", "taks"], "tasks, models, metrics, suites, boards, executors, plugins"),
        (["show"], "NAME"),
        (["show", "lenght"], "did you mean length?"),
        (["show", "zzzzzz"], "`symbench list` shows all"),
        (["leaderboard"], "run first, or give --store DIR"),
        (["leaderboard", "--store", "nowhere"], "nowhere"),
        (["leaderboard", "--format", "pdf"], "table, md, html, latex, csv, json"),
        (["leaderboard", "--tier", "huge"], "smoke, quick, standard, full"),
        (["run"], "--all, -t TASK"),
        (["run", "--all", "--ray-address", "auto"], "--executor ray"),
        (["run", "--all", "--executor", "slurm"], "slurm"),
        (["run", "--all", "--sizes", "10,many"], "100,300,1000"),
        (["run", "--all", "--jobs", "0"], "above 0"),
        (["run", "--all", "--timeout", "nan"], "give seconds"),
        (["run", "--all", "--fleet", "maybe"], "auto, on, off"),
        (["run", "--all", "--tier", "huge"], "smoke, quick, standard, full"),
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
