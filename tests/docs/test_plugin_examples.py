"""The worked examples of plugins/README.md keep their promises and do what the page says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from symbench.cli import main

PAGE = Path(__file__).parents[2] / "plugins" / "README.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="needs the source tree")


def blocks(language):
    text = PAGE.read_text() if PAGE.is_file() else ""
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(verb):
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith(f"symbench {verb} ")]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A directory with the page's files, each under the name that stands before it."""
    directory = tmp_path_factory.mktemp("examples")
    named = re.findall(r"`(\w+\.py)`:\n\n```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(named) == len(blocks("python")), "an example has no file name"
    for name, source in named:
        (directory / name).write_text(source)
    return directory


@pytest.fixture(autouse=True)
def where_a_reader_is(page, monkeypatch):
    monkeypatch.chdir(page)
    monkeypatch.setenv("SYMBENCH_PLUGINS", "symbench_vectors,symbench_baselines,symbench_scalars")


def obey(line, *more):
    """Run a command of the page, to its exit code 0."""
    with pytest.raises(SystemExit) as end:
        main([*shlex.split(line)[1:], *more])
    assert not end.value.code, line


def ran(line, capsys):
    obey(line, "--executor", "inline", "--device", "cpu", "--json", "--fresh")
    done = json.loads(capsys.readouterr().out)
    return {(cell["task"], cell["model"]): cell["status"] for cell in done["cells"]}


def rows(page, *arguments, capsys):
    obey(f"symbench leaderboard --tier smoke --format json {' '.join(arguments)}")
    return {row["model"]: row for row in json.loads(capsys.readouterr().out)["rows"]}


def test_every_kind_has_an_example_that_is_checked_and_run():
    kinds = ("model", "task", "metric", "reporter")
    assert all(f"\n## A {kind}\n" in PAGE.read_text() for kind in kinds)
    assert len(commands("check")) == 3  # a reporter has nothing to promise
    assert len(commands("run")) == 5


@pytest.mark.parametrize("line", commands("check"))
def test_an_example_keeps_its_promises(line, capsys):
    obey(line)
    assert "ok " in capsys.readouterr().out


def test_a_network_told_the_symmetry_beats_one_that_is_not(page, capsys):
    cells = ran(commands("run")[0], capsys)
    assert cells == {("o5-invariant", name): "ok" for name in ("dot-products", "mlp")}
    found = rows(page, "-t", "o5-invariant", "--plugin", "dot_products.py", capsys=capsys)
    told, untold = (found[name]["scores"] for name in ("dot-products", "mlp"))
    assert told["equivariance_error"]["value"] < 1e-6 < untold["equivariance_error"]["value"]
    assert told["error"]["value"] < 0.2 * untold["error"]["value"]  # 0.0025 and 0.23


def test_the_task_ranks_the_models(page, capsys):
    for line in commands("run")[1:3]:
        assert set(ran(line, capsys).values()) == {"ok"}
    files = ("--plugin", "parallelogram.py", "--plugin", "dot_products.py")
    found = rows(page, "-t", "parallelogram", *files, capsys=capsys)
    assert set(found) == {"scalars", "mlp", "dot-products"}
    assert found["scalars"]["scores"]["error"]["value"] < found["mlp"]["scores"]["error"]["value"]


def test_the_metric_is_a_column_that_knows_good_from_bad(page, capsys):
    assert set(ran(commands("run")[3], capsys).values()) == {"ok"}
    found = rows(page, "-t", "o5-invariant", "--plugin", "share_missed.py", capsys=capsys)
    missed = {name: found[name]["scores"]["share-missed"]["value"] for name in ("linear", "mlp")}
    assert 0 <= missed["mlp"] < missed["linear"] <= 1


def test_the_reporter_writes_a_line_a_cell(page, capsys):
    cells = ran(commands("run")[4], capsys)
    logged = (page / "cells.log").read_text().splitlines()
    assert sorted(tuple(line.split()[:3]) for line in logged) == sorted(
        (task, model, status) for (task, model), status in cells.items()
    )
