"""Benchmarks on training: speed of a step, accuracy beside peers, intervals."""
