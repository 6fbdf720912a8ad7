"""Discover finite groups as LieFlow and LieGAN did, on their own data.

python scripts/finite_symmetry.py lieflow --group C4 --updates 2000 --seeds 3
python scripts/finite_symmetry.py liegan --updates 31250 --seeds 3

``lieflow`` draws poses hX of an object X with h uniform in a group H, and learns by flow matching
over SO(2) or SO(3) the law of the elements that map one pose to another (Park et al. 2026). It
prints the Wasserstein-1 distance of 1,000 learned elements from the uniform law on H: in radians,
for C4 also in the Frobenius norm as published, and for 1,000 random elements of H. The published
training has 20,000 updates (C4) or 40,000 updates of 512 units (SO(3)), of 1,024 poses each.

``liegan`` learns one generator from 20,000 points of z / (1 + (atan2(y, x) mod 2π/7)), with integer
coefficients from -10 to 9 (Yang et al. 2023). It prints the angle of the learned rotation in units
of 2π/7, where a whole number that 7 does not divide is right, and the mean absolute error of the
generator against the nearest right one. The published training has 31,300 updates of 64 points.
"""

from __future__ import annotations

import argparse
import math
import time

import torch
from symbench_discovery.adversary import Discriminator, Duel
from symbench_discovery.elements import Elements, LieSampler
from symbench_discovery.flow_matching import GroupFlow, Velocity
from symbench_discovery.training import descend
from symbench_symmetry import poses
from torch import Tensor

from symbench import Context, Data, Problem
from symbench.contract import seeded
from symbench.groups import SO, C, Group, Trivial, elements_of, geodesic
from symbench.metrics.announced_elements import least_cost, wasserstein

GROUPS: dict[str, Group] = {
    "C4": C(4), "Tet": poses.tetrahedral(), "Oct": poses.octahedral(), "Ico": poses.icosahedral(),
    "SO2": SO(2) * Trivial(1),
}  # fmt: skip
SEVENTH = 2 * math.pi / 7


def lieflow(name: str, updates: int, width: int, seed: int) -> tuple[list[float], float]:
    """Return the Wasserstein distances of one training, and the last loss."""
    group = GROUPS[name]
    shape = torch.tensor(poses.ARROW if name == "C4" else poses.TETRAHEDRON)
    d = shape.shape[1]

    def act(g: Tensor, z: Tensor) -> Tensor:
        return (z.unflatten(1, shape.shape) @ g.mT).flatten(1)

    stream = seeded("lieflow", name, seed)
    h = group.sample(20_000, stream).float()
    data = (shape @ h.mT).flatten(1)
    torch.manual_seed(seed)
    velocity = Velocity(data.shape[1], d * (d - 1) // 2, width)
    flow, losses = GroupFlow(velocity, act, d), [0.0]

    def loss(_: int) -> Tensor:
        value = flow.loss(data[torch.randint(len(data), (1024,), generator=stream)], stream)
        losses[0] = 0.99 * losses[0] + 0.01 * float(value.detach())
        return value

    descend([(velocity.parameters(), 3e-3)], loss, updates)
    learned = flow.elements(data[:1000], stream, 100).double()
    true = elements_of(group)
    if true is None:  # an infinite group, as it is scored
        true = group.sample(128, stream)
        learned = learned[:512]
    drawn = group.sample(len(learned), stream)
    distances = [wasserstein(learned, true), wasserstein(drawn, true)]
    if d == 2:
        distances.append(least_cost(torch.cdist(learned.flatten(1), true.flatten(1))))
    return distances, losses[0]


class IntegerSampler(LieSampler):
    """Draws elements exp(cL) with c uniform in {-10, …, 9}, as published."""

    def draw(self, count: int, generator: torch.Generator) -> Elements:
        """Return ``count`` elements."""
        z = torch.randint(-10, 10, (count, len(self.L)), generator=generator)
        return Elements(self.L, z.to(self.L))


def liegan(updates: int, seed: int) -> Tensor:
    """Return the generator [3, 3] that one training learns."""
    stream = seeded("liegan", seed)
    x = torch.randn(20_000, 3, generator=stream)
    y = x[:, 2] / (1 + torch.atan2(x[:, 1], x[:, 0]) % SEVENTH)
    data = Data(x, y[:, None])
    torch.manual_seed(seed)
    problem = Problem("vectors", "mse", (3,), (1,))
    sampler, judge = IntegerSampler(1, 3), Discriminator(problem, data, 512)
    with torch.no_grad():
        sampler.L.normal_(std=math.sqrt(2) / 3)  # as published: He's initialisation
    context = Context(len(x), seed, 2 * updates, torch.device("cpu"), data, stream, data)
    duel = Duel(1e-3, 2e-4, away=0.01, apart=1.0, batch_size=64)
    duel.fight([(sampler, judge)], lambda g, some: Data(g.act(some.x), some.y), [data], [context])
    return sampler.L.detach()[0]


def of_rotation(L: Tensor) -> tuple[float, float]:
    """Return the angle of L in units of 2π/7, and its error against the nearest right generator."""
    angle = float(L[1, 0] - L[0, 1]) / 2 / SEVENTH
    whole = round(angle)
    if whole % 7 == 0:  # the identity is no discovery: the nearest other multiple
        whole += 1 if angle >= whole else -1
    true = torch.zeros(3, 3)
    true[1, 0], true[0, 1] = whole * SEVENTH, -whole * SEVENTH
    return angle, float((L - true).abs().mean())


def main() -> None:
    """Train and print, seed by seed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("method", choices=("lieflow", "liegan"))
    parser.add_argument("--group", choices=GROUPS, default="C4", help="default: %(default)s")
    parser.add_argument("--updates", type=int, required=True, help="updates of each training")
    parser.add_argument("--width", type=int, default=128, help="of the flow; default: %(default)s")
    parser.add_argument("--seeds", type=int, default=1, help="default: %(default)s")
    given = parser.parse_args()
    for seed in range(given.seeds):
        started = time.process_time()
        if given.method == "liegan":
            L = liegan(given.updates, seed)
            angle, error = of_rotation(L)
            g = torch.linalg.matrix_exp(L.double())[None]
            apart = float(geodesic(g, elements_of(C(7) * Trivial(1))).min())  # type: ignore[arg-type]
            print(
                f"seed {seed}: angle {angle:.3f}, error {error:.4f}, exp L is {apart:.3f} from C7"
            )
        else:
            (found, random, *norm), loss = lieflow(given.group, given.updates, given.width, seed)
            other = "".join(f", {value:.3f} in the Frobenius norm" for value in norm)
            print(f"seed {seed}: {found:.3f}{other}; random {random:.3f}; loss {loss:.3f}")
        print(f"  {time.process_time() - started:.0f} processor seconds", flush=True)


if __name__ == "__main__":
    main()
