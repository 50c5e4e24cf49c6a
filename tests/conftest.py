"""What several test files draw: small seeded pictures, and sets of them. Nothing here is heavy."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

# The machine may be busy, and a test must fail for the same reason every time it fails.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")

KINDS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".webp": "WEBP", ".gif": "GIF", ".tif": "TIFF"}


def _draw(seed, width=64, height=48):
    """A smooth picture like no other seed's: coarse random colours, scaled up."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def _encode(pixels, kind="PNG", **options):
    """Pixels, or a Pillow image, as the bytes of a file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _fill(root, names, width=64, height=48):
    """Write a picture of its own at every name below ``root``, encoded as the name ends."""
    for name in names:
        path = Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_encode(_draw(zlib.crc32(name.encode()), width, height), KINDS[path.suffix.lower()]))
    return Path(root)


def _tree(root):
    """Every path below a folder with the hash of its bytes and its time of change."""
    return {
        path.relative_to(root).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None,
            path.stat().st_mtime_ns,
        )
        for path in sorted(Path(root).rglob("*"))
    }


def _refuses(kind, text):
    """The error of this kind whose message is this, word for word."""
    return pytest.raises(kind, match=f"^{re.escape(text)}$")


@pytest.fixture(scope="session")
def draw():
    return _draw


@pytest.fixture(scope="session")
def encode():
    return _encode


@pytest.fixture(scope="session")
def fill():
    return _fill


@pytest.fixture(scope="session")
def tree():
    return _tree


@pytest.fixture(scope="session")
def refuses():
    return _refuses


@pytest.fixture
def class_folders(tmp_path):
    """Three classes of four pictures in class folders."""
    return _fill(tmp_path / "set", [f"{label}/{n}.png" for label in ("cat", "cup", "dog") for n in range(4)])


@pytest.fixture
def tab():
    """A tab of a real browser; at the end its console has complained of nothing and no request has left the machine."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(accept_downloads=True)
        page.set_default_timeout(30_000)
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: dialog.accept())  # "leave the page?"
        yield page
        browser.close()
    assert not errors
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))]
