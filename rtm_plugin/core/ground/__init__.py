"""Where things lie: features as arrays, the grid of cells, streets, distances on the ground."""
