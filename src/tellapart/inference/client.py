"""The same answers as a bundle gives, from a server that has it."""

from __future__ import annotations

import os
import random
import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from tellapart.core import image_io
from tellapart.core.errors import ConfigError, ImageError, ServerError
from tellapart.inference.image_inputs import Given, Read, as_png, checked_array, named_images
from tellapart.inference.known_labels import UnknownLabelError
from tellapart.inference.prediction import Prediction, Predictions

AT_ONCE = 16  # images a request, and
BYTES = 24 * 2**20  # of them: a server takes 32 MiB a request
_AGAIN = (502, 503, 504)  # what a moment may mend
_LONGEST = 30.0  # seconds between two tries


class Client:
    """Asks a server that `tellapart serve` started.

    A request that meets a busy or restarting server is tried again, later each time; the server's Retry-After counts.

    Args:
        url: of the server.
        model: which of its models; needed where it has several.
        token: what the server wants to see; by default the environment variable ``TELLAPART_TOKEN``.
        timeout: seconds for one try.
        retries: further tries.
        cafile: PEM: whom to believe that the server is who it says; by default the environment variable
            ``SSL_CERT_FILE``, else the usual authorities.

    Raises:
        ConfigError: an address that is none.
        ServerError: nobody answers there, or there is no such model.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:3000",
        model: str | None = None,
        *,
        token: str | None = None,
        timeout: float = 60.0,
        retries: int = 5,
        cafile: str | Path | None = None,
    ) -> None:
        import httpx

        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"server {url!r}: no address such as http://127.0.0.1:3000")
        token = (token if token is not None else os.environ.get("TELLAPART_TOKEN", "")).strip()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # A proxy of the environment is for addresses elsewhere; one's own machine is asked directly.
        near = parts.hostname in ("localhost", "127.0.0.1", "::1")
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout, trust_env=not near, verify=_trusted(cafile)
        )
        self._retries = retries
        self.url = url
        try:
            self.models = self._listed()
            self.model = self._chosen(model)
        except BaseException:
            self.close()
            raise

    def _listed(self) -> dict[str, dict[str, Any]]:
        listed = self._send("GET", "/v1/models").get("models")
        if not listed:
            raise ServerError(f"{self.url}: it has no models; is it a server of tellapart?")
        return {each["name"]: each for each in listed}

    def _chosen(self, model: str | None) -> str:
        if model is None and len(self.models) > 1:
            raise ServerError(f"{self.url}: it has several models, name one: {', '.join(self.models)}")
        if model is not None and model not in self.models:
            raise ServerError(f"{self.url}: no model {model!r}; there are: {', '.join(self.models)}")
        return model or next(iter(self.models))

    @property
    def task(self) -> str:
        """``classify`` or ``read``."""
        return str(self.models[self.model]["task"])

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def predict(self, items: Given | Iterable[Given]) -> Predictions:
        """Answers for images, in their order; a bad one is a row with its error.

        Args:
            items: as `tellapart.Predictor.predict` takes them.

        Raises:
            ServerError: the server cannot be reached, or refuses.
            ConfigError: something else than images is given.
        """
        return Predictions(self.stream(named_images(items)))

    def stream(self, items: Iterable[tuple[str, Read]]) -> Iterator[Prediction]:
        """The same for (name, image) pairs without holding them all."""
        part: list[tuple[str, bytes | ImageError]] = []
        size = 0
        for name, item in items:
            data = _bytes(item)
            more = len(data) if isinstance(data, bytes) else 0
            if part and (len(part) == AT_ONCE or size + more > BYTES):
                yield from self._ask(part)
                part, size = [], 0
            part.append((name, data))
            size += more
        if part:
            yield from self._ask(part)

    def correct(self, image: str | Path | bytes, right: str, *, answer: str = "", new_label: bool = False) -> None:
        """Tell the server what the right answer would have been; it keeps the image for the next training.

        Args:
            image: a file or encoded bytes.
            right: the class or text.
            answer: what the model had answered.
            new_label: keep a class, or characters, that the model does not know.

        Raises:
            ImageError: the file cannot be read.
            ServerError: the server cannot be reached, or refuses.
            UnknownLabelError: the model cannot give this answer, and ``new_label`` is false.
        """
        data = image if isinstance(image, bytes) else image_io.read_bytes(image)
        self._send(
            "POST", f"/v1/models/{self.model}/correct", files=[("image", ("image", data))],
            data={"right": right, "answer": answer, "new_label": str(new_label).lower()}, twice=False,
        )  # fmt: skip

    def _ask(self, loaded: Sequence[tuple[str, bytes | ImageError]]) -> list[Prediction]:
        good = [(str(place), data) for place, (_, data) in enumerate(loaded) if isinstance(data, bytes)]
        rows: dict[int, dict[str, Any]] = {}
        if good:
            files = [("image", each) for each in good]
            result = self._send("POST", f"/v1/models/{self.model}/predict", files=files)
            rows = {int(row["file"]): row for row in result["predictions"]}
        return [
            Prediction(name, self.task, error=data.reason)
            if isinstance(data, ImageError)
            else Prediction.from_json(rows[place] | {"file": name}, self.task)
            for place, (name, data) in enumerate(loaded)
        ]

    def _send(self, method: str, path: str, *, twice: bool = True, **more: Any) -> dict[str, Any]:
        """Ask until there is an answer; what must not be done ``twice`` only while the server has not seen it."""
        import httpx

        tries = 0
        while True:
            tries += 1
            last = tries > self._retries
            try:
                response = self._http.request(method, path, **more)
            except httpx.HTTPError as error:
                if last or not (twice or isinstance(error, httpx.ConnectError)):
                    raise ServerError(
                        f"{self.url}: no answer ({type(error).__name__}: {error}); is it running?"
                    ) from error
                wait = 0.0
            else:
                if response.status_code not in _AGAIN or last:
                    return self._read(response)
                given = response.headers.get("retry-after", "")
                wait = float(given) if given.isdigit() else 0.0
            growing = 0.1 * 2**tries
            time.sleep(min(_LONGEST, max(wait, growing) * random.uniform(1, 1.5)))  # not all callers at once  # noqa: S311  (spreads retries, keeps no secret)

    def _read(self, response: Any) -> dict[str, Any]:
        try:
            told: Any = response.json()
        except ValueError:
            told = {}
        body: dict[str, Any] = told if isinstance(told, dict) else {}
        if "predictions" in body or response.status_code < 400:
            return body
        refused = body.get("error")
        if isinstance(refused, dict):
            if refused.get("code") == "unknown_label":
                raise UnknownLabelError(f"{refused.get('reason')}; new_label=True keeps it all the same")
            raise ServerError(f"{self.url}: {refused.get('reason')}; {refused.get('next')}")
        raise ServerError(f"{self.url}: status {response.status_code}; is it a server of tellapart?")


def _trusted(cafile: str | Path | None) -> Any:
    """What httpx takes: the authorities of a file, or True for the usual ones."""
    cafile = cafile or os.environ.get("SSL_CERT_FILE") or None
    if cafile is None:
        return True
    try:
        return ssl.create_default_context(cafile=cafile)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{cafile}: no certificates in it (PEM): {error}") from error


def _bytes(item: Read) -> bytes | ImageError:
    if isinstance(item, ImageError):
        return item
    try:
        if isinstance(item, np.ndarray):
            item = as_png(Image.fromarray(checked_array(item, "image")))
        data = item if isinstance(item, bytes) else image_io.read_bytes(item)
    except ImageError as error:
        return error
    name = "image" if isinstance(item, bytes) else str(item)
    if len(data) > BYTES:
        return ImageError(name, f"{len(data):,} bytes are too many for a server, which takes {BYTES:,} of an image")
    return data or ImageError(name, "the file is empty")
