"""The figures of `/metrics`, in Prometheus' form; those of all processes together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

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


def drift_figures(windows: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """The newest drift window of each model, as Prometheus reads it.

    Args:
        windows: model → its windows, the newest last, see `tellapart.evaluation.drift_history`.
    """
    registry = CollectorRegistry()
    found = Gauge("tellapart_drift", "Whether the newest window has changed", ["model"], registry=registry)
    in_a_row = Gauge("tellapart_drift_in_a_row", "Windows changed, up to the newest", ["model"], registry=registry)
    count = Gauge("tellapart_drift_windows", "Windows that were compared", ["model"], registry=registry)
    images = Gauge("tellapart_drift_images", "Images of the newest window", ["model"], registry=registry)
    last = Gauge(
        "tellapart_drift_timestamp_seconds", "When the newest window's last image came", ["model"], registry=registry
    )
    distance = Gauge("tellapart_drift_distance", "From the reference", ["model", "check"], registry=registry)
    adjusted = Gauge(
        "tellapart_drift_p", "Probability of such a distance by chance, raised for the number of checks",
        ["model", "check"], registry=registry,
    )  # fmt: skip
    for model, those in windows.items():
        count.labels(model).set(len(those))
        if not those:
            continue
        newest = those[-1]
        found.labels(model).set(newest["drift"])
        in_a_row.labels(model).set(newest["in_a_row"])
        images.labels(model).set(newest["n"])
        last.labels(model).set(newest["last"])
        for check in newest["checks"]:
            distance.labels(model, check["check"]).set(check["distance"])
            adjusted.labels(model, check["check"]).set(check["adjusted"])
    return generate_latest(registry)
