"""A submission -> the content of its site."""

from __future__ import annotations

from collections.abc import Mapping

from symbench.publish.site.cards import Details, describe
from symbench.publish.site.content import Content
from symbench.registry import Registry
from symbench.results.published.document import PROVENANCE, Submission


def content_of(
    submission: Submission,
    registry: Registry | None = None,
    pictures: Mapping[str, list[bytes]] | None = None,
    documentation: str = "",
) -> Content:
    """Return the content of the site of a submission.

    Args:
        submission: the results.
        registry: describes tasks and models; without it the pages hold only results.
        pictures: PNG heat maps of learned generators by the key of their record.
        documentation: the way from the front page to the folder of the documentation, if the two
            are published together, such as ``../../``.
    """
    known = submission.provenance
    absent = [(one.task, one.model, one.reason) for one in submission.absent]
    tasks = {one.task for one in submission.plan} | {task for task, _, _ in absent}
    models = {one.model for one in submission.plan} | {model for _, model, _ in absent}
    details = Details(pictures=pictures or {})
    if registry is not None:
        details = describe(registry, tasks, models, pictures)
    return Content(
        leaderboard=submission.leaderboard,
        records=submission.records,
        absent=absent,
        facts={
            **{name: getattr(known, name) for name in PROVENANCE},
            "plugins": [f"{name} {' '.join(have)}" for name, have in known.plugins.items()],
            "cells started": [" to ".join(known.started)],
            "seconds in all": [f"{known.seconds:.0f}"],
        },
        sha256=submission.hashes.whole,
        details=details,
        documentation=documentation,
    )
