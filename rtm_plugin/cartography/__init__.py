"""Styles of the results: paints what core computed, decides nothing."""
