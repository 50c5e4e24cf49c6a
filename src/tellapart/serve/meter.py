"""The figures of `/metrics`, in Prometheus' form; those of all processes together."""

from __future__ import annotations

from bentoml import metrics

_TIMES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Meter:
    """Counts of what was asked, answered and refused."""

    def __init__(self) -> None:
        self.requests = metrics.Counter("tellapart_requests", "Requests by path and status", ["path", "status"])
        self.seconds = metrics.Histogram("tellapart_seconds", "Seconds until an answer", ["path"], buckets=_TIMES)
        self.images = metrics.Counter("tellapart_images", "Images answered", ["model", "version"])
        self.errors = metrics.Counter("tellapart_errors", "Requests or images not answered, by kind", ["code"])
        self.batch = metrics.Histogram("tellapart_batch_size", "Images a run", ["model"], buckets=(1, 2, 4, 8, 12, 16))
        self.confidence = metrics.Histogram(
            "tellapart_confidence", "Confidence of the answers", ["model"],
            buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1),
        )  # fmt: skip
        self.queue = metrics.Gauge("tellapart_queue", "Images that wait", ["model"], multiprocess_mode="livesum")
        self.switches = metrics.Counter("tellapart_switches", "Models replaced while answering", ["model"])
        self.corrections = metrics.Counter("tellapart_corrections", "Answers that users corrected", ["model"])
