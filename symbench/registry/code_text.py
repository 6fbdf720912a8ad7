"""Python source without its comments, docstrings and blank lines."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import decode_source
from typing import NamedTuple

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# An f-string is several tokens from Python 3.12 on, a t-string from 3.14 on; before, it is one.
_OPENING = {getattr(tokenize, name, None) for name in ("FSTRING_START", "TSTRING_START")}
_CLOSING = {getattr(tokenize, name, None) for name in ("FSTRING_END", "TSTRING_END")}


class _Line(NamedTuple):
    """One line of source, and whether it ends inside a string that spans several lines."""

    text: str
    inside_string: bool


class _Span(NamedTuple):
    """Where a docstring is: rows from 0, columns in bytes; ``sole`` if its body holds only it."""

    row: int
    column: int
    end_row: int
    end_column: int
    sole: bool


@lru_cache(maxsize=512)  # models share modules
def code_of(source: bytes) -> bytes:
    """Return the source without comments, docstrings, blank lines and trailing whitespace.

    Both are cut out of the text by position, so that every version of Python gives the same result.
    A body that is only a docstring becomes ``pass``. A source that does not parse is returned as it
    is.
    """
    try:
        text = decode_source(source)
        spans = sorted(_docstrings(ast.parse(text)), reverse=True)
        lines = _uncommented(text)
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError):
        return source
    for span in spans:  # from the last to the first, so that the rows of the others stay valid
        lines[span.row : span.end_row + 1] = [_without(lines, span)]
    texts = [line.text if line.inside_string else line.text.rstrip() for line in lines]
    return "\n".join(
        text for text, line in zip(texts, lines, strict=True) if text or line.inside_string
    ).encode()


def _uncommented(text: str) -> list[_Line]:
    """Return the lines of a source, each without its comment."""
    lines = text.split("\n")
    inside: set[int] = set()
    depth, opened = 0, 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        row, end_row = token.start[0] - 1, token.end[0] - 1
        if token.type in _OPENING:
            opened = opened if depth else row
            depth += 1
        elif token.type in _CLOSING:
            depth -= 1
            inside.update(range(opened, end_row))
        elif token.type == tokenize.STRING:
            inside.update(range(row, end_row))
        elif token.type == tokenize.COMMENT and not depth:
            lines[row] = lines[row].removesuffix(token.string)
    return [_Line(line, row in inside) for row, line in enumerate(lines)]


def _docstrings(tree: ast.Module) -> Iterator[_Span]:
    """Yield where the docstrings of the module, its classes and its functions are."""
    for node in ast.walk(tree):
        if not isinstance(node, _DOCUMENTED) or not node.body:
            continue
        match node.body[0]:
            case ast.Expr(value=ast.Constant(value=str()) as string):
                end = string.end_lineno or string.lineno, string.end_col_offset or 0
                sole = len(node.body) == 1 and not isinstance(node, ast.Module)
                yield _Span(string.lineno - 1, string.col_offset, end[0] - 1, end[1], sole)


def _without(lines: list[_Line], span: _Span) -> _Line:
    """Return what is left of a docstring's lines, as one line."""
    before = lines[span.row].text.encode()[: span.column].decode()
    after = lines[span.end_row].text.encode()[span.end_column :].decode()
    return _Line(f"{before}{'pass' * span.sole}{after}", lines[span.end_row].inside_string)
