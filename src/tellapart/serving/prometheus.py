"""The figures of `/metrics`, in Prometheus' form; those of all processes together."""

from __future__ import annotations

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_TIMES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class PrometheusMetrics:
    """Counts of what was asked, answered and refused."""

    def __init__(self) -> None:
        self.requests = Counter("tellapart_requests", "Requests by path and status", ["path", "status"])
        self.seconds = Histogram("tellapart_seconds", "Seconds until an answer", ["path"], buckets=_TIMES)
        self.images = Counter("tellapart_images", "Images answered", ["model", "version"])
        self.errors = Counter("tellapart_errors", "Requests or images not answered, by kind", ["code"])
        self.batch = Histogram("tellapart_batch_size", "Images a run", ["model"], buckets=(1, 2, 4, 8, 12, 16))
        self.confidence = Histogram(
            "tellapart_confidence", "Confidence of the answers", ["model"],
            buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1),
        )  # fmt: skip
        self.queue = Gauge("tellapart_queue", "Images that wait", ["model"], multiprocess_mode="livesum")
        self.switches = Counter("tellapart_switches", "Models replaced while answering", ["model"])
        self.corrections = Counter("tellapart_corrections", "Answers that users corrected", ["model"])

    def page(self) -> bytes:
        """All figures, of all processes, as Prometheus reads them."""
        registry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
