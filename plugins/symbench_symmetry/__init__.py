"""Tasks whose symmetry is hard to find: broken, hidden, badly sampled, or not the inputs'."""

from __future__ import annotations

from typing import Any

from symbench import hookimpl

_TASKS = (
    *("dial:Unbroken", "dial:Linear002", "dial:Linear005", "dial:Linear01", "dial:Linear02"),
    *("dial:Linear03", "dial:Linear05", "dial:Linear1"),
    *("dial:Cubic002", "dial:Cubic005", "dial:Cubic01", "dial:Cubic02"),
    *("dial:Cubic03", "dial:Cubic05", "dial:Cubic1"),
    *("law:O3Isotropic", "law:O3Anisotropic", "law:SO2Isotropic", "law:SO2Anisotropic"),
    *("hidden:HiddenProduct", "hidden:HiddenIrreducible", "hidden:HiddenSL2", "hidden:HiddenSp4"),
    *("hidden:HiddenEuclidean", "hidden:HiddenGalilean", "hidden:HiddenNothing"),
    "coupling:HiddenCoupling",
    *("fields:Hopf", "fields:PlanarRotation", "fields:SymmetricTop", "fields:RadialFlow"),
    *("fields:VanDerPol", "fields:Duffing", "fields:LotkaVolterra", "fields:Selkov"),
    *("fields:AsymmetricBody", "fields:Lorenz"),
    *("coverage:HopfOrbits", "coverage:HopfOrbit", "coverage:HopfNoisy"),
    *("coverage:SymmetricTopOrbit", "coverage:LorenzOrbits", "coverage:LorenzOrbit"),
    "coverage:AsymmetricBodyOrbit",
    *("coverage:VanDerPolOrbits", "coverage:VanDerPolOrbit", "coverage:VanDerPolNoisy"),
    *("finite:FiniteSevenfold", "finite:FiniteBlocks", "poses:FiniteArrow"),
    *("poses:FiniteTetrahedral", "poses:FiniteOctahedral", "poses:FiniteIcosahedral"),
    *("poses:FiniteAxis", "poses:FiniteNone"),
    *("spiral:SpiralCorrect", "spiral:SpiralIncorrect", "spiral:SpiralExtrinsic"),
)


@hookimpl
def symbench_register(registry: Any) -> None:
    """Register the tasks and the score of vector fields."""
    for target in _TASKS:
        registry.task(f"symbench_symmetry.{target}")
    registry.metric("symbench_symmetry.coupling:FieldOverlap")
