"""The addresses answer as the bundle does."""

from __future__ import annotations

import io

from PIL import Image

import tellapart


def _png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _same(rows, expected):
    assert [{**row, "file": ""} for row in rows] == [{**row, "file": ""} for row in expected]


ADDRESS = "/v1/models/shapes/predict"


def test_a_bad_image_among_good_ones_is_a_row_and_alone_is_422(shapes_here, pictures, expected, shape_bundle):
    client, _ = shapes_here
    files = [("image", ("a.png", pictures[0])), ("image", ("b.png", b"no image")), ("image", ("c.png", pictures[2]))]
    answer = client.post(ADDRESS, files=files)
    assert answer.status_code == 200
    rows = answer.json()["predictions"]
    _same([rows[0], rows[2]], [expected[0], expected[2]])
    assert rows[1] == {"file": "b.png", "error": tellapart.load(shape_bundle).predict(b"no image")[0].error}
    alone = client.post(ADDRESS, files=[("image", ("b.png", pictures[0][:40]))])
    assert alone.status_code == 422
    assert alone.json()["error"]["code"] == "bad_image"


def test_unknown_names_addresses_and_methods(shapes_here):
    client, _ = shapes_here
    assert client.post("/v1/models/nix/predict", content=b"x").json()["error"]["code"] == "unknown_model"
    assert client.get("/nix").json()["error"]["code"] == "unknown_path"
    assert client.get(ADDRESS).json()["error"]["code"] == "wrong_method"
