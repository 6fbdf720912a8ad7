"""The verb ``site``: documentation and publications -> one tree of pages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from symbench.cli.loading import registered
from symbench.cli.options import BlockedPlugins, PluginFiles
from symbench.errors import InputError, SymbenchError
from symbench.files import write_atomic

if TYPE_CHECKING:
    from symbench.registry import Registry
    from symbench.results.published.publication import Publication

_FOLDER = "leaderboards"  # below the root of the documentation
_TO_ROOT = "../../"  # from the front page of a board
_MARK, _MARKED = ".nojekyll", "symbench site\n"  # tells static hosts to serve every file as it is
_NEEDED = ("mkdocs", "material", "mkdocstrings")
_LAST = 2000  # characters of an error of mkdocs


def site(
    to: Annotated[Path, typer.Option(metavar="DIR", help="A new directory, or an earlier site.")],
    boards: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder with publications.")
    ] = Path("leaderboards"),
    docs: Annotated[Path, typer.Option(metavar="FILE", help="The settings of mkdocs.")] = Path(
        "docs/site/mkdocs.yml"
    ),
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> None:
    """Needs a clone of symbench, and `pip install --group docs`.

    The pages open from a file and from any static host, in a folder too.
    """
    if not docs.is_file():
        raise InputError(f"no documentation at {str(docs)!r}: run in a clone, or give --docs FILE")
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise InputError(f"{missing[0]} is missing: python -m pip install --group docs")
    _check_target(to)
    with registered(plugin, no_plugin) as registry, TemporaryDirectory() as temporary:
        built, pages = Path(temporary) / "boards", Path(temporary) / "site"
        for publication in _publications(boards):
            for path, content in _files(publication, registry).items():
                write_atomic(built / _FOLDER / publication.path.name / path, content)
        _build(docs, built, pages)
        if to.exists():
            shutil.rmtree(to)
        shutil.copytree(pages, to)
    typer.echo(f"{to / 'index.html'}\n{sum(1 for _ in to.rglob('*.html'))} pages")


def _check_target(to: Path) -> None:
    """Refuse a directory that holds anything but an earlier site, which is replaced.

    Raises:
        InputError: it does, or is no directory.
    """
    if to.is_symlink() or (to.exists() and not to.is_dir()):
        raise InputError(f"{to} is a link or no directory: give a new one")
    mark = to / _MARK
    earlier = mark.is_file() and mark.read_text(errors="replace") == _MARKED
    if to.is_dir() and any(to.iterdir()) and not earlier:
        raise InputError(f"{to} holds something else: give a new directory, or an earlier site")


def _publications(folder: Path) -> Iterator[Publication]:
    from symbench.results.published.publication import Publication, is_publication

    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if place.is_dir() and is_publication(place):
            yield Publication(place)


def _files(publication: Publication, registry: Registry) -> dict[str, bytes]:
    """Return the pages of a publication and the tables that they link to, by path."""
    from symbench.publish.site import content_of, files
    from symbench.publish.submission.directory import README
    from symbench.publish.submission.directory import files as tables

    made = publication.submission
    content = content_of(made, registry, publication.pictures, documentation=_TO_ROOT)
    texts = {name: text.encode() for name, text in tables(made).items() if name != README}
    return files(content) | texts


def _build(docs: Path, built: Path, to: Path) -> None:
    """Build the documentation with the boards below it.

    Raises:
        SymbenchError: a page has a link that leads nowhere, or another fault.
    """
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(docs), "-d", str(to)]
    environment = {**os.environ, "SYMBENCH_BOARDS": str(built), "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    if done.returncode:
        raise SymbenchError(f"the documentation cannot be built: {done.stderr[-_LAST:]}")
    (to / "404.html").unlink(missing_ok=True)  # its links would hold at the root of a host only
    write_atomic(to / _MARK, _MARKED.encode())
