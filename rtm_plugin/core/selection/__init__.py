"""From candidates to a model: culling, stepwise selection, separation."""
