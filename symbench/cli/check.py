"""Runs the conformance checks of one name and says how each came out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, TextIO

import typer

from symbench.registry import Registry
from symbench.results.report.escape import plain
from symbench.testing import Check, Skipped, checks

_MARKS = {"kept": "ok", "broken": "BROKEN", "skipped": "--"}


@dataclass(frozen=True)
class Verdict:
    """How one check came out; ``why`` it was broken or skipped."""

    check: str
    outcome: Literal["kept", "broken", "skipped"]
    why: str = ""


def verdicts(registry: Registry, name: str, *, every: bool) -> Iterator[Verdict]:
    """Yield the outcome of each check of a registered name, as it comes.

    Raises:
        UnknownNameError: nothing is registered under the name.
    """
    for check in checks(name, registry=registry, most=None if every else 4):
        yield _verdict(check)


def _verdict(check: Check) -> Verdict:
    try:
        check()
    except Skipped as reason:
        return Verdict(check.title, "skipped", str(reason))
    except AssertionError as broken:
        return Verdict(check.title, "broken", str(broken))
    except Exception as error:  # a plugin may raise anything
        return Verdict(check.title, "broken", f"{type(error).__name__}: {error}")
    return Verdict(check.title, "kept")


def show(found: Iterator[Verdict], out: TextIO | None) -> list[dict[str, Any]]:
    """Print each verdict to ``out`` as it comes, and return them all."""
    documents = []
    for verdict in found:
        documents.append(asdict(verdict))
        if out is not None:
            why = f"  ({plain(verdict.why)})" if verdict.why else ""
            typer.echo(f"{_MARKS[verdict.outcome]:7} {verdict.check}{why}", file=out)
    return documents
