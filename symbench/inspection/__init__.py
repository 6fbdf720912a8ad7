"""Inspects networks that were trained elsewhere: which symmetry they keep, and where it breaks."""

from symbench.inspection.inspecting import Inspection, inspect

__all__ = ["Inspection", "inspect"]
