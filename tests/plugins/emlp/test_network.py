"""The prepared network against a slow reference, and its gradient against that of autograd."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from symbench_emlp.channels import runs, uniform_channels
from symbench_emlp.layers import BILINEAR_GAIN, GATE_NORM, SILU_NORM, gated
from symbench_emlp.models import EMLP
from torch.func import functional_call, grad, jvp, stack_module_state, vmap

from symbench import Problem, Symmetry
from symbench.groups import SO, Lorentz, O, Scalar, Trivial, V, equivariant_basis

CASES = [
    (O(2) * Trivial(1), 4 * V, Scalar),
    (O(3), 2 * Scalar + 2 * V, Scalar),
    (SO(2), V, Scalar),
    (Lorentz(), 4 * V, Scalar),
    (SO(3), 2 * V, V * V),
]
TOLERANCE = {"rtol": 1e-12, "atol": 1e-12}


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def built(group, source, target, seed=0, channels=64):
    rep_in, rep_out = source(group), target(group)
    law = Symmetry(group, rep_in, rep_out)
    task = Problem("vectors", "mse", (rep_in.size,), (rep_out.size,), law)
    torch.manual_seed(seed)
    net = EMLP(EMLP.Config(channels=channels, layers=2, copies=5)).build(task).double()
    net.calibrate(normal(40, rep_in.size, seed=seed + 5) + 1, normal(40, rep_out.size, seed=9))
    with torch.no_grad():  # invariant biases start at zero
        for name, p in net.named_parameters():
            if name.endswith("bias"):
                p.copy_(normal(*p.shape, seed=3))
    return net


def scaled(source, target):
    return math.sqrt(target.size) * equivariant_basis(source, target)


def split(x, rep):
    """Return the columns of each run of equal summands."""
    return x.split([run.size for run in runs(rep)], 1)


def linear(layer, rep_in, rep_out, x):
    """Return W x + b, with every copy of a summand mapped to every other separately."""
    start, y = 0, []
    for target in runs(rep_out):
        total = torch.zeros(len(x), target.copies, target.type.size, dtype=x.dtype)
        for source, part in zip(runs(rep_in), split(x, rep_in), strict=True):
            basis = scaled(source.type, target.type)
            count = target.copies * source.copies * len(basis)
            c = layer.weight[start : start + count].view(target.copies, source.copies, len(basis))
            start += count
            features = part.unflatten(1, (source.copies, source.type.size))
            total = total + torch.einsum("abr,roi,nbi->nao", c, basis, features)
        y.append(total)
    start = 0
    for i, target in enumerate(runs(rep_out)):
        basis = scaled(Scalar(rep_in.group), target.type).squeeze(-1)
        c = layer.bias[start : start + target.copies * len(basis)].view(target.copies, len(basis))
        start += c.numel()
        y[i] = y[i] + c @ basis
    return torch.cat([part.flatten(1) for part in y], 1)


def bilinear(layer, rep, x):
    """Return the bilinear map by one contraction with the basis for each pair and target."""
    of, plan = runs(rep), layer._plan
    left, right = [], []
    for run, k, weight, part in zip(of, plan.few, layer.mixtures, split(x, rep), strict=True):
        mixed = torch.einsum("kc,ncs->nks", weight, part.unflatten(1, (run.copies, -1)))
        left.append(mixed[:, :k])
        right.append(mixed[:, k:])
    found = []
    for factor in right:
        k = min(left[0].shape[1], factor.shape[1])
        found.append([left[0][:, :k] * factor[:, :k]])
    for (a, c, targets), pair in zip(plan.pairs, layer.pairs, strict=True):
        k, start = len(pair.coupling), 0
        for b in targets:
            basis = scaled(of[a].type * of[c].type, of[b].type)
            basis = basis.unflatten(-1, (of[a].type.size, of[c].type.size))
            part = pair.coupling[:, start : start + len(basis)]
            start += len(basis)
            terms = (part, basis, left[a][:, :k], right[c][:, :k])
            found[b].append(torch.einsum("km,mbac,nka,nkc->nkb", *terms))
    pieces = [torch.cat(parts, 1) for parts in found]
    mixed = [
        torch.einsum("rk,nks->nrs", weight, piece)
        for weight, piece in zip(layer.back, pieces, strict=True)
    ]
    return torch.cat([part.flatten(1) for part in mixed], 1)


def gated_features(hidden, x):
    gates = sum(run.copies for run in runs(hidden) if run.type.rank)
    first, start, parts = 0, gates, []
    for run in runs(hidden):
        part = x[:, start : start + run.size].unflatten(1, (run.copies, -1))
        start += run.size
        if run.type.rank == 0:
            parts.append(SILU_NORM * part * part.sigmoid())
            continue
        gate = x[:, first : first + run.copies].sigmoid()
        first += run.copies
        parts.append(GATE_NORM * gate[..., None] * part)
    return torch.cat([part.flatten(1) for part in parts], 1)


def slow(net, group, source, target, x):
    """Return the output of the network according to its definition."""

    hidden = uniform_channels(group, 64)
    wide, rep = gated(hidden), source(group)
    z = (x - net.input_centre) / net.input_scale
    *blocks, last = net.net
    for block in blocks:
        y = linear(block.linear, rep, wide, z)
        z = gated_features(hidden, y + BILINEAR_GAIN * bilinear(block.bilinear, wide, y))
        rep = hidden
    return linear(last, rep, target(group), z) * net.output_scale + net.output_centre


@pytest.mark.parametrize(("group", "source", "target"), CASES, ids=str)
def test_a_network_computes_what_its_definition_says(group, source, target):
    net = built(group, source, target)
    x = normal(7, source(group).size, seed=1)
    expected = slow(net, group, source, target, x)
    torch.testing.assert_close(net(x), expected, **TOLERANCE)
    torch.testing.assert_close(net.prepared()(x), expected, **TOLERANCE)
    parameters = dict(net.named_parameters())
    slopes = [
        torch.autograd.grad(y.square().sum(), list(parameters.values()))
        for y in (net(x), slow(net, group, source, target, x))
    ]
    for ours, theirs in zip(*slopes, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12 * float(theirs.abs().max()))


def loss(parameters, net, x, own):
    """Return a number that depends on the gradient of the network output."""
    if own:
        slope = functional_call(Slope(net), {f"net.{k}": p for k, p in parameters.items()}, (x,))
    else:
        slope = grad(lambda z: functional_call(net, parameters, (z,)).sum())(x)
    return slope.square().sum()


class Slope(torch.nn.Module):
    """The network's own gradient."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net.prepared().gradient(x)


