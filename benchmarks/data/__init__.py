"""Benchmarks on data: drawing, cataloguing, auditing, cleaning, maps."""
