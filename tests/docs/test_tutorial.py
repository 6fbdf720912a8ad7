"""The commands of the tutorial lead to a verified row."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from symbench.cli import main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
BUILT_IN = "symbench_vectors,symbench_baselines,symbench_scalars"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PAGE.is_file(), reason="needs the source tree"),
]


def commands():
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.S)
    return [line for block in blocks for line in block.splitlines()]


def install(package, site):
    """Put the worked example in the place of the new module, and install the package."""
    guide = (ROOT / "plugins" / "README.md").read_text()
    (example,) = re.findall(r"`dot_products\.py`:\n\n```python\n(.*?)```", guide, re.S)
    (Path(package) / "symbench_dot_products.py").write_text(example)
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")
    pip = [sys.executable, "-m", "pip", "install", *offline]
    subprocess.run([*pip, "--target", str(site), f"./{package}"], check=True)


def test_the_commands_lead_from_a_new_package_to_a_verified_row(tmp_path, monkeypatch, capsys):
    pytest.importorskip("hatchling", reason="builds the package")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYMBENCH_PLUGINS", BUILT_IN)
    installation, *others = commands()
    assert f"{installation}\n" in (ROOT / "README.md").read_text()
    for line in others:
        program, *arguments = shlex.split(line)
        if program == "python":
            site = tmp_path / "site"
            install(arguments[-1], site)
            monkeypatch.syspath_prepend(site)
            monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
            monkeypatch.setenv("SYMBENCH_PLUGINS", f"{BUILT_IN},symbench_dot_products")
            continue
        assert program == "symbench"
        inline = ("--executor", "inline") if arguments[0] == "run" else ()
        with pytest.raises(SystemExit) as end:
            main([*arguments, *inline])
        assert not end.value.code, line
        shown = capsys.readouterr().out
    assert shown.startswith("verified (1 of 2 cells")
