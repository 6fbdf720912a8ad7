"""The verb ``check``: the conformance checks of one name, and how each ended."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from symbench.cli.loading import registered
from symbench.cli.options import AsJson, BlockedPlugins, PluginFiles
from symbench.cli.output import print_json
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from symbench.registry import Registry

_MARKS = {"kept": "ok", "broken": "BROKEN", "skipped": "--"}
_TASKS = 4  # on which a model is checked, without --every-task


@dataclass(frozen=True)
class CheckResult:
    """How one check ended; ``why`` it was broken or skipped."""

    check: str
    outcome: Literal["kept", "broken", "skipped"]
    why: str = ""


def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A task, model or metric.")],
    every: Annotated[
        bool, typer.Option("--every-task", help="Try a model on all tasks it accepts, not four.")
    ] = False,
    as_json: AsJson = False,
    plugin: PluginFiles = None,
    no_plugin: BlockedPlugins = None,
) -> int:
    """The exit code is 1 if a check fails."""
    stdout = sys.stdout  # inside the block, sys.stdout is stderr
    results = []
    with registered(plugin, no_plugin) as registry:
        for result in check_results(registry, name, every=every):
            results.append(result)
            if not as_json:
                typer.echo(_line(result), file=stdout)
    if as_json:
        print_json({"name": name, "checks": [asdict(result) for result in results]})
    return 1 if any(result.outcome == "broken" for result in results) else 0


def check_results(registry: Registry, name: str, *, every: bool) -> Iterator[CheckResult]:
    """Run the checks of a registered name and yield each result at once.

    Raises:
        UnknownNameError: nothing is registered under the name.
    """
    from symbench.testing import Skipped, checks

    for check in checks(name, registry=registry, most=None if every else _TASKS):
        try:
            check()
        except Skipped as reason:
            yield CheckResult(check.title, "skipped", str(reason))
        except AssertionError as broken:
            yield CheckResult(check.title, "broken", str(broken))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may raise anything
            yield CheckResult(check.title, "broken", f"{type(error).__name__}: {error}")
        else:
            yield CheckResult(check.title, "kept")


def _line(result: CheckResult) -> str:
    why = f"  ({plain(result.why)})" if result.why else ""
    return f"{_MARKS[result.outcome]:7} {result.check}{why}"
