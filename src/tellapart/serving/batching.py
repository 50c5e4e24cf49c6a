"""Answers in batches of what waits: nobody waits for a batch to fill, and a busy model fills its batches by itself."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from tellapart.core.image_io import Pixels
from tellapart.inference.prediction import Prediction
from tellapart.inference.predictor import BATCH, Predictor

_TRIES = 3  # runs of each size; the quickest counts, as whatever else runs only slows
_DEARER = 1.05  # past this a batch is not worth its size


class QueueFullError(Exception):
    """So many images wait already that this one would wait too long; ``seconds`` until it is worth another try."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"try again in {seconds} s")
        self.seconds = seconds


class ModelReplacedError(Exception):
    """The model was replaced between the question and the answer: ask its successor."""


def best_size(predictor: Predictor, pixels: Pixels) -> int:
    """How many images to answer at a time, up to `BATCH`: as many as cost no more each than fewer would.

    A network whose layers of one image fill the cache runs several of them slower, on one thread, than one by one; one
    of small images does not care. Only the clock knows; the pixels are any that the network takes, H, W, C.
    """
    best, least, size = 1, float("inf"), 1
    while size <= BATCH:
        batch = np.repeat(pixels[None], size, axis=0)
        times = []
        for _ in range(_TRIES):
            start = time.perf_counter()
            predictor.run(batch)
            times.append((time.perf_counter() - start) / size)
        cost = min(times)
        if cost > _DEARER * least:
            break
        best, least, size = size, min(cost, least), 2 * size
    return best


@dataclass
class _Job:
    name: str
    pixels: Pixels
    future: Future[Prediction]


class Batcher:
    """One thread that answers what was asked, oldest first, as many of one width at a time as wait.

    Args:
        most: images that may be inside, from their arrival to their answer.
        size: images of a batch at most.
        seen: is told the size of each batch.

    >>> from tellapart import base_reader, load
    >>> predictor = load(base_reader(), threads=1)
    >>> batcher = Batcher(predictor)
    >>> future = batcher.submit("a", np.full((40, 96, 3), 255, np.uint8))
    >>> future.result().task
    'read'
    >>> batcher.close()
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        most: int = 256,
        size: int = BATCH,
        seen: Callable[[int], None] | None = None,
    ) -> None:
        self.predictor = predictor
        self._most = most
        self._size = size
        self._seen = seen or (lambda _: None)
        self._waiting: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._inside = 0
        self._pace = 0.01  # seconds an image, a running mean
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Images inside."""
        return self._inside

    @contextmanager
    def room(self, images: int) -> Iterator[None]:
        """Room for so many images, asked for before they are decoded; who finds it empty gets it, however many.

        Raises:
            QueueFullError: there is none.
        """
        with self._wake:
            if self._inside and self._inside + images > self._most:
                raise QueueFullError(max(1, round(self._inside * self._pace)))
            self._inside += images
        try:
            yield
        finally:
            with self._wake:
                self._inside -= images

    def submit(self, name: str, pixels: Pixels, future: Future[Prediction] | None = None) -> Future[Prediction]:
        """An image to be answered, in a future that is given or a new one.

        Raises:
            ModelReplacedError: it was closed.
        """
        job = _Job(name, pixels, future or Future())
        with self._wake:
            if self._closed:
                raise ModelReplacedError
            self._waiting.append(job)
            self._wake.notify()
        return job.future

    def close(self) -> None:
        """Answer what waits, then end."""
        with self._wake:
            self._closed = True
            self._wake.notify()

    def _work(self) -> None:
        while batch := self._next():
            start = time.perf_counter()
            try:
                self._seen(len(batch))
                names, pixels = [job.name for job in batch], np.stack([job.pixels for job in batch])
                answered = list(zip(batch, self.predictor.answer(names, pixels), strict=True))
            except Exception as error:  # whoever asked is told; the thread must live on for the others
                for job in batch:
                    job.future.set_exception(error)
                continue
            self._pace = 0.9 * self._pace + 0.1 * (time.perf_counter() - start) / len(batch)
            for job, answer in answered:
                job.future.set_result(answer)

    def _next(self) -> list[_Job]:
        """Waits until there is something to answer; empty at the end."""
        with self._wake:
            batch: list[_Job] = []
            while not batch:
                while not self._waiting:
                    if self._closed:
                        return []
                    self._wake.wait()
                others: deque[_Job] = deque()
                while self._waiting and len(batch) < self._size:
                    job = self._waiting.popleft()
                    if batch and job.pixels.shape != batch[0].pixels.shape:
                        others.append(job)
                    elif job.future.set_running_or_notify_cancel():  # who has gone away need not be answered
                        batch.append(job)
                self._waiting.extendleft(reversed(others))
            return batch
