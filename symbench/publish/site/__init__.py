"""Results -> a static site: no server, no foreign address, no name in a path.

Pages are made of text that anybody may have written: it is escaped wherever it goes, and the
pages' policy forbids scripts other than the ones beside them.
"""

from __future__ import annotations

from importlib.resources import files as resources
from importlib.resources.abc import Traversable

from symbench.publish.site import charts as figures
from symbench.publish.site import pages
from symbench.publish.site.cards import Details, describe
from symbench.publish.site.content import Content
from symbench.publish.site.render import ident, page

__all__ = ["Content", "Details", "describe", "files"]


def files(content: Content) -> dict[str, bytes]:
    """Return the content of each file of the site by its path, ``index.html`` first."""
    found = {
        "index.html": pages.overview(content),
        "compare.html": pages.compare(content),
        "about.html": pages.about(content),
    }
    found |= {f"tasks/{ident(n)}.html": pages.task(content, n) for n in content.of_task}
    found |= {f"models/{ident(n)}.html": pages.model(content, n) for n in content.of_model}
    return (
        found | _figures(content) | _static(resources("symbench.publish.site") / "static", "static")
    )


def _figures(content: Content) -> dict[str, bytes]:
    found = {}
    for name, rows in content.of_task.items():
        if (drawn := figures.curves(rows, f"{name}, {content.tier} tier")) is not None:
            found[f"figures/{ident(name)}.svg"] = drawn
    for place, board in enumerate(content.summary.boards):
        if board.comparisons is not None and (ranks := board.comparisons.nemenyi) is not None:
            drawn = page("ranks.svg", cd=figures.diagram(ranks), alone=True)
            found[f"figures/ranks-{place}.svg"] = drawn
    for key, maps in content.details.pictures.items():
        found |= {f"figures/{key}-{i}.png": one for i, one in enumerate(maps)}
    return found


def _static(folder: Traversable, path: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if one.is_dir():
            found |= _static(one, f"{path}/{one.name}")
        else:
            found[f"{path}/{one.name}"] = one.read_bytes()
    return found
