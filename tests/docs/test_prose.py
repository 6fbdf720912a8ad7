"""The shape of the prose: line lengths, the glossary, links to what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from symbench.cli import glossary

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *(ROOT / folder / "README.md" for folder in ("leaderboards", "plugins")),
    *sorted((ROOT / "docs").glob("*.md")),
]
LONGEST = 100
pytestmark = pytest.mark.skipif(not GLOSSARY.is_file(), reason="needs the source tree")


def prose(page):
    """Yield the numbered lines of a page outside tables and fenced code, without addresses."""
    fenced = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = line.lstrip().startswith("```")
        fenced ^= fence
        if not (fence or fenced or line.lstrip().startswith("|")):
            yield number, re.sub(r"https?://\S+|\]\(\S+?\)", "", line)


def words():
    return [one.name for one in glossary.entries() if one.kind == "word"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_line_of_prose_is_too_long(page):
    long = {number: line for number, line in prose(page) if len(line) > LONGEST}
    assert not long


def test_the_glossary_has_at_most_forty_words_once_each_in_order():
    assert 0 < len(words()) <= 40
    assert words() == sorted(set(words()))
    assert len(glossary.entries()) == GLOSSARY.read_text().count("\n- ")


@pytest.mark.parametrize("entry", glossary.entries(), ids=lambda entry: entry.name)
def test_a_meaning_takes_one_or_two_sentences(entry):
    assert entry.meaning.endswith(".")
    assert 1 <= len(re.findall(r"\.(?= |$)", entry.meaning)) <= 2


def test_the_site_leads_to_the_glossary():
    assert "glossary.md" in (ROOT / "docs" / "site" / "mkdocs.yml").read_text()


def test_every_folder_and_module_of_the_core_is_on_the_page_of_a_run():
    page = (ROOT / "docs" / "what-happens-in-a-run.md").read_text()
    (tree,) = re.findall(r"```text\nsymbench/\n(.*?)```", page, re.S)
    listed = set(re.findall(r"^  ([\w.]+)/? ", tree, re.M))
    there = {path.name for path in (ROOT / "symbench").iterdir()}
    hidden = {"__init__.py", "__main__.py", "__pycache__", "py.typed"}
    assert listed == there - hidden
