"""Figures of this package beside those of others and of bare loops: ``python -m benchmarks list``."""
