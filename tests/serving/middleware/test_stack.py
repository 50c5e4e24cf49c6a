"""What stands around the app is in its order: a request that is refused has an id and a line too."""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from tellapart.serving.middleware.stack import protected
from tellapart.serving.settings import Settings


def test_who_is_refused_has_an_id(capsys):
    client = TestClient(protected(PlainTextResponse("inside"), Settings()), "http://127.0.0.1", client=("127.0.0.1", 1))
    assert client.get("/").text == "inside"
    refused = client.get("/", headers={"host": "evil.example"})
    assert refused.status_code == 403
    assert refused.headers["X-Request-ID"] in capsys.readouterr().err


ORIGIN = "https://shop.example"


def _client(**settings):
    asgi = protected(PlainTextResponse("inside"), Settings(**settings))
    return TestClient(asgi, "http://127.0.0.1", client=("127.0.0.1", 1))


def test_pages_of_an_origin_that_is_named_may_ask():
    client = _client(cors=(ORIGIN,))
    answer = client.get("/", headers={"origin": ORIGIN, "X-Request-ID": "mine"})
    assert answer.text == "inside"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
    before = client.options(
        "/v1/models/a/predict",
        headers={"origin": ORIGIN, "access-control-request-method": "POST",
                 "access-control-request-headers": "authorization,content-type"},
    )  # fmt: skip
    assert before.status_code == 200
    assert "Authorization" in before.headers["access-control-allow-headers"]
    for other in ("https://evil.example", "http://shop.example", f"{ORIGIN}:444", f"{ORIGIN}.evil.example", "null"):
        refused = client.get("/", headers={"origin": other})
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers
    assert client.get("/", headers={"origin": ORIGIN, "host": "evil.example"}).status_code == 403


def test_without_an_origin_no_page_may_ask():
    answer = _client().get("/", headers={"origin": ORIGIN})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_with_a_token_a_page_needs_it_and_reads_why(capsys):
    client = _client(cors=(ORIGIN,), token="a-long-random-token", host="0.0.0.0")
    refused = client.get("/", headers={"origin": ORIGIN})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    headers = {"origin": ORIGIN, "authorization": "Bearer a-long-random-token"}
    assert client.get("/", headers=headers).text == "inside"
