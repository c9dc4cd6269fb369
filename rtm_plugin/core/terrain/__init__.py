"""From a model to a map: scores and their classes, priority places."""
