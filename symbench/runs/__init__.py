"""From a selection to records: plan the cells, run them, and score the trained networks."""
