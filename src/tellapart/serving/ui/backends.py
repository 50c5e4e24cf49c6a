"""Who answers the page: a bundle of this machine, or a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from PIL import Image

from tellapart.core import image_io
from tellapart.inference.client import Client
from tellapart.inference.known_labels import check_known, describe_bundle
from tellapart.inference.prediction import ANSWER, Prediction
from tellapart.inference.predictor import Predictor
from tellapart.inference.saliency import saliency_map
from tellapart.serving.feedback_store import FeedbackStore


class Backend(Protocol):
    """What the page needs of whoever answers."""

    name: str
    task: str
    where: str  # pictures go, in words
    known: Mapping[str, Any]  # ``labels`` or ``characters``, and ``metrics``, as a server describes a model

    @property
    def explain(self) -> Callable[[str], tuple[Image.Image, bool]] | None:
        """Makes a picture of what the answer hangs on, and says whether it is to be believed; not everybody can."""

    def predict(self, items: list[str | bytes]) -> list[Prediction]:
        """Answers for files or bytes, in their order."""

    def correct(self, file: str, right: str, answer: str, *, new_label: bool = False) -> None:
        """Keep what the answer should have been; what the model cannot answer only if ``new_label``."""


class LocalBackend:
    """A bundle of this machine.

    Raises:
        BundleError: there is no usable bundle.
    """

    def __init__(self, model: str | Path, corrections: Path) -> None:
        self._predictor = Predictor(model)
        self.task = self._predictor.bundle.task
        self.name = self._predictor.bundle.name
        self.where = "the machine that this page runs on"
        self.known: Mapping[str, Any] = describe_bundle(self._predictor.bundle)
        self._shelf = FeedbackStore(corrections / self.name, ANSWER[self.task])

    def predict(self, items: list[str | bytes]) -> list[Prediction]:
        """Answers for files or bytes, in their order."""
        return self._predictor.predict(items)

    def correct(self, file: str, right: str, answer: str, *, new_label: bool = False) -> None:
        """Keep the picture with the right answer: the folder is a labelled source."""
        if not new_label:
            check_known(self._predictor.bundle, right)
        self._shelf.put(image_io.read_bytes(file), Path(file).name, right, answer=answer, model=self.name)

    def explain(self, file: str) -> tuple[Image.Image, bool]:
        """A picture of what the answer hangs on, and whether it is to be believed."""
        found, picture = saliency_map(self._predictor, file, masks=400)
        return picture, bool(found["convincing"])


class ServerBackend:
    """A server.

    Raises:
        ServerError: it cannot be reached, or has no such model.
    """

    explain = None  # only a bundle on this machine can be asked so often

    def __init__(self, server: str, model: str) -> None:
        self._client = Client(server, model)
        self.name, self.task = model, self._client.task
        self.where = f"the machine of the server, {urlsplit(server).hostname}"
        self.known: Mapping[str, Any] = self._client.models[model]

    def predict(self, items: list[str | bytes]) -> list[Prediction]:
        """Answers for files or bytes, in their order."""
        return self._client.predict(items)

    def correct(self, file: str, right: str, answer: str, *, new_label: bool = False) -> None:
        """Send the picture with the right answer."""
        self._client.correct(file, right, answer=answer, new_label=new_label)
