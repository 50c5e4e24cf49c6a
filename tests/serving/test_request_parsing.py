"""A request's images, whichever way they are sent; what cannot be read is refused with a code and a reason."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image


def _png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _same(rows, expected):
    assert [{**row, "file": ""} for row in rows] == [{**row, "file": ""} for row in expected]


ADDRESS = "/v1/models/shapes/predict"


def test_files_json_and_a_bare_body_get_the_bundles_answers(shapes_here, pictures, expected):
    client, _ = shapes_here
    files = [("image", (f"{n}.png", data, "image/png")) for n, data in enumerate(pictures)]
    answer = client.post(ADDRESS, files=files)
    assert answer.status_code == 200
    assert [row["file"] for row in answer.json()["predictions"]] == [f"{n}.png" for n in range(12)]
    _same(answer.json()["predictions"], expected)
    coded = [base64.b64encode(data).decode() for data in pictures]
    _same(client.post(ADDRESS, json={"images": coded}).json()["predictions"], expected)
    named = [{"name": "x", "data": f"data:image/png;base64,{each}"} for each in coded]
    _same(client.post(ADDRESS, json={"images": named}).json()["predictions"], expected)
    one = client.post(ADDRESS, content=pictures[0], headers={"content-type": "image/png"})
    _same(one.json()["predictions"], expected[:1])


@pytest.mark.parametrize(
    ("status", "code", "request_"),
    [
        (400, "no_image", {"json": {"images": []}}),
        (400, "malformed", {"json": {"images": ["http://127.0.0.1/a.png"]}}),
        (400, "malformed", {"json": {"images": ["/etc/passwd"]}}),
        (400, "malformed", {"json": ["x"]}),
        (413, "too_many", {"json": {"images": [""] * 1000}}),
        (403, "foreign", {"headers": {"host": "[x"}}),
        (400, "malformed", {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}),
        (400, "malformed", {"content": b"\xff", "headers": {"content-type": "application/json"}}),
        (400, "malformed", {"content": b"x", "headers": {"content-type": "multipart/form-data"}}),
        (400, "malformed", {"content": b"--a\r\nx", "headers": {"content-type": "multipart/form-data; boundary=b"}}),
        (415, "unknown_kind", {"content": b"x", "headers": {"content-type": "text/html"}}),
        (413, "too_many", {"files": [("image", ("a", b"x"))] * 17}),
        (413, "too_large", {"content": b"x" * 200_001, "headers": {"content-type": "image/png"}}),
    ],
)
def test_bad_requests_get_a_code_a_reason_and_what_to_do(shapes_here, status, code, request_):
    client, _ = shapes_here
    answer = client.post(ADDRESS, **request_)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["reason"]
    assert error["next"]


def test_a_body_longer_than_announced_is_cut_off(shapes_here):
    client, _ = shapes_here

    def endless():
        for _ in range(10):
            yield b"x" * 50_000

    answer = client.post(ADDRESS, content=endless(), headers={"content-type": "image/png"})
    assert answer.status_code == 413


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(shapes_here):
    client, _ = shapes_here
    bomb = _png(np.zeros((1200, 1200), np.uint8))
    answer = client.post(ADDRESS, content=bomb, headers={"content-type": "image/png"})
    assert answer.status_code == 422
    assert answer.json()["error"]["reason"] == "1200 x 1200 is larger than 1,000,000 pixels"
