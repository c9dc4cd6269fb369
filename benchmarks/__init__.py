"""Benchmarks: how long a run takes, how much memory it needs, how R compares. See docs/performance.md."""
