"""Add notebooks, boards and pages from outside docs/ to the site, and fix the links between pages.

``symbench site`` builds the boards in a folder that ``SYMBENCH_BOARDS`` names.
"""

from __future__ import annotations

import html
import json
import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Link, Navigation, Section
from mkdocs.structure.pages import Page

DOCS = Path(__file__).resolve().parent.parent
ROOT = DOCS.parent
OUTSIDE = {
    "examples.md": ROOT / "plugins" / "README.md",
    "leaderboards.md": ROOT / "leaderboards" / "README.md",
    "contributing.md": ROOT / "CONTRIBUTING.md",
    "changelog.md": ROOT / "CHANGELOG.md",
}
FIRST_BOARD = "main"  # the publication of every model on every task
BOARDS = Path(os.environ["SYMBENCH_BOARDS"]) if "SYMBENCH_BOARDS" in os.environ else None
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/."""
    for uri, source in OUTSIDE.items():
        files.append(File.generated(config, uri, abs_src_path=str(source)))
    for path in sorted((DOCS / "notebooks").glob("*.ipynb")):
        uri = f"notebooks/{path.stem}.md"
        files.append(File.generated(config, uri, content=page_of(path)))
    for path in sorted(BOARDS.rglob("*")) if BOARDS else ():
        if path.is_file():
            uri = path.relative_to(BOARDS).as_posix()
            files.append(File(uri, str(BOARDS), config.site_dir, use_directory_urls=False))
    return files


def on_nav(nav: Navigation, **_: object) -> Navigation:
    """Add the front pages of the boards, which no page of the documentation is, after Findings."""
    links = [Link(name, _front(name)) for name in _boards()]
    if links:
        nav.items.insert(2, Section("Boards", links))
    return nav


def _boards() -> list[str]:
    names = (path.parent.name for path in BOARDS.glob("*/*/index.html")) if BOARDS else ()
    return sorted(names, key=lambda name: (name != FIRST_BOARD, name))


def _front(board: str) -> str:
    return f"leaderboards/{board}/index.html"


def page_of(notebook: Path) -> str:
    """Return a notebook as Markdown: its texts, code and stored outputs."""
    parts = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts += [_output(one) for one in cell.get("outputs", ())]
    return "\n\n".join(parts) + "\n"


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    rich = next((data[kind] for kind in ("image/svg+xml", "text/html") if kind in data), None)
    if rich is not None:
        lines = [line for line in "".join(rich).splitlines() if line.strip()]
        return '<div class="output">' + "\n".join(lines) + "</div>"
    text = "".join(data.get("text/plain", output.get("text", [])))
    return f'<pre class="output">{html.escape(text.rstrip())}</pre>'


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turn links as the repository has them into those of the site."""
    here = OUTSIDE.get(page.file.src_uri, DOCS / page.file.src_uri).parent
    return _LINK.sub(lambda link: _within_the_site(link, here, page.file.src_uri), markdown)


def _within_the_site(link: re.Match[str], here: Path, uri: str) -> str:
    text, place, anchor = link[1], link[2], link[3] or ""
    target = (here / place).resolve()
    if "://" in place or not target.exists():
        return link[0]
    by_source = {source: DOCS / name for name, source in OUTSIDE.items()}
    by_source |= {ROOT / "leaderboards" / name: DOCS / _front(name) for name in _boards()}
    target = by_source.get(target, target)
    if target.is_relative_to(DOCS):
        relative = os.path.relpath(target, (DOCS / uri).parent)
        return f"[{text}]({Path(relative).as_posix()}{anchor})"
    return text  # a file or directory of the repository, which the site does not have
