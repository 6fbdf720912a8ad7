"""Tables as tasks: files or arrays that are read, checked, split and trained on.

``read`` returns a ``Table``, which is checked; ``TableTask`` is the task of one. The rest of the
benchmark treats it as any other task.
"""

from symbench.tables.checks import LEAST_ROWS
from symbench.tables.layout import Block, Layout, parse_layout
from symbench.tables.source import TableSource
from symbench.tables.table import Table, read
from symbench.tables.task import TableTask

__all__ = [
    "LEAST_ROWS", "Block", "Layout", "Table", "TableSource", "TableTask", "parse_layout", "read",
]  # fmt: skip
