"""Who answers the page: a bundle of this machine, or a server."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Protocol

from tellapart import images
from tellapart.bundle import Prediction, Predictor
from tellapart.client import Client
from tellapart.images import Pixels
from tellapart.serve.keep import Shelf


class Answering(Protocol):
    """What the page needs of whoever answers."""

    name: str
    task: str
    explains: bool

    def predict(self, items: list[str | bytes]) -> list[Prediction]:
        """Answers for files or bytes, in their order."""

    def correct(self, file: str, right: str, answer: str) -> None:
        """Keep what the answer should have been."""

    def explain(self, file: str) -> tuple[Pixels, bool]:
        """A picture of what the answer hangs on, and whether it is to be believed."""


class Near:
    """A bundle of this machine.

    Raises:
        BundleError: there is no usable bundle.
    """

    explains = True

    def __init__(self, model: str | Path, corrections: Path) -> None:
        self._predictor = Predictor(model)
        self.task = self._predictor.bundle.task
        folder = self._predictor.bundle.path
        self.name = folder.parent.name if folder.name == "bundle" else folder.name
        self._shelf = Shelf(corrections / self.name, "text" if self.task == "read" else "label")

    def predict(self, items: list[str | bytes]) -> list[Prediction]:
        """Answers for files or bytes, in their order."""
        return self._predictor.predict(items)

    def correct(self, file: str, right: str, answer: str) -> None:
        """Keep the picture with the right answer: the folder is a labelled source."""
        self._shelf.put(images.read_bytes(file), Path(file).name, right, answer=answer, model=self.name)

    def explain(self, file: str) -> tuple[Pixels, bool]:
        """A picture of what the answer hangs on, and whether it is to be believed."""
        from tellapart.explain import explain

        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "where.png"
            found = explain(self._predictor.bundle, file, out=out, masks=400)
            return images.decode(out.read_bytes()), bool(found["convincing"])


class Far:
    """A server.

    Raises:
        ServerError: it cannot be reached, or has no such model.
    """

    explains = False

    def __init__(self, server: str, model: str) -> None:
        self._client = Client(server, model)
        self.name, self.task = model, self._client.task

    def predict(self, items: list[str | bytes]) -> list[Prediction]:
        """Answers for files or bytes, in their order."""
        return self._client.predict(items)

    def correct(self, file: str, right: str, answer: str) -> None:
        """Send the picture with the right answer."""
        self._client.correct(file, right, answer=answer)

    def explain(self, file: str) -> tuple[Pixels, bool]:
        """Only a bundle on this machine can be asked so often."""
        raise NotImplementedError
