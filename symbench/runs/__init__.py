"""A selection -> records: the plan, the cells, and what carries them out."""
