"""Times the reference EMLP (Finzi, Welling, Wilson 2021, package ``emlp``) through its own API.

Runs in the environment of ``requirements.txt``, not in symbench's. Reads what to time from standard
input, one name a line: "emlp 384 500" (model, width, batch), a key of ``BASES``, or "bases", which
lists these. Answers each with one line of JSON: CPU seconds, with the loss or the dimension found.
A basis that takes more than ``LIMIT`` CPU seconds ends the process, by the signal SIGPROF.

    python emlp_reference.py DATA.npz LIMIT
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import objax
from emlp import groups
from emlp.nn import EMLP, EMLPH, MLP, MLPH
from emlp.reps import Rep, Scalar, T, V
from jax.experimental.ode import odeint

LAYERS, RATE, TOLERANCE = 3, 3e-3, 1e-4  # as published

BASES: dict[str, tuple[Any, Any]] = {
    "SO(3) T2 -> V": (groups.SO(3), T(2) >> V),
    "SO(3) T4": (groups.SO(3), T(4)),
    "SO(3) T5": (groups.SO(3), T(5)),
    "SO(4) T4": (groups.SO(4), T(4)),
    "SO+(1,3) T4": (groups.SO13p(), T(4)),
    "O(1,3) T4": (groups.O13(), T(4)),
    "O(1,3) V -> T(2,1)": (groups.O13(), V >> T(2, 1)),
    "Sp(2) T4": (groups.Sp(2), T(4)),
    "SL(3) T(2,2)": (groups.SL(3), T(2, 2)),
    "GL(3) T(2,2)": (groups.GL(3), T(2, 2)),
    "S(5) 10V+5T2 -> 3S+T2": (groups.S(5), (10 * V + 5 * T(2)) >> (3 * Scalar + T(2))),
    "Z(6) T2": (groups.Z(6), T(2)),
    "D(8) T6": (groups.D(8), T(6)),
    "SO(5) T4": (groups.SO(5), T(4)),
    "S(5) T4": (groups.S(5), T(4)),
    "SO(2) in R3 T6": (groups.SO2eR3(), T(6)),
    "O(2) in R3 T6": (groups.O2eR3(), T(6)),
    "O(5) T4": (groups.O(5), T(4)),
    "S(6) T4": (groups.S(6), T(4)),
    "O(3) T6": (groups.O(3), T(6)),
}

Step = Callable[[], float]
Data = dict[str, jax.Array]


def main(path: str, limit: float) -> None:
    """Answer the names on standard input until it ends; ``limit``: CPU seconds of a basis."""
    data = {name: jnp.asarray(value) for name, value in np.load(path).items()}
    for line in sys.stdin:
        print(json.dumps(answer(line.strip(), data, limit)), flush=True)


def answer(name: str, data: Data, limit: float) -> dict[str, Any]:
    """Time one thing; what the package cannot do is an answer as well."""
    try:
        if name == "bases":
            return {"names": list(BASES)}
        return basis(*BASES[name], limit) if name in BASES else step(name, data)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def basis(group: Any, rep: Any, limit: float) -> dict[str, Any]:
    """Solve for a basis twice, all solutions forgotten in between: the first time compiles."""
    seconds = []
    for _ in range(2):
        Rep.solcache.clear()
        signal.setitimer(signal.ITIMER_PROF, limit)
        started = time.process_time()
        found = np.asarray(rep(group).equivariant_basis())
        seconds.append(time.process_time() - started)
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {"seconds": seconds[1], "first": seconds[0], "dimension": found.shape[1]}


_steps: dict[str, Step] = {}


def step(name: str, data: Data) -> dict[str, Any]:
    """Take one step of training, of ``model width batch``, after one that compiles it."""
    if name not in _steps:
        model, width, batch = name.split()
        _steps[name] = MODELS[model](
            int(width), {k: v if k == "times" else v[: int(batch)] for k, v in data.items()}
        )
        _steps[name]()
    started = time.process_time()
    loss = _steps[name]()
    return {"seconds": time.process_time() - started, "loss": loss}


def regression(kind: Any, width: int, data: Data) -> Step:
    """Mean square error of a network, O(5)-invariant in two vectors, on the batch (x, y)."""
    model = kind(2 * V, Scalar, groups.O(5), ch=width, num_layers=LAYERS)

    def loss(x: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.square(model(x) - y).mean()

    return trained(loss, model, data["x"], data["y"])


def rollouts(kind: Any, width: int, data: Data) -> Step:
    """Mean square error of a Hamiltonian flow over the times, by the solver of the publication.

    The network is invariant under the rotations and mirrors about the vertical.
    """
    hamiltonian = kind(4 * V, Scalar, groups.O2eR3(), ch=width, num_layers=LAYERS)

    def velocity(z: jax.Array) -> jax.Array:
        slope_q, slope_p = jnp.split(jax.grad(hamiltonian)(z), 2)
        return jnp.concatenate([slope_p, -slope_q])

    def loss(z: jax.Array, target: jax.Array) -> jax.Array:
        flow = odeint(lambda state, _: jax.vmap(velocity)(state), z, data["times"], rtol=TOLERANCE)
        return jnp.square(flow.transpose(1, 0, 2) - target).mean()

    return trained(loss, hamiltonian, data["z"], data["trajectories"])


def trained(loss: Callable[..., jax.Array], model: Any, x: jax.Array, y: jax.Array) -> Step:
    """Return one compiled step of Adam on (x, y), which ends when the parameters are there."""
    gradients = objax.GradValues(loss, model.vars())
    optimiser = objax.optimizer.Adam(model.vars())

    @objax.Function.with_vars(model.vars() + optimiser.vars())
    def update(x: jax.Array, y: jax.Array) -> jax.Array:
        slopes, values = gradients(x, y)
        optimiser(RATE, slopes)
        return values[0]

    compiled = objax.Jit(update)

    def take() -> float:
        value = float(compiled(x, y))
        jax.block_until_ready([v.value for v in model.vars().values()])
        return value

    return take


MODELS: dict[str, Callable[[int, Data], Step]] = {
    "emlp": partial(regression, EMLP),
    "mlp": partial(regression, MLP),
    "emlp-hnn": partial(rollouts, EMLPH),
    "mlp-hnn": partial(rollouts, MLPH),
}


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
