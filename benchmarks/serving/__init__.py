"""Benchmarks on prediction and servers: throughput, endurance, hostile requests, drift."""
