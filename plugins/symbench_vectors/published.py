"""Published test errors: mean squared error in original units, mean of three trials.

The MLP and EMLP lines are from Finzi, Welling, Wilson 2021, section 7. The Scalars lines are from
Villar et al. 2021, section 7, which prints no table. They are read off its figure, with an
accuracy of about 0.01 decades. The CGENN line is from a table of a later paper.
"""

from __future__ import annotations

from symbench import Published

_EMLP = "Finzi, Welling, Wilson 2021 (arXiv:2104.09459), section 7"
_SCALARS = "Villar et al. 2021 (arXiv:2106.06610), section 7, read off the figure"
_CGENN = (
    "Ruhe, Brandstetter, Forré 2023 (arXiv:2305.11141), as tabulated in the GLGENN paper "
    "(arXiv:2506.09625)"
)
_SIZES = (30, 100, 300, 1000, 3000, 10000, 30000)


def _line(model: str, label: str, source: str, *errors: float) -> Published:
    return Published(model, label, source, dict(zip(_SIZES, errors, strict=True)))


# fmt: off
O5 = (
    _line("mlp", "MLP", _EMLP, 28.1, 2.83, .248, .0892, .0623, .0616, .0622),
    _line("mlp-augmented", "MLP+Aug", _EMLP, .476, .397, .0936, .0633, .0889, .0702, .0672),
    _line("emlp", "EMLP-O(5)", _EMLP, .152, .0408, .0344, .0170, .0310, .0130, .0273),
    _line("emlp-so5", "EMLP-SO(5)", _EMLP, .110, .0415, .0384, .0198, .0320, .0231, .0279),
    _line("scalars-2021", "Scalars", _SCALARS, .112, .110, .0197, .0082, .0083, .00072, .00033),
    Published("clifford", "CGENN", _CGENN, {30: .0791, 300: .0089, 3000: .0012, 30000: .0003}),
)
INERTIA = (
    _line("mlp", "MLP", _EMLP, 13.4, 7.91, 4.94, 3.24, .840, .154, .112),
    _line("mlp-augmented", "MLP+Aug", _EMLP, 4.64, 1.79, .464, .130, .112, .112, .106),
    _line("emlp", "EMLP-O(3)", _EMLP, 4.11, 1.44, .304, .136, .0282, .0180, .0141),
    _line("emlp-so3", "EMLP-SO(3)", _EMLP, 6.91, 1.16, .316, .060, .0291, .0185, .0153),
    _line("scalars-perm", "Scalars", _SCALARS, .54, .055, .012, .0039, .0024, .0012, .00071),
)
LORENTZ = (
    _line("mlp", "MLP", _EMLP, .733, .733, .697, .364, .0504, .0166, .0120),
    _line("mlp-augmented", "MLP+Aug", _EMLP, .627, .190, .0397, .0125, .0108, .0134, .0118),
    _line("emlp", "EMLP-O(1,3)", _EMLP, .540, .0089, .0019, .00033, .00027, .00026, .00016),
    _line("scalars-2021", "Scalars", _SCALARS, .32, .138, .038, .0095, .0021, .0010, .00015),
)
# fmt: on
