"""Tables as tasks: files or arrays that are read, checked, split and trained on.

``read`` returns a ``Table``, which is checked; ``TableTask`` is the task of one. The rest of the
benchmark treats it as any other task. Names are imported on first use, because ``symbench list``
needs only ``TableSource`` and no numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symbench.tables.checks import LEAST_ROWS
    from symbench.tables.layout import Block, Layout, parse_layout
    from symbench.tables.source import TableSource
    from symbench.tables.table import Table, read
    from symbench.tables.task import TableTask

__all__ = [
    "LEAST_ROWS", "Block", "Layout", "Table", "TableSource", "TableTask", "parse_layout", "read",
]  # fmt: skip

_HOMES = {
    "LEAST_ROWS": "checks", "Block": "layout", "Layout": "layout", "parse_layout": "layout",
    "TableSource": "source", "Table": "table", "read": "table", "TableTask": "task",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
