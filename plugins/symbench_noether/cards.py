"""What is registered, without importing it."""

TASKS = (
    ("diffusions:DriftDiffusion", "drift-diffusion", "own", 0.05, "constant drift in the plane"),
    (
        "diffusions:OrnsteinUhlenbeck",
        "ornstein-uhlenbeck",
        "mse",
        0.05,
        "linear drift to the origin of the plane",
    ),
    (
        "diffusions:RotatingOU",
        "ornstein-uhlenbeck-rotating",
        "mse",
        0.05,
        "linear drift to the origin, with rotation",
    ),
    ("diffusions:DoubleWell", "double-well", "mse", 0.05, "drift between two wells on a line"),
    (
        "attractors:AttractorNetwork",
        "attractor-network",
        "mse",
        0.05,
        "three stable states and no continuous symmetry: the control",
    ),
    ("rings:RingDiffusion", "ring-diffusion", "mse", 0.05, "score of a ring under diffusion"),
    (
        "current:NoetherCurrent",
        "noether-current",
        "mse",
        0.001,
        "a massive field in the plane, whose currents are conserved",
    ),
    (
        "current:OffShell",
        "noether-current-control",
        "mse",
        0.001,
        "a field that solves no equation: the control without currents",
    ),
)
MODELS = (
    (
        "models:EquivariantDrift",
        "so2-drift",
        "told",
        "a(r) x + b(r) J x: the SO(2)-equivariant field of the plane",
    ),
)
METRICS = (
    ("scores:FieldError", "field_error", "lower", "relative error of the learned drift"),
    (
        "scores:PathConservation",
        "path_conservation",
        "lower",
        "drift of energy and momenta along the least-action path of the learned drift",
    ),
    (
        "scores:PathError",
        "path_error",
        "lower",
        "action, energy and momentum of that path against the truth",
    ),
    (
        "bridges:RingPaths",
        "ring_paths",
        "lower",
        "angular momentum along most likely paths to the ring, by the learned score",
    ),
    (
        "scores:DriftGenerators",
        "drift_generators",
        "higher",
        "generators of the symmetry of the learned Lagrangian",
    ),
    (
        "current:CurrentGenerators",
        "noether_current",
        "higher",
        "generators whose Noether current the learned field conserves",
    ),
    (
        "conserved:ConservedQuantities",
        "conserved_quantities",
        "higher",
        "quadratic quantities that the learned dynamics conserves",
    ),
)
