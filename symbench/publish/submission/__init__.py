"""Published results as one file that a stranger can check: plan, records, tables and hashes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symbench.publish.submission.contradictions import Checked, check
    from symbench.publish.submission.directory import differing_files, write
    from symbench.publish.submission.making import make
    from symbench.publish.submission.rerun import Rerunner
    from symbench.publish.submission.verdict import CellVerdict, Verdict, verify, verify_path
    from symbench.results.published.document import Submission, json_schema
    from symbench.results.published.reading import parse, read

__all__ = [
    "CellVerdict", "Checked", "Rerunner", "Submission", "Verdict", "check", "differing_files",
    "json_schema", "make", "parse", "read", "verify", "verify_path", "write",
]  # fmt: skip

_HERE, _PUBLISHED = "symbench.publish.submission", "symbench.results.published"
_MODULES = {  # imported on first use, because verifying needs torch and reading does not
    **dict.fromkeys(("Checked", "check"), f"{_HERE}.contradictions"),
    **dict.fromkeys(("differing_files", "write"), f"{_HERE}.directory"),
    **dict.fromkeys(("Submission", "json_schema"), f"{_PUBLISHED}.document"),
    "make": f"{_HERE}.making",
    **dict.fromkeys(("parse", "read"), f"{_PUBLISHED}.reading"),
    "Rerunner": f"{_HERE}.rerun",
    **dict.fromkeys(("CellVerdict", "Verdict", "verify", "verify_path"), f"{_HERE}.verdict"),
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
