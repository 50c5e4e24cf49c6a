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
