"""The verb ``new``: an installable plugin package with a passing test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from jinja2 import Environment, PackageLoader, StrictUndefined

from symbench.errors import InputError

KINDS = ("model", "task", "metric")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_TRY_IT = {
    "model": "symbench run -m {name} -m mlp -t o5-invariant",
    "task": "symbench run -t {name} -m mlp -m scalars",
    "metric": "symbench run -t o5-invariant -m mlp",
}


def new(
    kind: Annotated[str, typer.Argument(metavar="model|task|metric")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name to register it under.")],
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Directory to create the package in. Default: here."),
    ] = None,
) -> None:
    """It contains a module to edit, and its entry point is registered when you install it."""
    directory = write(kind, name, to)
    typer.echo(f"{directory}: edit the module, then pip install -e {directory}")


def write(kind: str, name: str, to: Path | None) -> Path:
    """Write the package into ``to``/``name`` (by default ./``name``) and return its directory.

    Raises:
        InputError: an unknown kind, a name that cannot be registered, or a directory that exists.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind {kind!r}: choose one of {', '.join(KINDS)}")
    if not _NAME.fullmatch(name):
        raise InputError(
            f"name {name!r}: begin with a letter; lower-case letters, digits, hyphens, at most 64"
        )
    directory = (to or Path()) / name
    module = f"symbench_{name.replace('-', '_')}"
    environment = Environment(  # noqa: S701 - it writes Python and TOML of a checked name
        loader=PackageLoader("symbench.cli"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    values = {
        "kind": kind, "name": name, "module": module, "try_it": _TRY_IT[kind].format(name=name),
        "class_name": "".join(part.capitalize() for part in name.split("-")),
    }  # fmt: skip
    files = {
        "pyproject.toml": "pyproject.toml.j2",
        "README.md": "README.md.j2",
        f"{module}.py": f"{kind}/module.py.j2",
        f"tests/test_{name.replace('-', '_')}.py": "test.py.j2",
    }
    try:
        directory.mkdir(parents=True)
        (directory / "tests").mkdir()
        for file, template in files.items():
            (directory / file).write_text(environment.get_template(template).render(values))
    except FileExistsError as error:
        raise InputError(f"{str(directory)!r} exists: choose another name or --to DIR") from error
    except OSError as error:
        raise InputError(f"cannot write {str(directory)!r}: {error.strerror}") from error
    return directory
