"""The figures of a process, as Prometheus reads them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


def figures(text, name):
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_answers_and_refusals_are_counted(shapes_here, pictures):
    client, live = shapes_here
    version = live.models["shapes"].version
    before = client.get("/metrics").text
    for _ in range(3):
        client.post("/v1/models/shapes/predict", content=pictures[0], headers={"content-type": "image/png"})
    client.post("/v1/models/shapes/predict", content=b"x", headers={"content-type": "text/html"})
    after = client.get("/metrics").text

    def grown(name, *labels):
        return figures(after, name)[labels] - figures(before, name).get(labels, 0)

    assert grown("tellapart_images_total", "shapes", version) == 3
    assert grown("tellapart_requests_total", "predict", "200") == 3
    assert grown("tellapart_requests_total", "predict", "415") == 1
    assert grown("tellapart_errors_total", "unknown_kind") == 1
    assert grown("tellapart_confidence_count", "shapes") == 3


def test_the_page_is_of_a_kind_that_prometheus_takes(shapes_here):
    client, _ = shapes_here
    assert client.get("/metrics").headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
