"""The worked examples of plugins/README.md pass the checks and do what the page says."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from symbench.cli import main
from symbench.downloads import Stamp, verify

PAGE = Path(__file__).parents[2] / "plugins" / "README.md"
MNIST = "MNIST/raw/t10k-images-idx3-ubyte.gz"
MNIST_MD5 = "md5:9fb629c4189551a2d022fa330f9573f3"
REAL_MNIST = Path(os.environ.get("SYMBENCH_DATA", "")) / MNIST
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="needs the source tree")


def blocks(language):
    text = PAGE.read_text() if PAGE.is_file() else ""
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(verb):
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith(f"symbench {verb} ")]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A directory with the page's files, each under the name given before it.

    The example of a data file reads made-up images: their checksum replaces that of MNIST.
    """
    directory = tmp_path_factory.mktemp("examples")
    named = re.findall(r"`(\w+\.py)`:\n\n```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(named) == len(blocks("python")), "an example has no file name"
    for name, source in named:
        (directory / name).write_text(source)
    checksum = write_images(directory / "data" / MNIST)
    example = directory / "digit_contrast.py"
    assert MNIST_MD5 in example.read_text()
    example.write_text(example.read_text().replace(MNIST_MD5, checksum))
    return directory


def write_images(file):
    """Write 10,000 images of random brightness in the format of MNIST; return their checksum."""
    random = np.random.default_rng(0)
    grey = random.random((10_000, 1)) * random.integers(0, 256, 784)
    content = gzip.compress(bytes(16) + grey.astype(np.uint8).tobytes(), mtime=0)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


@pytest.fixture(autouse=True)
def where_a_reader_is(page, monkeypatch):
    monkeypatch.chdir(page)
    monkeypatch.setenv("SYMBENCH_PLUGINS", "symbench_vectors,symbench_baselines,symbench_scalars")
    monkeypatch.setenv("SYMBENCH_DATA", str(page / "data"))
    monkeypatch.setenv("SYMBENCH_OFFLINE", "1")


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
    assert "\n## Data from a file\n" in PAGE.read_text()
    assert "\n## A method of discovery\n" in PAGE.read_text()
    assert len(commands("check")) == 5  # a reporter is not checked
    assert len(commands("run")) == 7


@pytest.mark.parametrize("line", commands("check"))
def test_an_example_passes_its_checks(line, capsys):
    obey(line)
    assert "ok " in capsys.readouterr().out


def test_a_network_told_the_symmetry_beats_one_that_is_not(page, capsys):
    cells = ran(commands("run")[0], capsys)
    assert cells == {("o5-invariant", name): "ok" for name in ("dot-products", "mlp")}
    found = rows(page, "-t", "o5-invariant", "--plugin", "dot_products.py", capsys=capsys)
    told, untold = (found[name]["scores"] for name in ("dot-products", "mlp"))
    assert told["equivariance_error"]["value"] < 1e-6 < untold["equivariance_error"]["value"]
    assert told["error"]["value"] < 0.2 * untold["error"]["value"]  # 0.0025 and 0.23


@pytest.mark.slow
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


def test_a_method_of_discovery_stands_on_the_board_with_its_guess(page, monkeypatch, capsys):
    more = ",symbench_discovery,symbench_symmetry,symbench_images"
    monkeypatch.setenv("SYMBENCH_PLUGINS", os.environ["SYMBENCH_PLUGINS"] + more)
    assert len((page / "quadratic_null.py").read_text().splitlines()) <= 60
    assert set(ran(commands("run")[6], capsys).values()) == {"ok"}
    obey(f"{commands('leaderboard')[-1]} --json")
    board = json.loads(capsys.readouterr().out)
    best, guess = board["methods"]
    assert (best["model"], guess["model"]) == ("quadratic-null", "guess-so")
    found = best["found"]["broken-o5-0.3"]
    assert found["overlap"]["value"] > 0.95 > board["guesses"]["broken-o5-0.3"]
    assert (found["count"]["value"], found["truth"]) == (6, 6)
    assert best["false"]["found"] == 0
    assert guess["false"]["found"] == guess["false"]["trials"] == 5


def test_the_task_that_reads_a_file_is_trained_on_it(capsys):
    assert set(ran(commands("run")[5], capsys).values()) == {"ok"}


def test_without_the_file_and_the_network_its_cells_are_declined(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("SYMBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert set(ran(commands("run")[5], capsys).values()) == {"declined"}


@pytest.mark.skipif(not REAL_MNIST.is_file(), reason="needs MNIST in SYMBENCH_DATA")
def test_the_checksum_on_the_page_is_that_of_the_published_file():
    verify(Stamp.of(REAL_MNIST), MNIST_MD5)
