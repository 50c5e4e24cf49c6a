"""Benchmarks on reading text: accuracy and speed of readers, with many labels, few and none."""
