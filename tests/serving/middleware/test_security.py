"""Another site's page and a caller without the token are refused."""

from __future__ import annotations


def test_a_page_of_another_site_cannot_ask(shapes_here):
    client, _ = shapes_here
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}, {"origin": "null"}):
        assert client.get("/v1/models", headers=headers).status_code == 403
    for headers in ({"host": "localhost:3000"}, {"origin": "http://127.0.0.1:3001"}, {"host": "[::1]:3000"}):
        assert client.get("/v1/models", headers=headers).status_code == 200


def test_with_a_token_only_who_sends_it_may_ask(here, tmp_path, shape_bundle):
    token = "a-long-random-token"
    with here(tmp_path / "state", [f"shapes={shape_bundle}"], token=token) as (client, _):
        assert client.get("/v1/models").status_code == 401
        assert client.get("/v1/models", headers={"authorization": "Bearer wrong"}).status_code == 401
        answer = client.get("/v1/models", headers={"authorization": f"Bearer {token}", "host": "shop.example"})
        assert answer.status_code == 200
