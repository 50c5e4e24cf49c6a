"""The page is for this machine, asks for a password elsewhere and fetches nothing."""

from __future__ import annotations

import asyncio

import pytest

import tellapart
from tellapart.core.errors import ConfigError


def test_elsewhere_needs_a_password(shape_bundle, monkeypatch):
    monkeypatch.delenv("TELLAPART_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="token"):
        tellapart.web(shape_bundle, host="0.0.0.0", check=True)


def test_the_page_is_for_this_machine_and_fetches_nothing(monkeypatch):
    from gradio import processing_utils
    from starlette.responses import PlainTextResponse
    from starlette.testclient import TestClient

    from tellapart.serving.ui.localhost_only import LocalhostOnly, disable_external_assets

    app = LocalhostOnly(PlainTextResponse("the page"))
    mine = TestClient(app, "http://127.0.0.1:3001", client=("127.0.0.1", 1))
    assert mine.get("/").text == "the page"
    assert mine.get("/", headers={"host": "evil.example"}).status_code == 403
    assert mine.post("/", headers={"origin": "https://evil.example"}).status_code == 403
    assert TestClient(app, "http://127.0.0.1:3001", client=("192.0.2.1", 1)).get("/").status_code == 403

    monkeypatch.setattr(processing_utils, "async_ssrf_protected_download", None)  # put back afterwards
    disable_external_assets()
    with pytest.raises(ValueError, match="never fetched"):
        asyncio.run(processing_utils.async_ssrf_protected_download("http://127.0.0.1/a.png", "/tmp"))
