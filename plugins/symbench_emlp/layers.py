"""Equivariant layers for any matrix group (Finzi, Welling, Wilson 2021, sections 4 to 6)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symbench.groups import Representation, Scalar, equivariant_basis
from symbench_emlp.channels import Run, runs

SILU_NORM = 1.676532  # 1 / sqrt(E silu(z)²) and
GATE_NORM = 1.845814  # 1 / sqrt(E sigmoid(z)²) for z ~ N(0, 1): activations keep the variance
PATH_SIZE = 1300  # largest product of the three sizes of a path of the bilinear layer
PATH_RANK = 6  # and the largest sum of their tensor ranks


def _maps(source: Representation, target: Representation) -> Tensor:
    """Return the basis [r, size_out, size_in], each map scaled to keep a unit variance."""
    basis = equivariant_basis(source, target) * target.size**0.5
    return basis.to(torch.get_default_dtype())


class EquivariantLinear(nn.Module):
    """y = W x + b with W in Hom_G(rep_in, rep_out) and b invariant: [n, size_in] -> [n, size_out].

    Every copy of a summand of type τ is mapped to every copy of type τ' by a learned combination
    of the basis of Hom_G(τ, τ'); the dense W is put together once a call, whatever the batch.
    ``dimension`` counts the coefficients of W (the dimension of Hom_G), the bias apart. Types that
    feed an output type get equal shares of its variance, which starts at one for inputs of unit
    variance.
    """

    def __init__(self, rep_in: Representation, rep_out: Representation) -> None:
        super().__init__()
        self._in, self._out = runs(rep_in), runs(rep_out)
        self._shapes: list[tuple[int, int, int]] = []
        initial: list[Tensor] = []
        for i, target in enumerate(self._out):
            bases = [_maps(source.type, target.type) for source in self._in]
            feeding = max(1, sum(len(basis) > 0 for basis in bases))
            for j, (source, basis) in enumerate(zip(self._in, bases, strict=True)):
                shape = (target.copies, source.copies, len(basis))
                self.register_buffer(f"basis_{i}_{j}", basis.flatten(1), persistent=False)
                self._shapes.append(shape)
                fan = max(1, source.copies * len(basis) * feeding)
                initial.append(torch.randn(shape).flatten() / fan**0.5)
        self.weight = nn.Parameter(torch.cat(initial))
        self._register_bias(Scalar(rep_in.group))

    def _register_bias(self, scalar: Representation) -> None:
        sizes = []
        for i, target in enumerate(self._out):
            basis = _maps(scalar, target.type).squeeze(-1)
            self.register_buffer(f"invariant_{i}", basis, persistent=False)
            sizes.append(target.copies * len(basis))
        self._bias_sizes = sizes
        self.bias = nn.Parameter(torch.zeros(sum(sizes)))

    @property
    def dimension(self) -> int:
        """Dimension of Hom_G(rep_in, rep_out)."""
        return self.weight.numel()

    def dense_weight(self) -> Tensor:
        """Return W [size_out, size_in]."""
        parts = iter(self.weight.split([a * b * r for a, b, r in self._shapes]))
        rows = []
        for i, target in enumerate(self._out):
            blocks = [
                self._block(next(parts), target, source, self.get_buffer(f"basis_{i}_{j}"))
                for j, source in enumerate(self._in)
            ]
            rows.append(torch.cat(blocks, 1))
        return torch.cat(rows)

    def _block(self, part: Tensor, target: Run, source: Run, basis: Tensor) -> Tensor:
        """Return the block [copies_out · size_out, copies_in · size_in] of coefficients ``part``."""
        if not len(basis):
            return part.new_zeros(target.size, source.size)
        shape = (target.copies, source.copies, target.type.size, source.type.size)
        block = part.view(-1, len(basis)) @ basis
        return block.view(shape).transpose(1, 2).reshape(target.size, source.size)

    def dense_bias(self) -> Tensor:
        """Return b [size_out]."""
        parts = zip(self._out, self.bias.split(self._bias_sizes), strict=True)
        return torch.cat(
            [
                (part.view(run.copies, -1) @ self.get_buffer(f"invariant_{i}")).flatten()
                for i, (run, part) in enumerate(parts)
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return W x + b."""
        return nn.functional.linear(x, self.dense_weight(), self.dense_bias())


class Path(nn.Module):
    """k equivariant products of type a ⊗ c -> b, copy by copy: [n, k, a] , [n, k, c] -> [n, k, b].

    Copy i applies Σ_m coupling[i, m] Q_m, Q the basis of Hom_G(a ⊗ c, b), to left_i ⊗ right_i.
    """

    def __init__(self, maps: Tensor, copies: int, sizes: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("basis", maps.unflatten(-1, sizes), persistent=False)
        self.coupling = nn.Parameter(torch.randn(copies, len(maps)) / len(maps) ** 0.5)
        # the cheaper order: the whole outer product first, or the larger factor first
        self._outer = sizes[0] * sizes[1] <= maps.shape[1] * sizes[0]

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the products [n, k, b]."""
        kernel = torch.einsum("km,mbac->kbac", self.coupling, self.get_buffer("basis"))
        if self._outer:
            product = (left.unsqueeze(-1) * right.unsqueeze(-2)).flatten(-2)
            return torch.einsum("kbp,nkp->nkb", kernel.flatten(-2), product)
        partial = torch.einsum("kbac,nkc->nkba", kernel, right)
        return (partial * left.unsqueeze(-2)).sum(-1)


class Bilinear(nn.Module):
    """A bilinear equivariant map of x with itself, on one representation: [n, size] -> [n, size].

    In the published layer x chooses a matrix in Hom(rep, rep) for every sample. Here a few learned
    mixtures of the copies of each type (``copies`` of them, at most) multiply each other in all
    equivariant ways a ⊗ c -> b of bounded size, and are mixed back: the same contractions and the
    outer products besides (V ⊗ V -> T2), at a cost and memory linear in the size of x.
    """

    def __init__(self, rep: Representation, copies: int) -> None:
        super().__init__()
        self._runs = runs(rep)
        few = [min(run.copies, copies) for run in self._runs]
        self.left = self._mixtures(few)
        self.right = self._mixtures(few)
        self._plan: list[tuple[int, int, int]] = []
        self.paths = nn.ModuleList()
        count = [0] * len(self._runs)
        for a, c, b, maps in self._products():
            k, sizes = min(few[a], few[c]), (self._runs[a].type.size, self._runs[c].type.size)
            self._plan.append((a, c, b))
            self.paths.append(Path(maps, k, sizes))
            count[b] += k
        self.back = nn.ParameterList(
            torch.randn(run.copies, k) / max(1, k) ** 0.5
            for run, k in zip(self._runs, count, strict=True)
        )

    def _mixtures(self, few: list[int]) -> nn.ParameterList:
        return nn.ParameterList(
            torch.randn(k, run.copies) / run.copies**0.5
            for run, k in zip(self._runs, few, strict=True)
        )

    def _products(self) -> list[tuple[int, int, int, Tensor]]:
        """Return the paths a ⊗ c -> b, a no larger than c, with their maps."""
        types = [run.type for run in self._runs]
        found = []
        for c, second in enumerate(types):
            for a, first in enumerate(types[: c + 1]):
                for b, target in enumerate(types):
                    rank = first.rank + second.rank + target.rank
                    size = first.size * second.size * target.size
                    scales = first.rank == 0 and b != c  # left to the linear layers
                    if rank > PATH_RANK or size > PATH_SIZE or scales:
                        continue
                    maps = _maps(first * second, target)
                    if len(maps):
                        found.append((a, c, b, maps))
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Return the bilinear map at x."""
        parts = [
            part.unflatten(-1, (run.copies, run.type.size))
            for run, part in zip(self._runs, x.split([r.size for r in self._runs], -1), strict=True)
        ]
        left = [weight @ part for weight, part in zip(self.left, parts, strict=True)]
        right = [weight @ part for weight, part in zip(self.right, parts, strict=True)]
        products: list[list[Tensor]] = [[] for _ in parts]
        for (a, c, b), path in zip(self._plan, self.paths, strict=True):
            k = path.coupling.shape[-2]
            products[b].append(path(left[a][:, :k], right[c][:, :k]))
        mixed = [
            (weight @ torch.cat(found, 1)).flatten(1) if found else torch.zeros_like(part).flatten(1)
            for weight, found, part in zip(self.back, products, parts, strict=True)
        ]
        return torch.cat(mixed, -1)


class Gated(nn.Module):
    """SiLU on scalars, and sigmoid(gate) · feature with one scalar gate for every other summand.

    From ``gated(rep)`` = gates + rep to rep, whose scalars come first. Both activations are scaled
    to give a unit second moment on unit normal scalars.
    """

    def __init__(self, rep: Representation) -> None:
        super().__init__()
        self._runs = runs(rep)
        self._gates = sum(run.copies for run in self._runs if run.type.rank)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features [n, size] of gates and features [n, gates + size]."""
        gates = GATE_NORM * torch.sigmoid(x[:, : self._gates])
        start, first, parts = self._gates, 0, []
        for run in self._runs:
            part = x[:, start : start + run.size]
            start += run.size
            if run.type.rank == 0:
                parts.append(SILU_NORM * nn.functional.silu(part))
                continue
            feature = part.unflatten(-1, (run.copies, run.type.size))
            gate = gates[:, first : first + run.copies].unsqueeze(-1)
            parts.append((gate * feature).flatten(1))
            first += run.copies
        return torch.cat(parts, -1)


def gated(rep: Representation) -> Representation:
    """Return the representation that ``Gated`` reads: a scalar for every non-scalar, then rep."""
    gates = sum(run.copies for run in runs(rep) if run.type.rank)
    return gates * Scalar(rep.group) + rep if gates else rep


class EquivariantBlock(nn.Module):
    """Linear map to the gated representation, a small bilinear term on top, gated activation."""

    def __init__(self, rep_in: Representation, hidden: Representation, copies: int) -> None:
        super().__init__()
        wide = gated(hidden)
        self.linear = EquivariantLinear(rep_in, wide)
        self.bilinear = Bilinear(wide, copies)
        self.activation = Gated(hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's features: [n, size_in] -> [n, hidden size]."""
        y = self.linear(x)
        return self.activation(y + 0.1 * self.bilinear(y))