@pytest.mark.parametrize(("group", "source", "target"), CASES[:4], ids=str)
def test_the_gradient_is_autograds_and_so_are_its_derivatives(group, source, target):
    net, x = built(group, source, target), normal(7, source(group).size, seed=1)
    expected = grad(lambda z: slow(net, group, source, target, z).sum())(x)
    torch.testing.assert_close(net.prepared().gradient(x), expected, **TOLERANCE)
    parameters = {k: p.detach() for k, p in net.named_parameters()}
    ours, theirs = (grad(loss)(parameters, net, x, own) for own in (True, False))
    for name, slope in theirs.items():
        scale = 1e-12 * float(slope.abs().max())
        torch.testing.assert_close(ours[name], slope, rtol=1e-11, atol=scale)
    tangent = normal(*x.shape, seed=2)
    _, ahead = jvp(net.prepared().gradient, (x,), (tangent,))
    _, expected = jvp(grad(lambda z: slow(net, group, source, target, z).sum()), (x,), (tangent,))
    torch.testing.assert_close(ahead, expected, **TOLERANCE)


def test_stacked_networks_have_the_values_and_gradients_of_each_alone():
    case = CASES[0]
    nets = [built(*case, seed=seed) for seed in range(3)]
    x = normal(3, 7, 12, seed=1)
    state = stack_module_state(nets)
    values = vmap(lambda p, b, z: functional_call(nets[0], (p, b), (z,)))(*state, x)
    slopes = [Slope(net) for net in nets]
    state = stack_module_state(slopes)
    found = vmap(lambda p, b, z: functional_call(slopes[0], (p, b), (z,)))(*state, x)
    for i, net in enumerate(nets):
        torch.testing.assert_close(values[i], slow(net, *case, x[i]), **TOLERANCE)
        torch.testing.assert_close(found[i], net.prepared().gradient(x[i]), **TOLERANCE)


def test_a_prepared_network_is_a_value_and_leaves_nothing_behind():
    net, x = built(*CASES[0]), normal(7, 12)
    before = net.prepared()
    old = before(x)
    with torch.no_grad():
        net.net[0].linear.weight.mul_(2)
    torch.testing.assert_close(net(x), net.prepared()(x))
    assert not torch.allclose(net(x), old)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):  # noqa: S301 - our own
        assert torch.equal(twin(x), net(x))


def test_bases_are_shared_by_a_fleet_and_not_stacked():
    net = built(*CASES[0])
    assert {name.rpartition(".")[2] for name, _ in net.named_buffers()} == {
        "input_centre", "input_scale", "output_centre", "output_scale"
    }  # fmt: skip
