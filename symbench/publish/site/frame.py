"""What the pages of a site share: the frame around each, and charts as parts of a page."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from symbench.plot import Chart
from symbench.publish.site.content import Content


def shell(content: Content, title: str, depth: int) -> dict[str, Any]:
    """Return the variables of the frame around a page, ``depth`` folders below the front page."""
    return {
        "title": title,
        "root": "../" * depth,
        "documentation": "../" * depth + content.documentation if content.documentation else "",
        "tier": content.tier,
        "sha256": content.sha256,
        "coverage": content.coverage,
        "statuses": content.statuses,
        "discovery": bool(content.discovery.methods),
        "counts": (len(content.of_task), len(content.of_model), len(content.rows)),
    }


def inline(chart: Chart | None) -> Markup | None:
    """Return a chart as a part of a page; its texts are escaped."""
    return None if chart is None else Markup(chart.svg())  # noqa: S704 - made of marks, not text
