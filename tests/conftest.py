"""What several test files share: small seeded pictures, sets of them, one small classifier and one small reader."""

from __future__ import annotations

import contextlib
import csv
import functools
import hashlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zlib
from pathlib import Path

# Workers share the cores; one thread each, in the processes that tests start too, is the quickest.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings
from PIL import Image, ImageDraw, ImageFont

import tellapart

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


AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def axe():
    """What axe-core finds wrong with the page that a tab shows, by the rules of WCAG 2.1 A and AA: a line a finding."""
    if not AXE.is_file():
        pytest.skip("no axe-core here; npm install --prefix tests brings it")

    def check(tab):
        tab.evaluate(AXE.read_text("utf-8"))
        rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
        found = tab.evaluate("rules => axe.run(document, {runOnly: rules})", rules)["violations"]
        return [
            f"{each['id']}: {node['target']} {' '.join(part['message'] for part in node['any'])}"
            for each in found
            for node in each["nodes"]
        ]

    return check


SHAPES = {"disc": "round", "ring": "round", "bar": "straight"}
SHAPE_OPTIONS = {
    "task": "classify",
    "backbone": "small",
    "stages": [{"train": "head", "epochs": 1, "lr": 3e-3}, {"train": "all", "epochs": 3, "lr": 3e-3}],
    "batch_size": 16,
    "seed": 7,
    "device": "cpu",
    "precision": "float32",
}
TEXT_OPTIONS = {
    "task": "read",
    "stages": [{"train": "all", "epochs": 12, "lr": 5e-3}],
    "height": 24,
    "batch_size": 8,
    "augment": "none",
    "device": "cpu",
    "precision": "float32",
}


TAG_OPTIONS = {
    "task": "tag",
    "backbone": "small",
    "stages": [{"train": "all", "epochs": 12, "lr": 1e-2}],
    "batch_size": 16,
    "augment": "none",
    "device": "cpu",
    "precision": "float32",
}


def _shape(name, seed):
    """A 24 x 24 picture of a shape in any colour on a noisy ground."""
    dice = np.random.default_rng(seed)
    pixels = dice.integers(0, 90, (24, 24, 3), dtype=np.uint8)
    y, x = np.mgrid[:24, :24]
    away = np.hypot(y - dice.integers(10, 15), x - dice.integers(10, 15))
    inside = {"disc": away < 9, "ring": (away < 10) & (away > 6), "bar": abs(x - dice.integers(8, 17)) < 4}[name]
    pixels[inside] = dice.integers(120, 256, 3, dtype=np.uint8)
    return pixels


