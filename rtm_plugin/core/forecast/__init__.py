"""Terrain and history together: what is expected in the coming period, and the baselines it must beat."""
