"""The classes that a plugin author writes: tasks, models and metrics, and the values they exchange.

Importing this package does not import torch, so that ``symbench list`` is fast.
"""

from symbench.contract.metric import Metric, Trained
from symbench.contract.model import Calibrates, Fits, FitsTogether, Flows, Model, NoConfig
from symbench.contract.task import Task
from symbench.contract.values import (
    SPLITS,
    Context,
    Data,
    Direction,
    Kind,
    Loss,
    Prior,
    Problem,
    Published,
    Recipe,
    Scores,
    Split,
    Symmetry,
    Tier,
    seeded,
)

__all__ = [
    "SPLITS", "Calibrates", "Context", "Data", "Direction", "Fits", "FitsTogether", "Flows",
    "Kind", "Loss", "Metric", "Model", "NoConfig", "Prior", "Problem", "Published", "Recipe",
    "Scores", "Split", "Symmetry", "Task", "Tier", "Trained", "seeded",
]  # fmt: skip
