"""Published results as one file that a stranger can check: plan, records, tables and hashes."""

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
