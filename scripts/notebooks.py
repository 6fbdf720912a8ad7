"""Execute the notebooks of docs/ and keep what their cells show.

    python scripts/notebooks.py docs/notebooks/*.ipynb

A notebook is run like a script: its code cells in order, in one namespace and an empty directory.
The last expression of a cell is shown as in Jupyter. An exception ends the run with its traceback.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

Notebook = dict[str, Any]
_RICH = {"image/svg+xml": "_repr_svg_", "text/html": "_repr_html_"}


def execute(notebook: Notebook) -> Iterator[Notebook]:
    """Run the code cells in order, and yield each with its new outputs."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as empty, chdir(empty):
        for number, cell in enumerate(_code(notebook), start=1):
            cell["execution_count"] = number
            cell["outputs"] = _run("".join(cell["source"]), names, number)
            yield cell


def _code(notebook: Notebook) -> list[Notebook]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _run(source: str, names: dict[str, Any], number: int) -> list[Notebook]:
    body = ast.parse(source, f"cell {number}")
    last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed):
        exec(compile(body, f"cell {number}", "exec"), names)  # noqa: S102 - our own notebooks
        if isinstance(last, ast.Expr):
            code = compile(ast.Expression(last.value), f"cell {number}", "eval")
            value = eval(code, names)  # noqa: S307 - our own notebooks
    outputs: list[Notebook] = []
    if text := printed.getvalue():
        outputs.append({"output_type": "stream", "name": "stdout", "text": _lines(text)})
    if value is not None:
        outputs.append({
            "output_type": "execute_result", "execution_count": number, "metadata": {},
            "data": {kind: _lines(content) for kind, content in _shown(value)},
        })  # fmt: skip
    return outputs


def _shown(value: Any) -> Iterator[tuple[str, str]]:
    for kind, method in _RICH.items():
        if (show := getattr(value, method, None)) is not None:
            yield kind, show()
            return
    yield "text/plain", repr(value)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main(arguments: Sequence[str]) -> None:
    """Execute the notebooks and write them back."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path, help="notebooks to execute")
    paths = parser.parse_args(arguments).paths
    os.environ.setdefault("COLUMNS", "100")
    for path in paths:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        count = sum(1 for _ in execute(notebook))
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{path}: {count} cells")


if __name__ == "__main__":
    main(sys.argv[1:])
