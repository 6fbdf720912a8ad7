"""The one site of documentation and boards: nothing in it leads nowhere or abroad."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
from typer.testing import CliRunner

from symbench import contract, groups
from symbench.cli import app
from symbench.errors import InputError
from symbench.publish.submission import write

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "docs" / "site" / "mkdocs.yml"
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
HOME = ROOT / "docs" / "index.md"
LINKED = (re.findall(r"\[all models\]\(\.\./leaderboards/([\w-]+)\)", HOME.read_text())[0]
          if HOME.is_file() else "")  # fmt: skip
pytestmark = pytest.mark.skipif(not CONFIG.is_file(), reason="needs the source tree")


class Marks(HTMLParser):
    """What a page links to, what it loads, and the places in it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.places: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
        if LOADS.get(tag) in found:
            self.loads.add(found[LOADS[tag]])


def build(to, boards):
    for name in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(name, reason="builds the pages")
    command = ["site", "--to", str(to), "--boards", str(boards), "--docs", str(CONFIG)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMBENCH_PLUGINS", "none")
        return CliRunner().invoke(app, command, standalone_mode=False)


@pytest.fixture(scope="module")
def site(honest, tmp_path_factory):
    boards = tmp_path_factory.mktemp("boards")
    write(honest, boards / LINKED, compact={})
    place = tmp_path_factory.mktemp("host") / "a folder"
    result = build(place, boards)
    assert result.exit_code == 0, result.exception
    return {page: Marks(page) for page in sorted(place.rglob("*.html"))}


def inside(site, name):
    (page,) = (page for page in site if page.as_posix().endswith(f"/{name}"))
    return page


def test_every_internal_link_leads_to_a_page_and_a_place_in_it(site):
    assert len(site) > 15
    for page, marks in site.items():
        for link in marks.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert target.is_file(), f"{page.name}: {link}"
            if parts.fragment and target in site and target.name != "compare.html":
                places = site[target].places
                assert unquote(parts.fragment) in places, f"{page.name}: {link}"


def test_documentation_and_boards_lead_to_each_other(site):
    fronts = [page for page in site if page.name == "index.html"]
    home = min(fronts, key=lambda page: len(page.parts))
    board = home.parent / "leaderboards" / LINKED / "index.html"
    assert f"leaderboards/{LINKED}/index.html" in site[home].links
    assert "../../index.html" in site[board].links
    task = next((board.parent / "tasks").iterdir())
    assert "../../../index.html" in site[task].links
    assert (board.parent / "submission.json").is_file()
    assert (home.parent / ".nojekyll").is_file()


def test_the_board_of_every_model_is_the_first_and_follows_the_findings(tmp_path, monkeypatch):
    pytest.importorskip("mkdocs", reason="reads the navigation")
    for name in ("discovery", "main", "quick"):
        (tmp_path / "leaderboards" / name).mkdir(parents=True)
        (tmp_path / "leaderboards" / name / "index.html").touch()
    monkeypatch.setenv("SYMBENCH_BOARDS", str(tmp_path))
    spec = spec_from_file_location("hooks_of_docs", CONFIG.with_name("hooks.py"))
    hooks = module_from_spec(spec)
    spec.loader.exec_module(hooks)
    boards = hooks.on_nav(SimpleNamespace(items=["Home", "Findings", "Guide"])).items[2]
    assert [link.title for link in boards.children] == ["main", "discovery", "quick"]


def test_a_directory_of_something_else_is_refused_and_unchanged(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    result = build(tmp_path, tmp_path)
    assert isinstance(result.exception, InputError)
    assert "holds something else" in str(result.exception)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_no_page_loads_anything_from_elsewhere(site):
    for page, marks in site.items():
        abroad = [one for one in marks.loads if urlsplit(one).scheme or one.startswith("//")]
        assert abroad == [], page.name
    styles = (sheet for page in site for sheet in page.parent.rglob("*.css"))
    assert not any(re.search(r"url\(\s*[\"']?(https?:)?//", one.read_text()) for one in styles)


def test_no_page_shows_unread_markdown(site):
    for page in site:
        text = re.sub(r"(?s)<(pre|code|script)\b.*?</\1>", "", page.read_text())
        assert not re.search(r":::|\]\(\w|^\|", text, flags=re.M), page.name


def test_no_symbol_with_a_star_is_read_as_emphasis(site):
    for page in site:
        marked = re.findall(r"(?s)<em>(.*?)</em>", page.read_text())
        whole = [re.sub(r"\(\w+\)", "", one) for one in marked]  # E(n) in a title
        assert not [one for one in whole if re.search(r"[‖)=]", one)], page.name


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("contract.html", contract.__all__),
        ("groups.html", groups.__all__),
        ("index.html", ("run", "task", "model", "problem", "tasks", "models", "list_metrics")),
    ],
)
def test_the_reference_has_every_public_name(site, page, names):
    file = inside(site, f"api/{page}")
    described = {place.rpartition(".")[2] for place in site[file].places}
    described |= set(re.findall(r"<code>(\w+)</code>", file.read_text()))  # values, in words
    assert set(names) <= described


@pytest.mark.parametrize("page", ["index.md", "groups.md"])
def test_the_python_of_the_reference_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYMBENCH_PLUGINS", "symbench_vectors,symbench_baselines")
    text = (ROOT / "docs" / "api" / page).read_text()
    (block,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    exec(compile(block, page, "exec"), {})  # noqa: S102
    assert capsys.readouterr().out


def test_a_version_is_cited_that_exists():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"version = {{{version}}}" in (ROOT / "docs" / "cite.md").read_text()
