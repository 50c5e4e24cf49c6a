"""The pages of a server say what it serves and how it is asked, load nothing, and escape every name."""

from __future__ import annotations

import re

import pytest

import tellapart


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_loads_nothing(shapes_here, path):
    client, _ = shapes_here
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script|<link|src=|@import|url\(", answer.text)
    assert 'lang="en"' in answer.text
    assert "shapes" in answer.text


def test_every_address_of_the_document_is_explained(shapes_here):
    client, _ = shapes_here
    page, document = client.get("/docs").text, client.get("/openapi.json").json()
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page
    assert "curl -F image=@a.png http://127.0.0.1:3000/v1/models/shapes/predict" in page
    assert "new_label" in page
    assert "right (needed)" in page


def test_the_form_of_the_page_asks(shapes_here, pictures):
    client, _ = shapes_here
    page = client.get("/").text
    (address,) = re.findall(r'<form action="([^"]+)" method="post" enctype="multipart/form-data">', page)
    (name,) = re.findall(r'<input type="file" name="([^"]+)"', page)
    answer = client.post(address, files=[(name, ("a.png", pictures[0]))], headers={"origin": "http://127.0.0.1:3000"})
    assert answer.status_code == 200


def test_labels_are_escaped(here, tmp_path, shape_bundle, monkeypatch):
    from tellapart.inference.bundle import Bundle

    monkeypatch.setattr(Bundle, "labels", property(lambda self: ["<script>", "b", "c"]))
    with here(tmp_path / "state", [f"shapes={shape_bundle}"]) as (client, _):
        for path in ("/", "/docs"):
            assert "<script" not in client.get(path).text


def test_with_a_token_a_browser_asks_for_it(here, tmp_path, shape_bundle):
    token = "a-long-random-token"
    with here(tmp_path / "state", [f"shapes={shape_bundle}"], token=token) as (client, _):
        refused = client.get("/docs")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Basic")
        assert client.get("/v1/models").headers["www-authenticate"] == "Bearer"
        own = ("anyone", token)
        page = client.get("/docs", auth=own)
        assert "Authorization: Bearer TOKEN" in page.text
        assert token not in page.text
        assert client.get("/docs", auth=("tellapart", "wrong-wrong-wrong")).status_code == 401
        assert client.get("/docs", headers={"authorization": "Basic !!"}).status_code == 401
        address = "/v1/models/shapes/predict"
        assert client.post(address, auth=own, headers={"origin": "https://evil.example"}).status_code == 403
        assert client.post(address, auth=own, headers={"origin": "http://127.0.0.1:3000"}).status_code == 400
    assert tellapart.Bundle.open(shape_bundle).labels


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_pages_pass_axe_and_fit_a_phone(shapes_here, tab, axe, path):
    client, _ = shapes_here
    html = client.get(path).text
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        for width in (1280, 390):
            tab.set_viewport_size({"width": width, "height": 800})
            tab.set_content(html)
            assert axe(tab) == []
            assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
