"""Each request has an id and a line; the line holds nothing that a caller might hide."""

from __future__ import annotations

import json

import pytest


def _lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]


ADDRESS = "/v1/models/shapes/predict"


def test_the_id_of_the_answer_stands_in_the_line(shapes_here, pictures, capsys):
    client, _ = shapes_here
    first = client.post(ADDRESS, files=[("image", ("secret.png", pictures[0])), ("image", ("b", b"no image"))])
    second = client.get("/v1/models", headers={"X-Request-ID": "mine-1.2_3"})
    (one, two) = _lines(capsys)
    assert first.headers["X-Request-ID"] == one["id"]
    assert second.headers["X-Request-ID"] == two["id"] == "mine-1.2_3"
    assert len(one["id"]) == 16
    model = client.get("/v1/models/shapes").json()
    wanted = {"event": "request", "level": "info", "method": "POST", "path": ADDRESS, "status": 200, "model": "shapes",
              "version": model["version"], "images": 2, "bad": 1, "client": "127.0.0.1"}  # fmt: skip
    assert one | wanted == one
    assert one["ms"] > 0
    assert "secret" not in json.dumps(one)


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "\x1b[2J", "a\tb", "é"])
def test_an_id_that_is_not_plain_is_replaced(shapes_here, given):
    client, _ = shapes_here
    got = client.get("/v1/models", headers={"X-Request-ID": given.encode()}).headers["X-Request-ID"]
    assert len(got) == 16
    assert got.isalnum()


def test_refusals_are_warnings_with_their_code(shapes_here, capsys):
    client, _ = shapes_here
    answers = [
        client.get("/nix?password=secret"),
        client.get("/v1/models", headers={"origin": "https://evil.example"}),
        client.post(ADDRESS, content=b"no image", headers={"content-type": "image/png"}),
        client.post(ADDRESS, content=b"x" * 300_000, headers={"content-type": "image/png"}),
        client.post("/v1/models/nix/predict", content=b"x"),
    ]
    lines = _lines(capsys)
    assert [each["status"] for each in lines] == [each.status_code for each in answers] == [404, 403, 422, 413, 404]
    assert {each["level"] for each in lines} == {"warning"}
    assert [each["code"] for each in lines] == [
        "unknown_path", "foreign", "bad_image", "too_large", "unknown_model",
    ]  # fmt: skip
    assert "secret" not in json.dumps(lines)


def test_what_watches_makes_no_lines(shapes_here, capsys):
    client, _ = shapes_here
    for path in ("/livez", "/readyz", "/metrics"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["X-Request-ID"]
    assert _lines(capsys) == []
