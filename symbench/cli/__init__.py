"""The command line: the program and its exit codes. Each verb has a file of its own."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from symbench.cli.output import OutputError, PlainFormatter, discard_stdout, take_stdout
from symbench.cli.verbs import Verbs
from symbench.errors import SymbenchError

__all__ = ["app", "main"]

USAGE, INTERRUPTED = 2, 130
_LONGEST = 2000  # characters of a refusal, which may quote anything

# Some versions of typer bundle their own copy of click, so its error class is found through typer.
_CommandLineError: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)

app = typer.Typer(
    cls=Verbs,
    help="Benchmark neural networks that respect or discover symmetry.",
    epilog="Example: symbench run -t 'o5-*' -m mlp -m scalars --tier quick",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from symbench import __version__

        typer.echo(f"symbench {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code.

    Threads that a plugin has left do not keep the process from ending.
    """
    before = set(threading.enumerate())
    code = _exit_code(arguments)
    left = set(threading.enumerate()) - before
    if names := sorted({one.name for one in left if not one.daemon}):
        from symbench.results.report.escape import plain

        threads = plain(", ".join(names))[:_LONGEST]
        typer.echo(f"symbench: warning: a plugin has left threads: {threads}", err=True)
        _end(code)
    sys.exit(code)


def _end(code: int) -> NoReturn:
    """End the process as ``sys.exit`` does, but without waiting for threads."""
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code)


def _exit_code(arguments: Sequence[str] | None) -> int:
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter("symbench: %(levelname)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.addLevelName(logging.WARNING, "warning")
    try:
        take_stdout()
        code = app(args=arguments, prog_name="symbench", standalone_mode=False)
        sys.stdout.flush()
    except OutputError as error:
        discard_stdout()
        return _refuse(str(error))
    except SymbenchError as error:
        return _refuse(str(error))
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # the reader (head, less) has left
        discard_stdout()
        return 0
    except _CommandLineError as error:
        return _refuse(error.format_message())  # type: ignore[attr-defined]
    return code if isinstance(code, int) else 0


def _refuse(message: str) -> int:
    from symbench.results.report.escape import plain

    typer.echo(f"symbench: error: {plain(message, _LONGEST)}", err=True)
    return USAGE
