"""Add pages from outside docs/ to the site, and fix the links between them and the others."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

DOCS = Path(__file__).resolve().parent.parent
ROOT = DOCS.parent
OUTSIDE = {
    "examples.md": ROOT / "plugins" / "README.md",
    "leaderboards.md": ROOT / "leaderboards" / "README.md",
    "contributing.md": ROOT / "CONTRIBUTING.md",
    "changelog.md": ROOT / "CHANGELOG.md",
}
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/."""
    for uri, source in OUTSIDE.items():
        files.append(File.generated(config, uri, abs_src_path=str(source)))
    return files


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
    target = by_source.get(target, target)
    if target.is_relative_to(DOCS):
        relative = os.path.relpath(target, (DOCS / uri).parent)
        return f"[{text}]({Path(relative).as_posix()}{anchor})"
    return text  # a file or directory of the repository, which the site does not have
