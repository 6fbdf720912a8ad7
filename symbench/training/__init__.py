"""Train all trials of a cell together, or one by one. No other package runs an optimiser.

The trials of a cell are small networks of one architecture. Their parameters are stacked along a
leading trial axis and trained by one vectorised step (``torch.func.vmap`` over
``functional_call``). The gradient of the sum of the trials' losses is, for each trial's parameters,
the gradient of that trial's own loss. So the trials do not affect each other. Trials that cannot be
vectorised, or that are too large for stacking to be faster, take the same steps one trial at a
time. On CUDA a step is captured as a graph and replayed.
"""
