"""Small pictures pass large ones, clients take turns by pixels, and pixels in flight are bounded."""

from __future__ import annotations

import threading

import pytest

from tellapart.serving.batching import QueueFullError
from tellapart.serving.decoding import DecodeQueue

LARGE = 24_000_000


class _Held:
    """Work that lasts until it is let go."""

    def __init__(self):
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self):
        self.begun.set()
        assert self.go.wait(20)


def test_small_pictures_pass_large_ones():
    queue, held, small = DecodeQueue(), _Held(), threading.Event()
    queue.submit_large("greedy", LARGE, held)
    assert held.begun.wait(20)
    for _ in range(20):
        queue.submit_large("greedy", LARGE, lambda: None)
    queue.submit("greedy", small.set)  # of the same client even
    assert small.wait(20)
    held.go.set()
    queue.close()


def test_clients_take_turns_by_pixels():
    queue, held, order = DecodeQueue(), _Held(), []
    queue.submit_large("first", 3_000_000, held)
    assert held.begun.wait(20)
    for number in range(4):
        queue.submit_large("greedy", LARGE, lambda number=number: order.append(f"greedy {number}"))
    for number in range(2):
        queue.submit_large("modest", LARGE, lambda number=number: order.append(f"modest {number}"))
    queue.submit_large("little", 3_000_000, lambda: order.append("little"))
    held.go.set()
    queue.close()
    assert order == ["little", "greedy 0", "modest 0", "greedy 1", "modest 1", "greedy 2", "greedy 3"]


def test_who_has_waited_is_not_passed_for_ever():
    """A client that comes later begins where the turns are, not at their beginning."""
    queue, held, order = DecodeQueue(), _Held(), []
    for _ in range(3):
        queue.submit_large("old", LARGE, lambda: None)
    queue.submit_large("old", LARGE, held)
    assert held.begun.wait(20)
    queue.submit_large("old", LARGE, lambda: order.append("old"))
    for number in range(3):
        queue.submit_large("new", LARGE, lambda number=number: order.append(f"new {number}"))
    held.go.set()
    queue.close()
    assert order.index("old") <= 1


def test_large_pixels_in_flight_are_bounded():
    queue, held = DecodeQueue(waiting=2 * LARGE), _Held()
    queue.submit_large("a", LARGE, held)
    queue.submit_large("b", LARGE, lambda: None)
    with pytest.raises(QueueFullError) as refused:
        queue.submit_large("c", LARGE, lambda: None)
    assert refused.value.seconds >= 1
    done = threading.Event()
    queue.submit("c", done.set)  # a small one has room always
    assert done.wait(20)
    held.go.set()
    queue.close()
    fresh = DecodeQueue(waiting=LARGE)
    fresh.submit_large("a", LARGE, done.clear)
    fresh.close()
    assert not done.is_set()


def test_clients_are_forgotten_once_they_are_through():
    queue = DecodeQueue()
    for number in range(3000):
        queue.submit(number, lambda: None)
    queue.close()
    assert not queue._small._due
