"""Benchmarks of the engine: see `tools/benchmark.py`."""
