"""The verbs of the command line, in the order of the help."""

from __future__ import annotations

from importlib import import_module
from inspect import getdoc
from itertools import pairwise
from typing import Any, NamedTuple

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup


class Verb(NamedTuple):
    """The function of a verb as ``file:name``, and what the help says about the verb.

    The help of the verb itself continues with the docstring of the function.
    """

    function: str
    summary: str
    example: str


VERBS = {
    "run": Verb(
        "run:run",
        "Train models on tasks, score them, store the results.",
        "run -t 'o5-*' -m mlp -m scalars --tier quick --jobs 4",
    ),
    "leaderboard": Verb(
        "leaderboard:leaderboard",
        "Show tables, boards or rankings of stored records.",
        "leaderboard --store results -t 'o5-*' --format md",
    ),
    "list": Verb(
        "listing:list_registered",
        "List tasks, models and all else that is registered.",
        "list models",
    ),
    "show": Verb(
        "show:show",
        "Describe what is registered under a name, or a plugin.",
        "show o5-invariant",
    ),
    "compare": Verb(
        "compare:compare",
        "Compare two models over the tasks and seeds they share.",
        "compare scalars mlp -t 'o5-*'",
    ),
    "plot": Verb(
        "plot:plot",
        "Draw learning curves and rankings as SVG or PNG.",
        "plot --store results -t 'o5-*' --to figures --format svg,png",
    ),
    "discover": Verb(
        "discover:discover",
        "Look for the symmetries of a table of your own.",
        "discover data.csv --inputs 'x*' --outputs y --layout '2 x 3'",
    ),
    "tune": Verb(
        "tune:tune",
        "Search models' configurations with equal budgets.",
        "tune mlp scalars -t o5-invariant --attempts 30",
    ),
    "score": Verb(
        "score:score",
        "Score kept networks again, or any network on a task.",
        "score my_network.py:make --task o5-invariant",
    ),
    "publish": Verb(
        "publish:publish",
        "Write tables, a site and a verifiable submission.",
        "publish --store results --to leaderboards/my-lab",
    ),
    "site": Verb(
        "site:site",
        "Build documentation and publications as one site.",
        "site --to build/site",
    ),
    "verify": Verb(
        "verify:verify",
        "Check a submission and run some of its cells again.",
        "verify leaderboards/my-lab/submission.json --seed 7",
    ),
    "new": Verb(
        "new:new",
        "Create a plugin package with a passing test.",
        "new model my-model --to plugins",
    ),
    "check": Verb(
        "check:check",
        "Check a task, model or metric against its contract.",
        "check my-model --plugin my_model.py",
    ),
    "doctor": Verb(
        "doctor:doctor",
        "Describe the machine, versions, plugins and store.",
        "doctor --json",
    ),
}


_OPTIONAL = {"--keep-networks": ("all", "largest")}
"""Options whose value may be left out, with their values; the first is the default."""


class _Command(TyperCommand):
    """A verb whose options may have an optional value, which typer does not offer."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments after writing out the values that were left out."""
        written = []
        for argument, following in pairwise([*args, ""]):
            values = _OPTIONAL.get(argument, (following,))
            written += [argument] if following in values else [f"{argument}={values[0]}"]
        return super().parse_args(ctx, written)


class Verbs(TyperGroup):
    """The group of all verbs; it imports a verb's file only when the verb is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": dict.fromkeys(VERBS)})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """Return the command of a verb, None if there is no such verb."""
        if cmd_name not in VERBS:
            return None
        verb = VERBS[cmd_name]
        file, _, name = verb.function.partition(":")
        function = getattr(import_module(f"symbench.cli.{file}"), name)
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(
            cmd_name,
            cls=_Command,
            help=f"{verb.summary}\n\n{getdoc(function) or ''}",
            epilog=f"Example: symbench {verb.example}",
        )(function)
        return typer.main.get_command(single)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - typer's signature
        """Write the list of verbs for ``symbench --help``."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])
