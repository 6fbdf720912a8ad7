"""Search a model's configuration on the valid split, with a stated budget: ``symbench tune``.

The search trains with seeds that no run uses, judges by the loss on the ``valid`` split, and has
no way to the test split. Optuna (extra ``symbench[tune]``) is imported where a search begins.
"""

from __future__ import annotations

from symbench.tuning.document import Attempt, Plan, Study, path_of, read
from symbench.tuning.outcome import tuned_cells
from symbench.tuning.searching import Search, search
from symbench.tuning.space import Choices, Range, Space, search_space

__all__ = [
    "Attempt",
    "Choices",
    "Plan",
    "Range",
    "Search",
    "Space",
    "Study",
    "path_of",
    "read",
    "search",
    "search_space",
    "tuned_cells",
]
