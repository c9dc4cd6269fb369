"""Progress, threads, and scipy's calls: what every room uses."""
