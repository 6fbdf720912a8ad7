"""The part of gl(V) that data can test, and the scale of their inputs."""

from __future__ import annotations

import torch
from torch import Tensor

from symbench.contract import Data, Symmetry
from symbench.groups import V, positive_scale
from symbench.metrics.algebra import Whitening
from symbench.metrics.candidate import Candidate, along, second_moment
from symbench.metrics.network import in_blocks, spaced

_ROWS, _PROBES = 1024, (128, 512)  # rows of C, and bounds of the number of probes
_LEAST = 2  # rows of C per matrix, which large spaces need more probes for
_FLAT = 1e-10  # eigenvalues of a correlation matrix below this part of the largest are rounding
_IDLE = 1e-6  # singular values below this part of the largest are zero


def acting(law: Symmetry, data: Data) -> Candidate:
    """Return the part of gl(V) that the data can test, acting on some of the inputs.

    The basis is orthonormal in whitened coordinates. Left out are directions that would move
    inputs out of the affine span of all inputs, where no function is known, and directions that
    move neither inputs nor targets, which every function keeps. In homogeneous coordinates (x, 1)
    what remains of gl(d + 1) is the affine algebra.

    Args:
        law: how GL(V) acts on inputs and targets.
        data: x [n, *input_shape] and y [n, *output_shape], float64 on the CPU.
    """
    whitening = Whitening.of(second_moment(data.x, law.input))
    basis = whitening.elementary()
    fewest, most = _PROBES
    outputs = max(1, law.output.size)
    count = min(most, max(fewest, _ROWS // outputs))
    count = max(count, -(-_LEAST * len(basis) // outputs))
    x = spaced(data.x, count)
    tangents = along(law.input, basis, x.flatten(1))
    leaving = torch.einsum("mni,ic->mnc", tangents, _normals(data.x)).flatten(1)
    inside = _null_rows(leaving, tangents)
    turned = along(law.output, basis, spaced(data.y, count).flatten(1))
    moved = torch.einsum("km,mi->ki", inside, _standard(tangents, turned))
    kept = _row_space(moved) @ inside
    basis, tangents = (torch.einsum("km,m...->k...", kept, part) for part in (basis, tangents))
    return Candidate(law, whitening, basis, x, tangents)


def _normals(x: Tensor) -> Tensor:
    """Return the directions [input_size, c], in units of the coordinates, in which x is flat."""
    flat = x.flatten(1)
    scale = positive_scale(flat.square().mean(0).sqrt(), flat.abs().amax(0), x.dtype)
    standard = (flat - flat.mean(0)) / scale
    values, vectors = torch.linalg.eigh(standard.mT @ standard / len(x))
    normals: Tensor = vectors[:, values <= _FLAT * values[-1]] / scale[:, None]
    return normals


def _null_rows(leaving: Tensor, tangents: Tensor) -> Tensor:
    """Return orthonormal combinations [k, m] of the rows of ``leaving`` [m, q] that vanish."""
    m = len(leaving)
    if leaving.shape[1] == 0:
        return torch.eye(m, dtype=leaving.dtype)
    values, vectors = torch.linalg.eigh(leaving @ leaving.mT)
    unit = float(tangents.square().sum((1, 2)).max())
    zero: Tensor = values <= _IDLE**2 * max(unit, float(values[-1]))
    combinations: Tensor = vectors[:, zero].mT
    return combinations


def _standard(tangents: Tensor, turned: Tensor) -> Tensor:
    """Return both parts of the motion of the data in one row per generator, in like units."""
    parts = [part.flatten(1) for part in (tangents, turned)]
    sizes = [part.norm().clamp_min(torch.finfo(part.dtype).tiny) for part in parts]
    return torch.cat([part / size for part, size in zip(parts, sizes, strict=True)], 1)


def _row_space(moved: Tensor) -> Tensor:
    """Return orthonormal combinations [r, k] of the rows of ``moved`` [k, q] that do not vanish."""
    values, vectors = torch.linalg.eigh(moved @ moved.mT)
    combinations: Tensor = vectors[:, values > _IDLE**2 * values[-1:]].mT
    return combinations


def input_scale(law: Symmetry, x: Tensor) -> Tensor:
    """Return T [i, input_size] such that T x has unit variance and no preferred basis of V.

    Copies v of V are whitened together, W⁺ v, and divided by their own root mean square. Other
    coordinates are divided by their standard deviation.

    Args:
        law: how GL(V) acts on inputs.
        x: training inputs [n, *input_shape], float64.
    """
    rep = law.input
    whiten = Whitening.of(second_moment(x, rep)).whiten
    vector, parts, start = V(rep.group), [], 0
    blocks = in_blocks(x, rep.size).flatten(0, 1)
    for summand in rep.summands:
        some = blocks[:, start : start + summand.size]
        start += summand.size
        if summand == vector:
            size = (some @ whiten.mT).square().mean().sqrt()
            parts.append(whiten / size if size > 0 else 0 * whiten)
        else:
            spread = (some - some.mean(0)).square().mean(0).sqrt()
            parts.append(torch.diag(1 / positive_scale(spread, some.abs().amax(0), x.dtype)))
    one = torch.block_diag(*parts)  # of one example, or of one of its times
    scale: Tensor = torch.block_diag(*[one] * (x[0].numel() // rep.size))
    return scale
