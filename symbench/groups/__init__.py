"""Matrix groups, their representations, and the linear maps that commute with them."""

from symbench.groups.affine import SE, E
from symbench.groups.base import DirectProduct, Group
from symbench.groups.basis import Block, equivariant_basis, equivariant_blocks, invariant_basis
from symbench.groups.conjugated import Conjugated
from symbench.groups.enumerated import Finite, elements_of, generated, geodesic
from symbench.groups.exponential import exp_action, steps_needed
from symbench.groups.finite import C, D, S, Trivial, Z
from symbench.groups.identification import Identity, identify
from symbench.groups.linear import GL, SL, Scaling, Sp
from symbench.groups.orthogonal import SO, Lorentz, O
from symbench.groups.representation import Representation, Scalar, T, V
from symbench.groups.standardise import Rescaled, Standardised
from symbench.groups.unitary import SU, U
from symbench.groups.units import (
    Unit,
    binary_unit,
    positive_scale,
    root_mean_square,
    rounding_of,
    standard_deviation,
    value_range,
)

__all__ = [
    "GL",
    "SE",
    "SL",
    "SO",
    "SU",
    "Block",
    "C",
    "Conjugated",
    "D",
    "DirectProduct",
    "E",
    "Finite",
    "Group",
    "Identity",
    "Lorentz",
    "O",
    "Representation",
    "Rescaled",
    "S",
    "Scalar",
    "Scaling",
    "Sp",
    "Standardised",
    "T",
    "Trivial",
    "U",
    "Unit",
    "V",
    "Z",
    "binary_unit",
    "elements_of",
    "equivariant_basis",
    "equivariant_blocks",
    "exp_action",
    "generated",
    "geodesic",
    "identify",
    "invariant_basis",
    "positive_scale",
    "root_mean_square",
    "rounding_of",
    "standard_deviation",
    "steps_needed",
    "value_range",
]
