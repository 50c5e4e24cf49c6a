"""The models of one process: loaded, warmed, answering, and replaced while they answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tellapart.core.parallel import cpu_count
from tellapart.inference.bundle import Bundle
from tellapart.inference.known_labels import describe_bundle
from tellapart.inference.predictor import Predictor
from tellapart.serving.batching import Batcher, best_size
from tellapart.serving.json_log import log_event
from tellapart.serving.model_registry import ModelRegistry
from tellapart.serving.settings import Settings

LOOK = 0.25  # seconds between two looks for a switch
_log = logging.getLogger("tellapart.serve")


@dataclass(frozen=True)
class LoadedModel:
    """A bundle that answers under a name."""

    name: str
    path: str
    version: str  # the first letters of the sha256 of its graph
    predictor: Predictor
    batcher: Batcher

    @property
    def bundle(self) -> Bundle:
        """What it says of itself."""
        return self.predictor.bundle


class ModelManager:
    """Name → model, as the state folder wants it. Who holds a `LoadedModel` keeps it until done, whatever is switched.

    Args:
        seen: is told the name and the size of each batch.
        switched: is told the name of each model that was replaced.

    Raises:
        BundleError: a bundle cannot be loaded at the start.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        seen: Callable[[str, int], None] = lambda _name, _size: None,
        switched: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self.state = ModelRegistry(Path(settings.state))
        self._settings = settings
        self._seen, self._switched = seen, switched
        self._threads = max(1, cpu_count() // settings.workers)
        self.trouble: dict[str, str] = {}
        self._stamp = self._look()
        self.models = {name: self._load(name, path) for name, path in self._wanted().items()}
        self._report()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="switches", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching; what was asked is still answered."""
        self._stop.set()
        for model in self.models.values():
            model.batcher.close()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK):
            try:
                stamp = self._look()
                if stamp != self._stamp:
                    self._stamp = stamp
                    self._follow()
            except Exception:  # a watcher that dies would leave the next switch unseen
                _log.exception("the switch could not be followed")

    def _follow(self) -> None:
        for name, path in self._wanted().items():
            old = self.models.get(name)
            if old is None or path == old.path:  # a name that is new needs a start; one that answers already, nothing
                self.trouble.pop(name, None)
                continue
            try:
                new = self._load(name, path)
            except Exception as error:  # of the bundle's, or the runtime's over its graph: the old version answers on
                self.trouble[name] = f"{path}: {error}"
                _log.error("%s: %s", name, error)
                continue
            self.trouble.pop(name, None)
            self.models = self.models | {name: new}  # at once, for whoever asks next
            old.batcher.close()
            self._switched(name)
            log_event("switch", model=name, version=new.version, before=old.version)
        self._report()

    def _load(self, name: str, path: str) -> LoadedModel:
        predictor = Predictor(path, threads=self._threads)
        # The first run of a graph allocates; no caller should wait for that.
        _, pixels = predictor.prepare("warm", np.full((64, 128, 3), 255, np.uint8))
        size = best_size(predictor, pixels) if isinstance(pixels, np.ndarray) else 1
        batcher = Batcher(predictor, most=self._settings.queue, size=size, seen=lambda images: self._seen(name, images))
        return LoadedModel(name, path, predictor.bundle.version[:12], predictor, batcher)

    def _wanted(self) -> dict[str, str]:
        return {name: model["versions"][model["current"]] for name, model in self.state.read().items()}

    def _look(self) -> tuple[int, int]:
        about = self.state.file.stat()
        return about.st_mtime_ns, about.st_ino

    def _report(self) -> None:
        self.state.report({name: model.path for name, model in self.models.items()}, self.trouble)


def describe(model: LoadedModel) -> dict[str, object]:
    """What callers are told of a model: nothing of where it lies."""
    about = {"name": model.name, "task": model.bundle.task, "version": model.version}
    return about | describe_bundle(model.bundle)
