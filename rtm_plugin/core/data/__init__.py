"""What the data are worth before any model: coverage, events left out, repeats, factors that say little."""
