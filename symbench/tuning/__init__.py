"""Search a model's configuration on the valid split, with a stated budget: ``symbench tune``.

The search trains with seeds that no run uses, compares configurations by their loss on the
``valid`` split, and cannot see the test split. Optuna (extra ``symbench[tune]``) is imported when a
search begins.
"""
