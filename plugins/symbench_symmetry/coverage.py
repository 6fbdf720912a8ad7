"""Fields that are seen along trajectories, or with noise on the training targets.

The test inputs are those of the field itself, uniform in its box. So a method that claims a
symmetry from what a trajectory shows is judged where the field was not seen.
"""

from __future__ import annotations

from typing import final

from symbench_symmetry.fields import (
    FULL_ONLY,
    AsymmetricBody,
    FieldTask,
    Hopf,
    Lorenz,
    SymmetricTop,
    VanDerPol,
)


class Orbits(FieldTask):
    """A field whose training inputs lie on eight short trajectories."""

    orbits, duration, sizes = 8, 8.0, FULL_ONLY


class Orbit(FieldTask):
    """A field whose training inputs lie on one trajectory."""

    orbits, sizes = 1, FULL_ONLY


class Noisy(FieldTask):
    """A field whose training targets have noise of a tenth of its deviation."""

    noise, sizes = 0.1, FULL_ONLY


@final
class HopfOrbits(Orbits, Hopf):
    """``field-hopf`` along eight trajectories, which end on the limit cycle."""

    name, summary = "field-hopf-orbits", "the Hopf field along eight trajectories"


@final
class HopfOrbit(Orbit, Hopf):
    """``field-hopf`` along one trajectory: on the limit cycle F is that of the linear rotation."""

    name, summary = "field-hopf-orbit", "the Hopf field along one trajectory"


@final
class HopfNoisy(Noisy, Hopf):
    """``field-hopf`` with noise on the training targets."""

    name, summary = "field-hopf-noisy", "the Hopf field with noise on the training targets"


@final
class SymmetricTopOrbit(Orbit, SymmetricTop):
    """``field-symmetric-top`` along one trajectory, a circle in a plane: z does not vary.

    Nothing that moves points out of the plane can be tested by the training data.
    """

    name, summary = "field-symmetric-top-orbit", "the symmetric top along one trajectory"


@final
class VanDerPolOrbits(Orbits, VanDerPol):
    """``field-van-der-pol`` along eight trajectories."""

    name, summary = "field-van-der-pol-orbits", "control: Van der Pol along eight trajectories"


@final
class VanDerPolOrbit(Orbit, VanDerPol):
    """``field-van-der-pol`` along one trajectory."""

    name, summary = "field-van-der-pol-orbit", "control: Van der Pol along one trajectory"


@final
class AsymmetricBodyOrbit(Orbit, AsymmetricBody):
    """``field-asymmetric-body`` along one trajectory, a closed curve on a sphere and an ellipsoid.

    Many fields agree on such a curve, and the simplest of them have symmetries.
    """

    name, summary = "field-asymmetric-body-orbit", "control: a rigid body along one trajectory"


@final
class VanDerPolNoisy(Noisy, VanDerPol):
    """``field-van-der-pol`` with noise on the training targets."""

    name, summary = "field-van-der-pol-noisy", "control: Van der Pol, noise on training targets"


@final
class LorenzOrbits(Orbits, Lorenz):
    """``field-lorenz`` along eight trajectories."""

    name, summary = "field-lorenz-orbits", "control: the Lorenz system along eight trajectories"


@final
class LorenzOrbit(Orbit, Lorenz):
    """``field-lorenz`` along one trajectory."""

    name, summary = "field-lorenz-orbit", "control: the Lorenz system along one trajectory"
