"""Published results as one file that a stranger can check: plan, records, tables and hashes."""

from symbench.publish.submission.contradictions import problems
from symbench.publish.submission.directory import differing_files, write
from symbench.publish.submission.document import Submission, json_schema
from symbench.publish.submission.making import make
from symbench.publish.submission.reading import parse, read
from symbench.publish.submission.rerun import Bench
from symbench.publish.submission.verdict import CellVerdict, Verdict, refusal, verify

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
