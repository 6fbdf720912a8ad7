"""Published results as one file that a stranger can check: plan, records, tables and hashes."""

from symbench.submission.document import Submission, json_schema
from symbench.submission.making import make
from symbench.submission.problems import problems
from symbench.submission.publication import differing_files, write
from symbench.submission.reading import parse, read
from symbench.submission.rerun import Bench
from symbench.submission.verdict import CellVerdict, Verdict, refusal, verify

__all__ = [
    "Bench",
    "CellVerdict",
    "Submission",
    "Verdict",
    "differing_files",
    "json_schema",
    "make",
    "parse",
    "problems",
    "read",
    "refusal",
    "verify",
    "write",
]
