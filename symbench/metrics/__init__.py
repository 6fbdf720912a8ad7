"""The core's scores, one per file; torch is imported only when a score is computed."""

from symbench.contract import Metric
from symbench.metrics import announced, counting, elements, generators
from symbench.metrics.announced_unmoved import AnnouncedUnmoved
from symbench.metrics.conservation import ConservationError
from symbench.metrics.cost import Flops
from symbench.metrics.decision_change import DecisionChange
from symbench.metrics.equivariance import EquivarianceError, Float32EquivarianceError
from symbench.metrics.error import Error, PaperError
from symbench.metrics.generators import GeneratorCosine, GeneratorOverlap
from symbench.metrics.lie_derivative import LieDerivative
from symbench.metrics.symmetric_share import SymmetricShare

CORE: tuple[type[Metric], ...] = (
    Error,
    PaperError,
    EquivarianceError,
    Float32EquivarianceError,
    SymmetricShare,
    DecisionChange,
    LieDerivative,
    generators.GeneratorCosine,
    generators.GeneratorCosineFrobenius,
    generators.GeneratorOverlap,
    generators.GeneratorWorstCosine,
    generators.GeneratorPrecision,
    generators.GeneratorRecall,
    generators.GeneratorClosure,
    announced.AnnouncedOverlap,
    announced.AnnouncedCosine,
    announced.AnnouncedWorstCosine,
    announced.AnnouncedPrecision,
    announced.AnnouncedRecall,
    announced.AnnouncedClosure,
    announced.AnnouncedCount,
    announced.AnnouncedDefect,
    announced.AnnouncedOwnDefect,
    announced.AnnouncedUnconnected,
    AnnouncedUnmoved,
    elements.ElementsPrecision,
    elements.ElementsRecall,
    elements.ElementsCount,
    elements.ElementsWasserstein,
    counting.GeneratorsFound,
    counting.FalseFinding,
    ConservationError,
    Flops,
)

__all__ = [
    "CORE", "ConservationError", "DecisionChange", "EquivarianceError", "Error",
    "Float32EquivarianceError", "Flops", "GeneratorCosine", "GeneratorOverlap", "LieDerivative",
    "PaperError", "SymmetricShare",
]  # fmt: skip
