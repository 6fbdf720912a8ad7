"""The verb ``discover``: what it refuses, and what it prints."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from symbench.cli import main


@pytest.fixture
def table(tmp_path):
    def write(frame):
        path = tmp_path / "data.csv"
        pd.DataFrame(frame).to_csv(path, index=False)
        return str(path)

    return write


def columns(rows=200, seed=0):
    drawn = np.random.default_rng(seed).normal(size=(rows, 3))
    named = {f"x{k}": drawn[:, k] for k in range(3)}
    return named | {"y": np.sin(0.3 * (drawn**2).sum(1))}


def told(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main(["discover", *arguments])
    out, err = capsys.readouterr()
    return end.value.code, out, err


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({"x1": [None] + [1.5, 2.0] * 99 + [1.0]}, (), "'x1' has no value in row 1"),
        ({"x1": [4.0] * 200}, (), "'x1' is constant"),
        ({"x1": ["word"] + [1.0, 2.0] * 99 + [3.0]}, (), "'word' in row 1"),
        ({}, ("--layout", "2 x 3"), "needs 6 inputs, the table has 3"),
        ({}, ("--layout", "3 x 1"), "holds scalars only"),
        ({}, ("--inputs", "z*"), "input 'z*' is no column"),
        ({}, ("--inputs", "x0"), "one input is no space"),
        ({}, ("--tolerance", "nan"), "give a relative defect above 0"),
        ({}, ("--report", "/dev/null/page"), "give a directory that can be written"),
    ],
)
def test_bad_data_get_one_line_and_exit_2(table, capsys, change, options, said):
    path = table(columns() | change)
    code, out, err = told(capsys, path, "--outputs", "y", *options)
    assert code == 2
    assert out == ""
    assert said in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ("x", "time 'x' is no column: "),
        ("x0", "column 'x0' is an input and the time"),
        ("word", "'a' in row 1: give numbers"),
    ],
)
def test_a_bad_column_of_times_is_called_one(table, capsys, times, said):
    path = table(columns() | {"word": ["a"] * 200})
    code, _, err = told(capsys, path, "--times", times, "--inputs", "x0,x1")
    assert code == 2
    assert said in err


def test_a_target_that_is_an_input_is_refused(table, capsys):
    data = columns()
    code, _, err = told(capsys, table(data | {"x9": data["y"]}), "--outputs", "y")
    assert code == 2
    assert "'x9' equals output 'y'" in err


def test_too_few_rows_for_the_space_are_refused(table, capsys):
    drawn = np.random.default_rng(0).normal(size=(100, 13))
    path = table({f"x{k}": drawn[:, k] for k in range(13)})
    code, _, err = told(capsys, path, "--outputs", "x12")
    assert code == 2
    assert "too few for the 156 affine maps of 12 dimensions" in err


@pytest.mark.slow
def test_the_page_and_the_json_document_agree(table, capsys, tmp_path):
    path = table(columns(500))
    arguments = (path, "--inputs", "x*", "--outputs", "y", "--no-compare")
    code, out, err = told(capsys, *arguments, "--json", "--report", str(tmp_path / "page"))
    assert code == 0
    document = json.loads(out)
    assert document["algebra"]["name"] == "so(3)"
    assert (tmp_path / "page" / "index.html").is_file()
    assert "report written to" in err
    code, out, _ = told(capsys, *arguments)
    assert code == 0
    assert "so(3): 3 generators" in out
