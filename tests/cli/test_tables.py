"""Tables on the command line: run, resume, publish, verify, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest

from symbench.cli import main

OPTIONS = ["--outputs", "y", "--layout", "2 x 3", "--symmetry", "O(3)"]


@pytest.fixture
def table(tmp_path):
    """Return the path of 60 rows of two vectors and their scalar product."""
    x = np.random.default_rng(0).normal(size=(60, 6))
    frame = pd.DataFrame(x, columns=[f"x{k}" for k in range(6)])
    frame["y"] = (x[:, :3] * x[:, 3:]).sum(1)
    frame.to_csv(tmp_path / "dot.csv", index=False)
    return tmp_path / "dot.csv"


def _called(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    streams = capsys.readouterr()
    return left.value.code or 0, streams.out, streams.err


def _run(capsys, table, *further, options=OPTIONS):
    store = table.with_name("store")
    return _called(
        capsys, "run", "--table", table, *options, "-m", "linear", "--tier", "smoke",
        "--executor", "inline", "--store", store, "--json", *further,
    )  # fmt: skip


def _statuses(out):
    return [(cell["task"], cell["model"], cell["status"]) for cell in json.loads(out)["cells"]]


def _records(table):
    cells = table.with_name("store") / "cells"
    return [json.loads(path.read_text()) for path in sorted(cells.glob("*.json"))]


def test_a_table_is_run_with_no_line_of_code(table, capsys):
    code, out, err = _run(capsys, table)
    assert (code, _statuses(out)) == (0, [("dot", "linear", "ok")]), err
    (record,) = _records(table)
    assert record["identity"]["sizes"] == [42]
    assert list(record["identity"]["protocol"]["files"]) == ["dot.csv"]


def test_a_second_run_reuses_the_record_and_a_changed_file_does_not(table, capsys):
    _run(capsys, table)
    _, out, _ = _run(capsys, table, "--dry-run")
    assert [cell["plan"] for cell in json.loads(out)["cells"]] == ["reuse"]
    table.write_text(table.read_text().replace("0.1", "0.2", 1))
    _, out, _ = _run(capsys, table, "--dry-run")
    assert [cell["plan"] for cell in json.loads(out)["cells"]] == ["run"]


@pytest.mark.slow
def test_a_table_runs_in_a_worker_and_its_submission_is_verified(table, capsys):
    code, out, err = _run(capsys, table, "--executor", "local")
    assert _statuses(out) == [("dot", "linear", "ok")], err
    to = table.with_name("published")
    store = table.with_name("store")
    code, _, err = _called(capsys, "publish", "--store", store, "--to", to)
    assert code == 0, err
    code, out, _ = _called(capsys, "verify", to, "--table", table, *OPTIONS)
    assert code == 0
    assert "dot linear: verified" in out
    code, out, _ = _called(capsys, "verify", to)
    assert code != 0
    assert "give --table, the file dot.csv of sha256" in out
    table.write_text(table.read_text().replace("0.1", "0.2", 1))
    code, out, _ = _called(capsys, "verify", to, "--table", table, *OPTIONS)
    assert code != 0
    assert "its data are of another file here: submitted was dot.csv of sha256" in out


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--outputs", "z"], "output 'z' is no column"),
        ([], "say which columns to predict"),
        (["--outputs", "y", "--inputs", "x*,y"], "is an input and the output"),
        (["--outputs", "y", "--layout", "3 x 3"], "needs 9 inputs, the table has 6"),
        (["--outputs", "y", "--symmetry", "Q(3)"], "unknown group 'Q(3)'"),
        (["--outputs", "y", "--classes"], "too many for classes"),
        (["--outputs", "y", "--sizes", "500"], "--sizes 500 is more than its 42 training rows"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_code_two(table, capsys, options, why):
    code, out, err = _run(capsys, table, options=options)
    assert (code, out) == (2, "")
    (line,) = [line for line in err.splitlines() if "error" in line]
    assert why in line
    assert not table.with_name("store").exists()


def test_options_of_a_table_need_one(capsys):
    code, _, err = _called(capsys, "run", "-t", "o5-invariant", "--outputs", "y")
    assert code == 2
    assert "--outputs belongs to a table: give --table FILE" in err


def test_a_table_with_the_name_of_a_task_is_refused(table, capsys):
    code, _, err = _run(capsys, table.rename(table.with_name("o5-invariant.csv")))
    assert code == 2
    assert "has a task 'o5-invariant' already: rename the file" in err
