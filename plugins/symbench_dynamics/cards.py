"""What is registered, without importing it."""

TRAJECTORIES = (
    ("springs:MassSpring", "mass-spring", 0.01, "mass on a spring, from noisy states"),
    ("springs:DampedForced", "damped-forced", 0.01, "damped spring under a periodic force"),
    ("pendula:Pendulum", "pendulum", 0.02, "plane pendulum, from noisy states"),
    ("pendula:DoublePendulum", "double-pendulum", 0.05, "accelerations of a double pendulum"),
    ("pendula:SpringPendulum", "spring-pendulum", 0.01, "double spring pendulum, k2 without 1/2"),
    ("pendula:TalkPendulum", "spring-pendulum-half", 0.01, "double spring pendulum, k2 with 1/2"),
    ("bodies:TwoBody", "two-body", 0.01, "two unit masses in a plane"),
    ("charged:NBodySoftened", "nbody-softened", 0.002, "five charges, softened force"),
)
MAPS = (
    ("charged:NBodyCharged", "nbody-charged", 0.005, "five charges after one unit of time"),
    ("forces:ElectromagneticForce", "em-force", 0.01, "electromagnetic force on each charge"),
    ("forces:GravityEnergy", "gravity-energy", 0.01, "mechanical energy of gravitating masses"),
)
MODELS = (
    ("models:NodeMLP", "node-mlp", "none", "neural ODE on a perceptron"),
    ("models:NodeEMLP", "node-emlp", "told", "neural ODE on an EMLP"),
    ("models:NodeScalars", "node-scalars", "told", "neural ODE on invariant scalars"),
    ("models:HNNMLP", "hnn-mlp", "none", "Hamiltonian network on a perceptron"),
    ("models:HNNEMLP", "hnn-emlp", "told", "Hamiltonian network on an EMLP"),
    ("models:HNNScalars", "hnn-scalars", "told", "Hamiltonian network on invariant scalars"),
    ("models:SRNN", "srnn-mlp", "none", "separable Hamiltonian network, leapfrog integration"),
    ("models:LNN", "lnn-mlp", "none", "Lagrangian network on a perceptron"),
    ("angles:NodeAngles", "node-angles", "none", "neural ODE that reads sines and cosines"),
    ("angles:LNNAngles", "lnn-angles", "none", "Lagrangian network that reads sines and cosines"),
    ("models:PortHNN", "port-hnn-mlp", "none", "Hamiltonian network with damping and force"),
    ("driven:PortDissipative", "port-hnn-jr", "none", "Hamiltonian network with (J - R) and force"),
    ("driven:NodeTime", "node-time", "none", "neural ODE on a perceptron that sees the time"),
    ("egnn:EGNN", "egnn", "told", "E(n)-equivariant graph network with velocities"),
    ("tensorfield:TensorField", "e3nn-nbody", "told", "tensor-product network on point clouds"),
)
METRICS = (
    ("scores:RolloutError", "rollout_error", "geometric mean of the relative error of rollouts"),
    ("scores:EnergyError", "energy_mse", "mean square difference of the energy along rollouts"),
)
