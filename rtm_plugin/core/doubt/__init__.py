"""How sure a model is: significance that holds where events and features cluster, and intervals that do."""