def _text(text, width, seed):
    """A grey picture of a text, 24 px high."""
    dice = np.random.default_rng(seed)
    image = Image.new("L", (width, 24), int(dice.integers(200, 256)))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    for place, character in enumerate(text):
        corner = (4 + int(dice.integers(0, 3)) + place * (width // 3 - 2), 2 + int(dice.integers(0, 3)))
        pen.text(corner, character, fill=int(dice.integers(0, 60)), font=font)
    return np.asarray(image)


def _draw_shapes(root, each=20, classes=tuple(SHAPES), wrong=0, grouped=True):
    """Class folders (below their groups) of drawn shapes; the first ``wrong`` of each class show another one."""
    names = list(classes)
    for number, name in enumerate(names):
        folder = root / SHAPES[name] / name if grouped else root / name
        folder.mkdir(parents=True)
        for index in range(each):
            shown = names[(number + 1) % len(names)] if index < wrong else name
            Image.fromarray(_shape(shown, number * 1000 + index)).save(folder / f"{index:02d}.png")
    return root


def _draw_texts(root, n=60):
    """Texts of three digits out of four, in pictures of three widths, with a table of labels."""
    root.mkdir(parents=True)
    dice = np.random.default_rng(0)
    with (root / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["file", "label"])
        for index in range(n):
            text, width = "".join(dice.choice(list("0147"), 3)), int(dice.choice([50, 60, 90]))
            Image.fromarray(_text(text, width, index)).save(root / f"{index:02d}.png")
            table.writerow([f"{index:02d}.png", text])
    return root


def _draw_tagged(root, n=100, wrong=2):
    """Pictures with up to three patches of colour, and a table of which; its first ``wrong`` rows lie."""
    root.mkdir(parents=True)
    rows = ["file,label"]
    for index in range(n):
        dice = np.random.default_rng(index)
        pixels = dice.integers(40, 110, (24, 24, 3), dtype=np.uint8)
        has = dice.random(3) < (0.6, 0.4, 0.2)
        for channel in np.flatnonzero(has):
            y, x = dice.integers(0, 15, 2)
            pixels[y : y + 8, x : x + 8] = 20
            pixels[y : y + 8, x : x + 8, channel] = 240
        said = ~has if index < wrong else has
        tags = [name for name, each in zip(("red", "green", "blue"), said, strict=True) if each]
        Image.fromarray(pixels).save(root / f"{index:03d}.png")
        rows.append(f"{index:03d}.png,{'|'.join(tags) or '|'}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def draw_tagged():
    return _draw_tagged


@pytest.fixture(scope="session")
def draw_shapes():
    return _draw_shapes


@pytest.fixture(scope="session")
def draw_texts():
    return _draw_texts


@pytest.fixture(scope="session")
def shape():
    return _shape


@pytest.fixture(scope="session")
def tag_options():
    return TAG_OPTIONS


@pytest.fixture(scope="session")
def shape_options():
    return SHAPE_OPTIONS


@pytest.fixture(scope="session")
def text_options():
    return TEXT_OPTIONS


@pytest.fixture(scope="session")
def common(tmp_path_factory):
    """A folder that all workers of the session share. What lies in it is looked at, never changed."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def _once(folder, make):
    """Let the first worker make something; the others wait for it. What it returned comes back as JSON."""
    kept = folder.with_suffix(".json")
    with FileLock(f"{folder}.lock"):
        if not kept.is_file():
            result = make(folder)
            kept.write_text(json.dumps(result if isinstance(result, dict) else None), encoding="utf-8")
    return json.loads(kept.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def shapes(common):
    """group/class/image: 60 shapes, some of them wrongly labelled, so that no figure is a plain 1."""
    _once(common / "shapes", lambda folder: _draw_shapes(folder, wrong=3))
    return common / "shapes"


@pytest.fixture(scope="session")
def texts(common):
    """60 texts with a table."""
    _once(common / "texts", _draw_texts)
    return common / "texts"


@pytest.fixture(scope="session")
def tagged(common):
    """100 pictures with several labels each, some of them wrongly labelled, so that no figure is a plain 1."""
    _once(common / "tagged", _draw_tagged)
    return common / "tagged"


@pytest.fixture(scope="session")
def tag_result(common, tagged):
    """What `train` said of the pictures with several labels."""
    return _once(common / "tag-run", lambda folder: tellapart.train(tagged, out=folder, **TAG_OPTIONS))


@pytest.fixture(scope="session")
def tag_run(tag_result):
    return Path(tag_result["run"])


@pytest.fixture(scope="session")
def tag_bundle(tag_run):
    return tag_run / "bundle"


@pytest.fixture(scope="session")
def shape_result(common, shapes):
    """What `train` said of the shapes."""
    return _once(common / "shape-run", lambda folder: tellapart.train(shapes, out=folder, **SHAPE_OPTIONS))


@pytest.fixture(scope="session")
def text_result(common, texts):
    """What `train` said of the texts."""
    return _once(common / "text-run", lambda folder: tellapart.train(texts, out=folder, **TEXT_OPTIONS))


@pytest.fixture(scope="session")
def shape_run(shape_result):
    return Path(shape_result["run"])


@pytest.fixture(scope="session")
def text_run(text_result):
    return Path(text_result["run"])


@pytest.fixture(scope="session")
def shape_bundle(shape_run):
    return shape_run / "bundle"


@pytest.fixture(scope="session")
def text_bundle(text_run):
    return text_run / "bundle"


@pytest.fixture
def copied(tmp_path):
    """A copy of a folder that a test may change."""

    def copy(folder, name="copy"):
        return Path(shutil.copytree(folder, tmp_path / name))

    return copy


@pytest.fixture
def renewed(tmp_path):
    """A copy of a folder whose PNG pictures are others to every digest, and the same to every eye and network."""

    def copy(folder, name="renewed"):
        made = Path(shutil.copytree(folder, tmp_path / name))
        for path in made.rglob("*.png"):
            Image.fromarray(np.asarray(Image.open(path)) ^ 1).save(path)
        return made

    return copy


# --- servers ---------------------------------------------------------------------------------------


@functools.cache
def _meter():
    from tellapart.serving.prometheus import PrometheusMetrics

    return PrometheusMetrics()  # Prometheus knows a figure once in a process


@contextlib.contextmanager
def _here(folder, models, *, patient=False, **settings):
    """The app of one worker, in this process; `TestClient` raises what the app does, unless it is to be patient."""
    from starlette.testclient import TestClient

    from tellapart.serving.app import App
    from tellapart.serving.middleware.stack import protected
    from tellapart.serving.model_manager import ModelManager
    from tellapart.serving.model_registry import ModelRegistry
    from tellapart.serving.settings import Settings

    ModelRegistry(folder).start(models)
    settings = Settings(str(folder), **settings)
    live = ModelManager(settings)
    app = App(settings, live, _meter())
    try:
        yield (
            TestClient(protected(app.asgi, settings), "http://127.0.0.1:3000", not patient, client=("127.0.0.1", 1)),
            live,
        )
    finally:
        app.close()


def _answers(url, *, verify):
    import httpx

    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url, trust_env=False, verify=verify).status_code == 200
    return False


@contextlib.contextmanager
def _process(folder, verb, *words, environment=None, scheme="http", verify=True):
    """A verb that listens on a port, once it answers: its address and its process. The folder is for its log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "tellapart", verb, *map(str, words), "--port", str(port)]
    url = f"{scheme}://127.0.0.1:{port}"
    log = folder / f"{verb}.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            line, stdout=output, stderr=output, env={**os.environ, **(environment or {})}, start_new_session=True
        )
        try:
            end = time.monotonic() + 90
            while not _answers(f"{url}/{'readyz' if verb == 'serve' else ''}", verify=verify) or (
                verb == "serve" and '"event": "ready"' not in log.read_text()  # one process may answer before all do
            ):
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.2)
            yield url, server
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                raise


