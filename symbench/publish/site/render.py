"""Templates -> pages, in which foreign text is only text and never markup."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape

from symbench.results.report import numbers
from symbench.results.report.escape import plain

_LONG = 4000  # characters of a paragraph
_MARKED = re.compile(
    r"``(?P<code>[^`]+)``|(?P<link>https?://[A-Za-z0-9][A-Za-z0-9.:/?&=%_~#+@-]*[A-Za-z0-9/])"
)
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
# The style that Observable Plot writes into a chart of class "chart".
_PLOT_STYLE = (
    ":where(.chart) {\n  --plot-background: white;\n  display: block;\n  height: auto;\n"
    "  height: intrinsic;\n  max-width: 100%;\n}\n:where(.chart text),\n:where(.chart tspan) {\n"
    "  white-space: pre;\n}"
)
_PLOT_HASH = base64.b64encode(hashlib.sha256(_PLOT_STYLE.encode()).digest()).decode()
POLICY = (
    "default-src 'none'; script-src 'self'; img-src 'self'; "
    f"style-src 'self' 'sha256-{_PLOT_HASH}'; base-uri 'none'; form-action 'none'"
)


_SAFE = re.compile(r"(?![0-9a-f]{12}\Z)[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")  # as files of Windows


def ident(name: str) -> str:
    """Return what stands for a name in paths and addresses.

    It is the name itself where that is a safe file name on every system: lower case, so that no two
    differ in case alone, not reserved, and not like a hash. For any other name it is the first 12
    hex digits of its SHA-256.
    """
    if _SAFE.fullmatch(name) and not _RESERVED.fullmatch(name):
        return name
    return hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def page(template: str, **context: Any) -> bytes:
    """Return a rendered template; strings are escaped and on one line, NaN becomes null."""
    return _environment().get_template(template).render(**context).encode()


def clean(value: Any) -> Any:
    """Return a JSON document with plain strings, and null for NaN and infinities."""
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_plain(str(name)): clean(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [clean(one) for one in value]
    return value


def linked(text: str) -> Markup:
    """Return the text with http(s) addresses as links, ``code`` as code, and no other markup."""
    parts, end = [], 0
    shown = _ARXIV.sub(r"https://arxiv.org/abs/\1", plain(text, _LONG)).replace(" -> ", " → ")
    for match in _MARKED.finditer(shown):
        parts.append(escape(shown[end : match.start()]))
        if (code := match["code"]) is not None:
            parts.append(Markup("<code>{0}</code>").format(code))
        else:
            address = Markup('<a href="{0}" rel="noopener noreferrer">{1}</a>')
            parts.append(
                address.format(match[0], match[0].replace("https://arxiv.org/abs/", "arXiv:"))
            )
        end = match.end()
    return Markup("").join([*parts, escape(shown[end:])])


def long(text: str) -> Markup:
    """Return a text that quotes names: escaped, without links."""
    return escape(plain(text, _LONG))


def paragraphs(text: str) -> list[Markup]:
    """Return the blocks between empty lines, each escaped and on one line."""
    return [linked(block) for block in re.split(r"\n\s*\n", text) if block.strip()]


@lru_cache(maxsize=1 << 14)  # many pages contain the same names and words
def _plain(text: str) -> str:
    return plain(text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ident": ident,
        "interval": numbers.interval,
        "json": _json,
        "linked": linked,
        "long": long,
        "number": numbers.number,
        "paragraphs": paragraphs,
    }
    environment.globals["policy"] = Markup(POLICY)  # noqa: S704 - a constant of this module
    return environment


def _json(value: Any) -> Markup:
    return htmlsafe_json_dumps(clean(value), allow_nan=False, separators=(",", ":"))


def _shown(value: Any) -> Any:
    return _plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value
