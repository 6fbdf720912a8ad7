"""Results -> a static site: no server, no external address, no names of things in paths.

Pages contain text that anybody may have written. It is escaped everywhere, and the policy of the
pages forbids all scripts but those of the site.
"""

from __future__ import annotations

from importlib.resources import files as resources
from importlib.resources.abc import Traversable

from symbench.publish.site import charts, pages
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
        found | _charts(content) | _static(resources("symbench.publish.site") / "static", "static")
    )


def _charts(content: Content) -> dict[str, bytes]:
    found = {}
    for name, rows in content.of_task.items():
        if (drawn := charts.curves(rows, f"{name}, {content.tier} tier")) is not None:
            found[f"figures/{ident(name)}.svg"] = drawn
    for place, ranking in enumerate(content.summary.rankings):
        compared = ranking.comparisons
        if compared is not None and (ranks := compared.nemenyi) is not None:
            drawn = page("ranks.svg", cd=charts.diagram(ranks), alone=True)
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
