"""Batches hold one width, are as large as pays, and a full queue says so."""

from __future__ import annotations

import concurrent.futures
import random
import threading

import numpy as np
import pytest

from tellapart.serving import batching
from tellapart.serving.batching import Batcher, ModelReplacedError, QueueFullError, best_size


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
