"""The page in a real browser: drop a picture, see the answer, correct it."""

from __future__ import annotations

import contextlib
import io
import shutil
import socket

import httpx
import numpy as np
import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import ConfigError
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


def _png(file):
    stream = io.BytesIO()
    Image.open(file).save(stream, "PNG")
    return stream.getvalue()


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
        tab.wait_for_selector("#told >> text='<b>new</b>' is no class of the model")  # a slip, perhaps
        tab.keyboard.press("Enter")
        tab.wait_for_selector("#told >> text=Kept as <b>new</b>")
        assert tab.evaluate("[...document.querySelector('#right input').list.options].map(each => each.value)") == [
            "bar", "disc", "ring",
        ]  # fmt: skip
        tab.click("#where")
        tab.wait_for_selector("#saliency img", timeout=120_000)
        # Paste, by the button and by Ctrl-V; what was typed for the picture before is not kept for the next.
        tab.fill("#right input", "Q")
        tab.get_by_label("Clear").or_(tab.get_by_label("Remove Image")).first.click()
        tab.wait_for_selector("#answer >> text=It knows 3 classes")
        assert tab.input_value("#right input") == ""
        tab.evaluate(
            """async bytes => navigator.clipboard.write([new ClipboardItem(
                {"image/png": new Blob([new Uint8Array(bytes)], {type: "image/png"})})])""",
            list(_png(files[2])),
        )
        tab.get_by_label("Paste from clipboard").first.click()
        tab.wait_for_selector(f"#answer .said >> text={answers[2]}")
        tab.evaluate(
            """async bytes => navigator.clipboard.write([new ClipboardItem(
                {"image/png": new Blob([new Uint8Array(bytes)], {type: "image/png"})})])""",
            list(_png(files[1])),
        )
        tab.fill("#right input", "Q")
        tab.keyboard.press("Control+v")
        tab.wait_for_selector(f"#answer .said >> text={answers[1]}")
        tab.wait_for_function("document.querySelector('#right input').value === ''")
        # A broken picture says why.
        bad = tmp_path / "bad.png"
        bad.write_bytes(b"no image")
        tab.get_by_label("Clear").or_(tab.get_by_label("Remove Image")).first.click()
        tab.set_input_files("#picture input[type=file]", bad)
        tab.wait_for_selector("#answer >> text=This picture cannot be used")
        # Several, one of which is none.
        tab.get_by_role("tab", name="Several").click()
        tab.set_input_files("#files input[type=file]", [*files, bad])
        tab.wait_for_selector("#gallery img")
        tab.locator("#table td").get_by_text("cannot be used: ").wait_for()
        assert tab.locator("#table tr").count() == 5
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
        tab.fill("#right input", "rin")
        for words in ("'rin' is no class of the model", "Kept as rin"):
            tab.click("#wrong")
            tab.wait_for_selector(f"#told >> text={words}")
        assert tab.get_by_text("pictures go to the machine of the server, 127.0.0.1").is_visible()
        assert not tab.locator("#where").is_visible()
        assert not [each for each in asked if not each.startswith((f"{url}/", "data:", "blob:"))]
        assert not errors
    assert open_catalog(tmp_path / "state" / "corrections" / "shapes").column("label") == ["ring", "rin"]


# What is being replaced fades: its colours are those of neither.
SETTLED = """() => !document.querySelector(".pending") && document.getAnimations().every(
    (each) => each.playState !== "running" || each.effect.getComputedTiming().iterations === Infinity)"""


@browser_wanted
def test_the_page_fits_every_width_and_passes_axe(process, axe, tmp_path, shape_bundle, shape):
    """Light and dark, by the rules of WCAG AA; nothing is wider than the window."""
    files = _files(tmp_path, shape)
    bad = tmp_path / "a-long-name-without-any-place-where-a-line-might-end-0123456789.png"
    bad.write_bytes(b"no image")
    with (
        process(tmp_path, "web", shape_bundle, "--corrections", tmp_path / "kept") as (url, _),
        _browser(url) as (tab, _asked, errors),
    ):
        for theme in ("light", "dark"):
            for width in (1280, 768, 390):
                tab.set_viewport_size({"width": width, "height": 900})
                tab.goto(f"{url}/?__theme={theme}")
                tab.wait_for_selector("#answer >> text=It knows 3 classes")
                found = axe(tab)
                tab.set_input_files("#picture input[type=file]", files[0])
                tab.wait_for_selector("#answer .bar")
                tab.wait_for_function(SETTLED)
                found += axe(tab)
                numbers = tab.locator("#answer .number")
                heights = {numbers.nth(place).bounding_box()["height"] for place in range(numbers.count())}
                assert max(heights) < 40, "a figure stands on two lines"
                tab.get_by_role("tab", name="Several").click()
                tab.set_input_files("#files input[type=file]", [*files, bad])
                tab.wait_for_selector("#gallery img")
                tab.wait_for_function(SETTLED)
                found += axe(tab)
                assert tab.locator("#table").bounding_box()["y"] < tab.locator("#files").bounding_box()["y"]
                wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                assert tab.evaluate(wide) <= 0
                assert found == []
        assert not errors


def test_pictures_that_visitors_give_are_private_and_go_with_the_page(process, tmp_path, shape_bundle, shape):
    (file,) = _files(tmp_path, shape, 1)
    (tmp_path / "temporary").mkdir()
    environment = {"GRADIO_TEMP_DIR": str(tmp_path / "temporary")}
    words = [shape_bundle, "--corrections", tmp_path / "kept"]
    with process(tmp_path, "web", *words, environment=environment) as (url, server):
        httpx.post(f"{url}/gradio_api/upload", files={"files": ("a.png", file.read_bytes())}).raise_for_status()
        kept = list((tmp_path / "temporary").rglob("*"))
        assert any(each.name == "a.png" for each in kept)
        assert not [each for each in kept if each.stat().st_mode & 0o077]
        server.terminate()
        server.wait(30)
        assert list((tmp_path / "temporary").iterdir()) == []


def test_a_port_in_use_is_one_sentence(shape_bundle, refuses):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = f"port {port}: something listens on 127.0.0.1 there already; give another --port, or stop it"
        with refuses(ConfigError, text):
            tellapart.web(shape_bundle, port=port)
