"""The core's scores, one per file; torch is imported only when a score is computed."""

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
