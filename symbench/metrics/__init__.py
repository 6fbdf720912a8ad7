"""The core's scores, one a file; nothing here imports torch before a score is computed."""

import sys
from importlib import import_module
from types import ModuleType

from symbench.contract import Metric
from symbench.metrics.conservation import ConservationError
from symbench.metrics.cost import Flops
from symbench.metrics.equivariance import EquivarianceError, Float32EquivarianceError
from symbench.metrics.error import Error, PaperError
from symbench.metrics.generators import (
    GeneratorCosine,
    GeneratorCosineFrobenius,
    GeneratorOverlap,
    GeneratorPrecision,
    GeneratorRecall,
    GeneratorsFound,
    GeneratorWorstCosine,
)
from symbench.metrics.lie_derivative import LieDerivative

CORE: tuple[type[Metric], ...] = (
    Error,
    PaperError,
    EquivarianceError,
    Float32EquivarianceError,
    LieDerivative,
    GeneratorCosine,
    GeneratorCosineFrobenius,
    GeneratorOverlap,
    GeneratorWorstCosine,
    GeneratorPrecision,
    GeneratorRecall,
    GeneratorsFound,
    ConservationError,
    Flops,
)

__all__ = [
    "CORE", "ConservationError", "EquivarianceError", "Error", "Float32EquivarianceError",
    "Flops", "GeneratorCosine", "GeneratorCosineFrobenius", "GeneratorOverlap",
    "GeneratorPrecision", "GeneratorRecall", "GeneratorWorstCosine", "GeneratorsFound",
    "LieDerivative", "PaperError",
]  # fmt: skip


class _Metrics(ModuleType):
    """Lets ``symbench.metrics`` be this package and, called, the list of all metrics.

    Importing the package binds its name in ``symbench``, over the function of that name.
    """

    def __call__(self) -> list[type[Metric]]:
        """Return the core's metric classes and those of plugins."""
        listed: list[type[Metric]] = import_module("symbench.api").metrics()
        return listed


sys.modules[__name__].__class__ = _Metrics
