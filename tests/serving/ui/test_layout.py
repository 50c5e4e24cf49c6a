"""The page in a real browser: drop a picture, see the answer, correct it."""

from __future__ import annotations

import contextlib
import io
import shutil

import numpy as np
import pytest
from PIL import Image

import tellapart
from tellapart.data.opening import open_catalog

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


browser_wanted = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@contextlib.contextmanager
def _browser(url):
    """A tab of a new browser, the addresses it asked, and what its console complained of."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream",
                  "--use-fake-ui-for-media-stream", "--disable-background-networking", "--disable-component-update",
                  "--disable-sync", "--no-first-run"],
        )  # fmt: skip
        context = browser.new_context(permissions=["camera", "clipboard-read", "clipboard-write"])
        tab = context.new_page()
        tab.set_default_timeout(30_000)
        asked, errors = set(), []
        tab.on("request", lambda request: asked.add(request.url))
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto(url)
        tab.wait_for_selector("#picture")
        try:
            yield tab, asked, errors
        finally:
            browser.close()


def _files(folder, shape, n=3):
    files = []
    for seed, each in enumerate(["disc", "ring", "bar"][:n]):
        files.append(folder / f"{each}.png")
        Image.fromarray(np.asarray(shape(each, seed + 50))).save(files[-1])
    return files


@browser_wanted
def test_the_page_of_a_bundle(process, tmp_path, shape_bundle, shape):
    files = _files(tmp_path, shape)
    answers = [row.answer for row in tellapart.predict(shape_bundle, files)]
    with (
        process(tmp_path, "web", shape_bundle, "--corrections", tmp_path / "kept") as (url, _),
        _browser(url) as (tab, asked, errors),
    ):
        # Upload, answer, correction.
        tab.set_input_files("#picture input[type=file]", files[0])
        tab.wait_for_selector(f"#answer .said >> text={answers[0]}")
        assert tab.locator("#answer .bar").count() == 3
        tab.fill("#right textarea, #right input", "<b>new</b>")
        tab.keyboard.press("Tab")  # by keyboard to the button
        tab.keyboard.press("Enter")
        tab.wait_for_selector("#told >> text=Kept as <b>new</b>")
        tab.click("#where")
        tab.wait_for_selector("#saliency img", timeout=120_000)
        # Paste.
        tab.get_by_label("Clear").or_(tab.get_by_label("Remove Image")).first.click()
        stream = io.BytesIO()
        Image.open(files[2]).save(stream, "PNG")
        tab.evaluate(
            """async bytes => navigator.clipboard.write([new ClipboardItem(
                {"image/png": new Blob([new Uint8Array(bytes)], {type: "image/png"})})])""",
            list(stream.getvalue()),
        )
        tab.get_by_label("Paste from clipboard").first.click()
        tab.wait_for_selector(f"#answer .said >> text={answers[2]}")
        # Several, one of which is none.
        bad = tmp_path / "bad.png"
        bad.write_bytes(b"no image")
        tab.get_by_role("tab", name="Several").click()
        tab.set_input_files("#files input[type=file]", [*files, bad])
        tab.wait_for_selector("#gallery img")
        tab.locator("#table").get_by_text("cannot be used").locator("visible=true").first.wait_for()
        assert tab.locator("#gallery .thumbnail-item").count() == 3
        # Camera.
        tab.get_by_role("tab", name="Camera").click()
        tab.get_by_text("Click to Access Webcam").last.click()
        tab.locator("#camera").get_by_label("stream").or_(tab.locator("#camera").get_by_text("Record")).first.click()
        tab.wait_for_selector("#live .said")
        assert not [each for each in asked if not each.startswith((f"{url}/", "data:", "blob:"))]
        assert not errors
    kept = open_catalog(tmp_path / "kept" / shape_bundle.parent.name)
    assert kept.column("label") == ["<b>new</b>"]
    assert [data for _, data in kept.read(range(1))] == [files[0].read_bytes()]


@browser_wanted
def test_the_page_of_a_server(process, tmp_path, shape_bundle, shape):
    (file,) = _files(tmp_path, shape, 1)
    (answer,) = tellapart.predict(shape_bundle, file)
    with (
        process(tmp_path, "serve", f"shapes={shape_bundle}", "--state", tmp_path / "state") as (server, _),
        process(tmp_path, "web", "shapes", "--server", server) as (url, _),
        _browser(url) as (tab, asked, errors),
    ):
        tab.set_input_files("#picture input[type=file]", file)
        tab.wait_for_selector(f"#answer .said >> text={answer.answer}")
        tab.fill("#right textarea, #right input", "ring")
        tab.click("#wrong")
        tab.wait_for_selector("#told >> text=Kept as ring")
        assert not tab.locator("#where").is_visible()
        assert not [each for each in asked if not each.startswith((f"{url}/", "data:", "blob:"))]
        assert not errors
    assert open_catalog(tmp_path / "state" / "corrections" / "shapes").column("label") == ["ring"]
