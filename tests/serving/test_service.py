"""A real server of two processes: answers, switches, a killed worker, corrections."""

from __future__ import annotations

import io
import os
import random
import signal
import threading
import time

import httpx
import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import BundleError, ConfigError, ServerError
from tellapart.data.opening import open_catalog


def _png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


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
        with pytest.raises(ConfigError, match=r"its task is read, not classify; callers of shapes .* --force"):
            tellapart.switch(tmp_path / "state", "shapes", text_bundle)
        tellapart.switch(tmp_path / "state", "texts", tellapart.base_reader(), force=True)  # of other characters
        tellapart.switch(tmp_path / "state", "texts")  # the way back asks for no force
        assert not failed  # not one of those that were asked during the switches
        workers = sorted((tmp_path / "state" / "workers").glob("*.json"))
        assert len(workers) == 2
        os.kill(int(workers[0].stem), signal.SIGKILL)
        end = time.monotonic() + 30
        while len({file.stem for file in (tmp_path / "state" / "workers").glob("*.json")} - {workers[0].stem}) < 2:
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
