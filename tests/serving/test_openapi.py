"""The description of the addresses tells nothing of the machine."""

from __future__ import annotations

import tellapart


def test_models_and_openapi_tell_nothing_of_this_machine(shapes_here, shape_bundle):
    client, _ = shapes_here
    models = client.get("/v1/models").json()["models"]
    assert models[0]["labels"] == tellapart.Bundle.open(shape_bundle).labels
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {
        "/v1/models", "/v1/models/{name}", "/v1/models/{name}/predict", "/v1/models/{name}/correct",
    }  # fmt: skip
    for text in (str(models), str(document)):
        assert str(shape_bundle.parent) not in text
