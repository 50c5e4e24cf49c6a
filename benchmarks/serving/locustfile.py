"""Users of a server, for locust; this machine only.

    locust -f benchmarks/serving/locustfile.py --headless -u 16 -r 16 -t 60s --host http://127.0.0.1:3000

They ask the first of the server's models to read drawn CAPTCHAs, one or eight a request, and seldom send what is no
image.
"""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import urlsplit

from locust import HttpUser, between, events, task

from tellapart.synthesis import draw, encode, scheme

_SCHEME = scheme("classic")
_IMAGES = [encode(_SCHEME, pixels) for pixels, _ in draw(_SCHEME, 0, range(100))]


@events.init.add_listener  # type: ignore[untyped-decorator, unused-ignore]
def only_here(environment: Any, **_: Any) -> None:
    """Loopback or nothing."""
    host = urlsplit(environment.host or "http://127.0.0.1:3000").hostname
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise SystemExit(f"{host}: this load is for a server on this machine")


class Caller(HttpUser):  # type: ignore[misc, unused-ignore]
    """Asks, waits a moment, asks again."""

    host = "http://127.0.0.1:3000"
    wait_time = between(0.0, 0.05)

    def on_start(self) -> None:
        """Which model there is."""
        self.path = f"/v1/models/{self.client.get('/v1/models').json()['models'][0]['name']}/predict"

    def _ask(self, images: list[bytes], name: str) -> None:
        files = [("image", (f"{n}.png", data, "image/png")) for n, data in enumerate(images)]
        with self.client.post(self.path, files=files, name=name, catch_response=True) as answer:
            if answer.status_code in (200, 422):
                answer.success()

    @task(10)  # type: ignore[untyped-decorator, unused-ignore]
    def one(self) -> None:
        """One image."""
        self._ask([random.choice(_IMAGES)], "one")

    @task(2)  # type: ignore[untyped-decorator, unused-ignore]
    def eight(self) -> None:
        """Eight images."""
        self._ask(random.sample(_IMAGES, 8), "eight")

    @task(1)  # type: ignore[untyped-decorator, unused-ignore]
    def none(self) -> None:
        """What is no image."""
        self._ask([b"no image"], "none")
