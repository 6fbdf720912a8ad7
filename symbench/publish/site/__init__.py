"""Results -> a static site: no server, no external address, no unsafe names in paths.

Pages contain text that anybody may have written. It is escaped everywhere, and the policy of the
pages forbids all scripts but those of the site.
"""

from __future__ import annotations

from importlib.resources import files as resources
from importlib.resources.abc import Traversable

from symbench.plot import rank_diagram
from symbench.publish.site import landing, pages
from symbench.publish.site.cards import Details, describe
from symbench.publish.site.content import Content
from symbench.publish.site.published import content_of
from symbench.publish.site.render import ident
from symbench.results.report.boards import telling_ranks

__all__ = ["Content", "Details", "content_of", "describe", "files"]


def files(content: Content) -> dict[str, bytes]:
    """Return the content of each file of the site by its path, ``index.html`` first."""
    by_path = {
        "index.html": landing.overview(content),
        "results.html": landing.results(content),
        "tasks.html": landing.tasks(content),
        "models.html": landing.models(content),
        "compare.html": pages.compare(content),
        "about.html": pages.about(content),
    }
    if content.discovery.methods:
        by_path["discovery.html"] = pages.discovery(content)
    by_path |= {
        f"boards/{ident(one.board.name)}.html": landing.board(content, one)
        for one in content.standings
    }
    by_path |= {f"tasks/{ident(n)}.html": pages.task(content, n) for n in content.of_task}
    by_path |= {f"models/{ident(n)}.html": pages.model(content, n) for n in content.of_model}
    static = resources("symbench.publish.site") / "static"
    return by_path | _charts(content) | _static(static, "static")


def _charts(content: Content) -> dict[str, bytes]:
    by_path = {}
    for name in content.of_task:
        if (drawn := pages.curves(content, name)) is not None:
            by_path[f"figures/task-{ident(name)}.svg"] = drawn.svg().encode()
    for one in content.standings:
        if (ranks := telling_ranks(one)) is not None:
            path = f"figures/board-{ident(one.board.name)}.svg"
            by_path[path] = rank_diagram(ranks).svg().encode()
    for key, maps in content.details.pictures.items():
        by_path |= {f"figures/{key}-{i}.png": image for i, image in enumerate(maps)}
    return by_path


def _static(folder: Traversable, path: str) -> dict[str, bytes]:
    by_path: dict[str, bytes] = {}
    for resource in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if resource.is_dir():
            by_path |= _static(resource, f"{path}/{resource.name}")
        else:
            by_path[f"{path}/{resource.name}"] = resource.read_bytes()
    return by_path
