"""The server answers as the bundle does, refuses in words, and keeps what it promised."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import io
import os
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time

import httpx
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import BundleError, ConfigError, ServerError
from tellapart.data.opening import open_catalog
from tellapart.serving import batching, feedback_store
from tellapart.serving.batching import Batcher, ModelReplacedError, QueueFullError, best_size
from tellapart.serving.feedback_store import FeedbackStore, StoreFullError
from tellapart.serving.model_registry import ModelRegistry


def _png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def pictures(shape):
    return [_png(np.asarray(shape(each, seed))) for seed, each in enumerate(["disc", "ring", "bar"] * 4)]


@pytest.fixture(scope="module")
def expected(shape_bundle, pictures):
    return [row.to_json() for row in tellapart.load(shape_bundle, threads=1).predict(pictures)]


@pytest.fixture(scope="module")
def shapes_here(tmp_path_factory, shape_bundle, here):
    with here(tmp_path_factory.mktemp("here") / "state", [f"shapes={shape_bundle}"], images=16, request_bytes=200_000,
              image_pixels=1_000_000) as (client, live):  # fmt: skip
        yield client, live


def _same(rows, expected):
    assert [{**row, "file": ""} for row in rows] == [{**row, "file": ""} for row in expected]


ADDRESS = "/v1/models/shapes/predict"


def test_files_json_and_a_bare_body_get_the_bundles_answers(shapes_here, pictures, expected):
    client, _ = shapes_here
    files = [("image", (f"{n}.png", data, "image/png")) for n, data in enumerate(pictures)]
    answer = client.post(ADDRESS, files=files)
    assert answer.status_code == 200
    assert [row["file"] for row in answer.json()["predictions"]] == [f"{n}.png" for n in range(12)]
    _same(answer.json()["predictions"], expected)
    coded = [base64.b64encode(data).decode() for data in pictures]
    _same(client.post(ADDRESS, json={"images": coded}).json()["predictions"], expected)
    named = [{"name": "x", "data": f"data:image/png;base64,{each}"} for each in coded]
    _same(client.post(ADDRESS, json={"images": named}).json()["predictions"], expected)
    one = client.post(ADDRESS, content=pictures[0], headers={"content-type": "image/png"})
    _same(one.json()["predictions"], expected[:1])


def test_a_bad_image_among_good_ones_is_a_row_and_alone_is_422(shapes_here, pictures, expected, shape_bundle):
    client, _ = shapes_here
    files = [("image", ("a.png", pictures[0])), ("image", ("b.png", b"no image")), ("image", ("c.png", pictures[2]))]
    answer = client.post(ADDRESS, files=files)
    assert answer.status_code == 200
    rows = answer.json()["predictions"]
    _same([rows[0], rows[2]], [expected[0], expected[2]])
    assert rows[1] == {"file": "b.png", "error": tellapart.load(shape_bundle).predict(b"no image")[0].error}
    alone = client.post(ADDRESS, files=[("image", ("b.png", pictures[0][:40]))])
    assert alone.status_code == 422
    assert alone.json()["error"]["code"] == "bad_image"


@pytest.mark.parametrize(
    ("status", "code", "request_"),
    [
        (400, "no_image", {"json": {"images": []}}),
        (400, "malformed", {"json": {"images": ["http://127.0.0.1/a.png"]}}),
        (400, "malformed", {"json": {"images": ["/etc/passwd"]}}),
        (400, "malformed", {"json": ["x"]}),
        (413, "too_many", {"json": {"images": [""] * 1000}}),
        (403, "foreign", {"headers": {"host": "[x"}}),
        (400, "malformed", {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}}),
        (400, "malformed", {"content": b"\xff", "headers": {"content-type": "application/json"}}),
        (400, "malformed", {"content": b"x", "headers": {"content-type": "multipart/form-data"}}),
        (400, "malformed", {"content": b"--a\r\nx", "headers": {"content-type": "multipart/form-data; boundary=b"}}),
        (415, "unknown_kind", {"content": b"x", "headers": {"content-type": "text/html"}}),
        (413, "too_many", {"files": [("image", ("a", b"x"))] * 17}),
        (413, "too_large", {"content": b"x" * 200_001, "headers": {"content-type": "image/png"}}),
    ],
)
def test_bad_requests_get_a_code_a_reason_and_what_to_do(shapes_here, status, code, request_):
    client, _ = shapes_here
    answer = client.post(ADDRESS, **request_)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["reason"]
    assert error["next"]


def test_a_body_longer_than_announced_is_cut_off(shapes_here):
    client, _ = shapes_here

    def endless():
        for _ in range(10):
            yield b"x" * 50_000

    answer = client.post(ADDRESS, content=endless(), headers={"content-type": "image/png"})
    assert answer.status_code == 413


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(shapes_here):
    client, _ = shapes_here
    bomb = _png(np.zeros((1200, 1200), np.uint8))
    answer = client.post(ADDRESS, content=bomb, headers={"content-type": "image/png"})
    assert answer.status_code == 422
    assert answer.json()["error"]["reason"] == "1200 x 1200 is larger than 1,000,000 pixels"


def test_unknown_names_addresses_and_methods(shapes_here):
    client, _ = shapes_here
    assert client.post("/v1/models/nix/predict", content=b"x").json()["error"]["code"] == "unknown_model"
    assert client.get("/nix").json()["error"]["code"] == "unknown_path"
    assert client.get(ADDRESS).json()["error"]["code"] == "wrong_method"


def test_models_and_openapi_tell_nothing_of_this_machine(shapes_here, shape_bundle):
    client, _ = shapes_here
    models = client.get("/v1/models").json()["models"]
    assert models[0]["labels"] == tellapart.Bundle.open(shape_bundle).labels
    document = client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {
        "/v1/models", "/v1/models/{name}", "/v1/models/{name}/predict", "/v1/models/{name}/correct",
    }  # fmt: skip
    for text in (str(models), str(document)):
        assert str(shape_bundle.parent) not in text


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


def test_a_failure_inside_says_nothing_of_the_inside(here, tmp_path, shape_bundle, pictures, monkeypatch):
    with here(tmp_path / "state", [f"shapes={shape_bundle}"], patient=True) as (client, live):

        def broken(*_):
            raise RuntimeError("secret detail")

        monkeypatch.setattr(live.models["shapes"].predictor, "answer", broken)
        answer = client.post(ADDRESS, content=pictures[0], headers={"content-type": "image/png"})
        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "internal"
        assert "secret" not in answer.text


def test_more_than_the_queue_holds_is_told_to_wait(shape_bundle):
    gate = threading.Event()

    class Slow:
        def answer(self, names, pixels):
            gate.wait()
            return names

    batcher = Batcher(Slow(), most=4)
    pixels = np.zeros((4, 4, 1), np.uint8)
    with batcher.room(1), batcher.room(3):
        asked = [batcher.submit(name, pixels) for name in "abcd"]
        with pytest.raises(QueueFullError) as busy, batcher.room(1):
            pass
        assert busy.value.seconds >= 1
        gate.set()
        assert [future.result(10) for future in asked] == list("abcd")
    assert len(batcher) == 0
    with batcher.room(100):  # who finds it empty gets it
        assert len(batcher) == 100
    batcher.close()
    with pytest.raises(ModelReplacedError):
        batcher.submit("g", pixels)


def test_batches_hold_one_width_and_everyone_gets_their_own():
    seen = []

    class Echo:
        def answer(self, names, pixels):
            seen.append(pixels.shape)
            return [f"{name}:{width}" for name, width in zip(names, pixels[:, 0, :, 0].sum(1), strict=True)]

    batcher = Batcher(Echo())
    dice = random.Random(0)
    asked = [(str(n), dice.choice([2, 3, 5])) for n in range(200)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:

        def ask(each):
            name, width = each
            return batcher.submit(name, np.ones((1, width, 1), np.uint8)).result(10)

        assert list(pool.map(ask, asked)) == [f"{name}:{width}" for name, width in asked]
    assert sum(shape[0] for shape in seen) == 200
    batcher.close()


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (lambda n: 0.01 * n, 16),  # no image costs more beside others
        (lambda n: 0.01 + 0.01 * n, 16),  # and a run costs something too
        (lambda n: 0.01 * n * (1 if n <= 4 else 1.5), 4),  # eight do not fit the cache
        (lambda n: 0.01 * n**1.2, 1),
    ],
)
def test_a_batch_is_as_large_as_pays(monkeypatch, seconds, wanted):
    now = [0.0]
    monkeypatch.setattr(batching.time, "perf_counter", lambda: now[0])

    class Timed:
        def run(self, pixels):
            now[0] += seconds(len(pixels))

    assert best_size(Timed(), np.zeros((4, 4, 1), np.uint8)) == wanted


def test_a_correction_is_kept_and_can_be_trained_on(here, tmp_path, shape_bundle, pictures):
    with here(tmp_path / "state", [f"shapes={shape_bundle}"]) as (client, _):
        address = "/v1/models/shapes/correct"
        for n, data in enumerate(pictures[:3]):
            answer = client.post(
                address, files={"image": (f"../{n}.png", data)}, data={"right": "ring", "answer": "bar"}
            )
            assert answer.status_code == 201
        assert client.post(address, files={"image": ("a", pictures[0])}).json()["error"]["code"] == "no_answer"
        assert client.post(address, files={"image": ("a", b"x")}, data={"right": "ring"}).status_code == 422
    folder = tmp_path / "state" / "corrections" / "shapes"
    catalog = open_catalog(folder)
    assert catalog.task == "classify"
    assert catalog.column("label") == ["ring"] * 3
    assert [data for _, data in catalog.read(range(3))] == pictures[:3]


def test_samples_are_kept_only_if_asked_for(here, tmp_path, shape_bundle, pictures, expected):
    with here(tmp_path / "none", [f"shapes={shape_bundle}"]) as (client, _):
        client.post(ADDRESS, content=pictures[0], headers={"content-type": "image/png"})
    assert not (tmp_path / "none" / "samples").exists()
    with here(tmp_path / "all", [f"shapes={shape_bundle}"], sample=1.0) as (client, _):
        for data in pictures:
            client.post(ADDRESS, content=data, headers={"content-type": "image/png"})
    table = pq.read_table(tmp_path / "all" / "samples" / "shapes")
    assert sorted(table.column("label").to_pylist()) == sorted(row["label"] for row in expected)


def test_a_row_that_cannot_be_written_takes_no_other_with_it(tmp_path):
    shelf = FeedbackStore(tmp_path / "kept", "label")
    shelf.put(b"1", "1", "a")
    with pytest.raises(UnicodeEncodeError):
        shelf.put(b"2", "2", "\ud800")
    shelf.put(b"3", "3", "c")
    assert pq.read_table(tmp_path / "kept").column("label").to_pylist() == ["a", "c"]


def test_a_sample_does_not_wait_for_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(feedback_store, "FLUSH", 0.05)
    FeedbackStore(tmp_path / "kept", "label", wait=True).put(b"1", "1", "a")
    end = time.monotonic() + 10
    while not list(tmp_path.glob("kept/*.parquet")):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_switch_outlives_a_restart_and_a_failed_one_leaves_no_trace(tmp_path, shape_bundle, copied):
    other, state = str(copied(shape_bundle)), ModelRegistry(tmp_path / "state")
    words = [f"a={shape_bundle}"]
    state.start(words)
    with pytest.raises(ConfigError, match="no server runs"):
        state.switch("a", other, wait=1)
    before = state.read()
    with process_that_holds(state.path):
        with pytest.raises(ConfigError, match="a server runs"):
            state.hold()
        state.report({"a": str(shape_bundle)}, {"a": f"{other}: broken"})  # a worker that cannot load it
        with pytest.raises(BundleError, match="broken"):
            state.switch("a", other, wait=5)
        assert state.read() == before
        state.report({"a": other}, {})
        assert state.switch("a", other, wait=5) == other
    state.start(words)
    assert state.read()["a"]["versions"][state.read()["a"]["current"]] == other
    tellapart.serve([str(shape_bundle)], state=state.path, check=True)
    assert list(state.read()) == ["a"]  # only looked


@contextlib.contextmanager
def process_that_holds(folder):
    code = f"from pathlib import Path; from tellapart.serving.model_registry import ModelRegistry; State(Path({str(folder)!r})).hold()"
    holder = subprocess.Popen([sys.executable, "-c", f"{code}; print('held', flush=True); input()"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    try:
        assert holder.stdout.readline() == b"held\n"
        yield
    finally:
        holder.communicate(b"\n", timeout=10)


def test_a_shelf_rotates_or_refuses_when_it_is_full(tmp_path):
    kept = FeedbackStore(tmp_path / "kept", "label", most_bytes=50_000)
    for n in range(30):
        kept.put(os.urandom(1000), str(n), "a")
    with pytest.raises(StoreFullError):
        kept.put(os.urandom(25_000), "too much", "a")
    assert pq.read_table(tmp_path / "kept").num_rows == 30
    rolling = FeedbackStore(tmp_path / "rolling", "label", most_bytes=200_000, rotate=True, wait=True)
    for n in range(400):
        rolling.put(os.urandom(1000), str(n), "a")
    rolling.flush()
    names = [row["path"] for row in pq.read_table(tmp_path / "rolling").column("image").to_pylist()]
    assert "399" in names
    assert "0" not in names
    assert sum(file.stat().st_size for file in (tmp_path / "rolling").iterdir()) <= 300_000


def test_start_is_refused_in_words(tmp_path, shape_bundle, monkeypatch):
    monkeypatch.delenv("TELLAPART_TOKEN", raising=False)
    state = tmp_path / "state"
    for words, options, wanted in [
        ([shape_bundle], {"host": "0.0.0.0"}, "token"),
        ([shape_bundle], {"port": 0}, "port"),
        ([shape_bundle], {"sample": 2.0}, "sample"),
        ([f"a={shape_bundle}", f"a={shape_bundle}"], {}, "two models"),
        ([f"../a={shape_bundle}"], {}, "no name"),
        ([], {}, "nothing to serve"),
    ]:
        with pytest.raises(ConfigError, match=wanted):
            tellapart.serve(list(map(str, words)), state=state, check=True, **options)
    with pytest.raises(BundleError):
        tellapart.serve([str(tmp_path)], state=state, check=True)
    (tmp_path / "token").write_text("short\n")
    with pytest.raises(ConfigError, match="16"):
        tellapart.serve([str(shape_bundle)], state=state, token_file=tmp_path / "token", check=True)
    (tmp_path / "token").write_text("a-long-random-token\n")
    settings = tellapart.serve(
        [str(shape_bundle)], state=state, host="0.0.0.0", token_file=tmp_path / "token", check=True
    )
    assert settings is not None
    assert settings.token == "a-long-random-token"
    with pytest.raises(ConfigError, match="no folder of a server"):
        ModelRegistry(tmp_path / "nix").read()


def test_the_client_says_what_is_wrong(tmp_path):
    with pytest.raises(ServerError, match="is it running"):
        tellapart.Client("http://127.0.0.1:9", retries=0)
    with pytest.raises(ConfigError, match="no address"):
        tellapart.Client("localhost:3000")


# httpcore leaves the socket of a connection that its server reset to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_a_real_server(process, tmp_path, shape_bundle, text_bundle, pictures, expected, copied, capsys):
    """Two processes: answers, a switch and a killed worker under load, and the way back."""
    other = copied(shape_bundle)
    words = [f"shapes={shape_bundle}", f"texts={text_bundle}", "--state", tmp_path / "state", "--workers", "2"]
    with process(tmp_path, "serve", *words) as (url, _):
        files = []
        for n, data in enumerate(pictures):
            files.append(tmp_path / f"{n}.png")
            files[-1].write_bytes(data)
        local = tellapart.predict(shape_bundle, [*files, tmp_path / "missing.png"])
        far = tellapart.predict("shapes", [*files, tmp_path / "missing.png"], server=url)
        assert [row.to_json() for row in far] == [row.to_json() for row in local]
        with pytest.raises(ServerError, match="several"):
            tellapart.Client(url)
        with pytest.raises(ServerError, match="there are"):
            tellapart.Client(url, "nix")

        stop, wrong, failed, answered = threading.Event(), [], [], [0]

        def ask(seed):
            dice = random.Random(seed)
            with tellapart.Client(url, "shapes", retries=0) as mine:
                while not stop.is_set():
                    place = dice.randrange(len(pictures))
                    try:
                        row = mine.predict(pictures[place])[0].to_json()
                    except ServerError as error:
                        failed.append(error)
                        continue
                    answered[0] += 1
                    if {**row, "file": ""} != {**expected[place], "file": ""}:
                        wrong.append(row)

        askers = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
        for each in askers:
            each.start()
        for bundle in (other, None, other):
            tellapart.switch(tmp_path / "state", "shapes", bundle)
        with pytest.raises(BundleError):
            tellapart.switch(tmp_path / "state", "shapes", tmp_path)
        assert not failed  # not one of those that were asked during the switches
        workers = sorted((tmp_path / "state" / "workers").iterdir())
        assert len(workers) == 2
        os.kill(int(workers[0].stem), signal.SIGKILL)
        end = time.monotonic() + 30
        while len({file.stem for file in (tmp_path / "state" / "workers").iterdir()} - {workers[0].stem}) < 2:
            assert time.monotonic() < end
            time.sleep(0.1)
        stop.set()
        for each in askers:
            each.join()
        assert not wrong
        assert len(failed) < 50  # the killed worker's own, while it was down
        assert answered[0] > 20
        with tellapart.Client(url, "shapes") as client:
            client.correct(pictures[0], "ring")
        figures = httpx.get(f"{url}/metrics", trust_env=False).text
        assert 'tellapart_images_total{model="shapes"' in figures
        assert 'tellapart_switches_total{model="shapes"} ' in figures
    assert len(open_catalog(tmp_path / "state" / "corrections" / "shapes")) == 1


def test_a_bento_holds_the_models_and_the_service(tmp_path, shape_bundle):
    line = [sys.executable, "-m", "tellapart", "serve", f"shapes={shape_bundle}", "--bento"]
    subprocess.run([*line, str(tmp_path / "shapes.bento")], check=True, capture_output=True)
    with tarfile.open(tmp_path / "shapes.bento") as packed:
        names = packed.getnames()
    assert any(name.endswith("src/service.py") for name in names)
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "-xf", str(tmp_path / "shapes.bento"), "-C", str(tmp_path / "unpacked")], check=True)
    models = next((tmp_path / "unpacked").rglob("models/shapes"))
    assert tellapart.Bundle.open(models).labels == tellapart.Bundle.open(shape_bundle).labels
    with pytest.raises(ConfigError, match="bento"):
        tellapart.serve([str(shape_bundle)], bento=tmp_path / "shapes.zip")
