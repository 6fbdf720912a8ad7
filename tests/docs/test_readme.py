"""The README's code runs and its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from symbench.cli.verbs import VERBS
from symbench.registry import load

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_plugin_of_the_readme_is_the_tested_example():
    shown = [block for block in blocks("python") if "symbench_register" in block]
    assert len(shown) == 1
    source = (ROOT / "tests" / "example_plugin" / "symbench_example.py").read_text()
    assert shown[0].strip() == source.strip()
    assert len(shown[0].strip().splitlines()) <= 30


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYMBENCH_PLUGINS", "symbench_vectors,symbench_baselines")
    shown = [block for block in blocks("python") if "symbench_register" not in block]
    assert shown
    for block in shown:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102


def test_every_verb_of_the_readme_exists():
    verbs = set(re.findall(r"^(?:.*&& )?symbench (\w+)", "\n".join(blocks("sh")), re.MULTILINE))
    assert "run" in verbs
    assert verbs <= set(VERBS)


def test_the_commands_of_the_readme_are_those_of_ci():
    assert "python -m pip install tox && tox" in README
    assert "tox" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)", README))
def test_links_of_the_readme_lead_somewhere(link):
    assert (ROOT / link).exists()


def test_the_example_plugin_is_found_where_it_is_installed():
    found = [info for info in load().plugins if info.name == "symbench_example"]
    if not found:
        pytest.skip("the example plugin is not installed here")
    assert found[0].status == "ok"