@pytest.fixture(scope="session")
def here():
    return _here


@pytest.fixture(scope="session")
def process():
    return _process


# --- drawings and photos -----------------------------------------------------------------------------

DRAWN = ("disc", "box")


def _drawing(seed, label="disc", width=200, height=150):
    """Clip art: flat colours, sharp edges; what its class is shows in the big figure."""
    dice = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), tuple(dice.integers(200, 256, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(7):
        x, y, side = dice.integers(0, width), dice.integers(0, height), int(dice.integers(12, 50))
        pen.line(
            (x, y, x + side, y + int(dice.integers(-30, 30))), fill=tuple(dice.integers(0, 200, 3).tolist()), width=6
        )
    x, y = int(dice.integers(20, width - 110)), int(dice.integers(10, height - 100))
    shape = pen.ellipse if label == "disc" else pen.rectangle
    shape((x, y, x + 90, y + 90), fill=tuple(dice.integers(0, 160, 3).tolist()), outline="black", width=4)
    return image


def _photo(seed, width=200, height=150):
    """What a camera gives: soft light, texture at every scale, and sensor noise."""
    dice = np.random.default_rng([seed, 1])
    picture = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 25, 50):
        coarse = dice.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        layer = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        picture += np.asarray(layer, dtype=float) / cells**0.5
    picture = picture / picture.max() * 235 + dice.normal(0, 5, picture.shape)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def drawing():
    return _drawing


@pytest.fixture(scope="session")
def photo():
    return _photo
