"""The predictor: a bundle ready to answer for images."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core import image_io
from tellapart.core.errors import BundleError, ConfigError, ImageError
from tellapart.core.image_io import Pixels
from tellapart.core.option_errors import check_option_names
from tellapart.core.parallel import cpu_count
from tellapart.core.tasks import MODELS
from tellapart.inference.beam_search import decode
from tellapart.inference.bundle import Bundle
from tellapart.inference.bundle_checks import FEATURES, PROBABILITIES
from tellapart.inference.constraints import TextConstraint
from tellapart.inference.ctc import Reading
from tellapart.inference.graph_session import Floats, GraphSession
from tellapart.inference.image_inputs import Given, Read, checked_array, is_one, named_images
from tellapart.inference.picture_view import AS_IS, SCALES, View
from tellapart.inference.postprocess import label_predictions, tag_predictions, text_predictions
from tellapart.inference.prediction import Prediction, Predictions
from tellapart.inference.tta import TTA_VIEWS, UNSURE, ensemble_views

BLANK = 8  # grey levels between the darkest and the lightest pixel of an image, up to which it holds no text
BATCH = 16  # images a run of the graph: past it, throughput on a CPU no longer grows

RULE = ("alphabet", "pattern", "nbest", "tta", "device")  # how a `Predictor` answers, by the names of its options

NOTHING = Reading("", 0.0, [])


class Predictor:
    """A bundle ready to answer.

    The graph runs on all cores while the next images are decoded beside it.

    Args:
        path: the folder of a bundle or of a run, ``base`` or ``small`` for a shipped reader, or an open bundle.
        threads: of the graph; by default one a core.
        alphabet: Readers: the characters that a text may hold, see `tellapart.inference.constraints.TextConstraint`.
        pattern: Readers: a regular expression that the whole text matches. Without a pattern the bundle's own length
            holds, `Bundle.length`.
        nbest: Readers: the number of readings of each image.
        tta: Readers: test-time augmentation, see `tellapart.inference.tta`. Each picture whose first reading is unsure
            is read in other views too; this is more often right on pictures unlike those of the training.
        device: ``cpu``, ``cuda``, or ``auto``: CUDA where this machine's ONNX Runtime has it (extra ``gpu``).

    Raises:
        BundleError: there is no usable bundle.
        ConfigError: a rule that is none, or for a classifier, or no such device.
        TextError: no text of the model's characters fits the rule.
    """

    def __init__(
        self,
        path: str | Path | Bundle,
        *,
        threads: int | None = None,
        alphabet: str | None = None,
        pattern: str | None = None,
        nbest: int = 1,
        tta: bool = False,
        device: str = "auto",
    ) -> None:
        self.bundle = path if isinstance(path, Bundle) else Bundle.open(path)
        self.rule = TextConstraint(alphabet, pattern, nbest, self.bundle.length if pattern is None else None)
        self.tta = tta
        self.view = AS_IS
        self.on_note: Callable[[str, str], None] | None = None  # hears an image's name and what was guessed to read it
        if self.bundle.task != "read" and (tta or self.rule != TextConstraint()):
            raise ConfigError(
                f"{self.bundle.path}: a {MODELS[self.bundle.task]}; alphabet, pattern, nbest and tta are for a "
                "reader's texts"
            )
        if self.bundle.task == "read":
            self.rule.check(self.bundle.charset)
        self.session = GraphSession(self.bundle, threads, device)

    def with_rule(self, rule: TextConstraint) -> Predictor:
        """The same reader with another constraint on its texts; both share the graph.

        Raises:
            TextError: no text of the model's characters fits the rule.
        """
        rule.check(self.bundle.charset)
        other = copy.copy(self)
        other.rule = rule
        return other

    def with_view(self, view: View) -> Predictor:
        """The same predictor for pictures in another view; both share the graph."""
        other = copy.copy(self)
        other.view = view
        return other

    def tta_members(self) -> list[Predictor]:
        """This reader, and as it looks through each of `TTA_VIEWS` that its graph takes."""
        views = [view for view in TTA_VIEWS if self.session.any_height or view.scale == "usual"]
        return [self, *(self.with_view(view) for view in views)]

    def run(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        """Model pixels, ``uint8`` N, H, W, C → probabilities: N, K for classes, N, T, K for texts.

        Raises:
            BundleError: the graph cannot be computed.
        """
        return self.session.run([PROBABILITIES], pixels)[0]

    def features(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        """Model pixels → the features that the answers are made of: N, F.

        Raises:
            BundleError: a bundle of an earlier version.
        """
        self.check_features()
        return self.session.run([FEATURES], pixels)[0]

    def both(self, pixels: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Probabilities, as `run`, and features, as `features`, of one run of the graph."""
        self.check_features()
        probabilities, features = self.session.run([PROBABILITIES, FEATURES], pixels)
        return probabilities, features

    def check_features(self) -> None:
        """Refuse a bundle of an earlier version.

        Raises:
            BundleError: it gives no features.
        """
        if FEATURES not in self.session.outputs:
            raise BundleError(f"{self.bundle.path}: it gives no features; export the run again")

    def predict(self, items: Given | Iterable[Given]) -> Predictions:
        """Answers for images, in their order.

        A bad image is a `Prediction` with an ``error``; the others are answered all the same.

        Args:
            items: a path, a folder, encoded bytes, an open file, an RGB array or a Pillow image, one or several.

        Raises:
            ConfigError: something else is given.
        """
        if is_one(items):  # starting threads would take longer than it
            given = list(named_images(items))
            return Predictions(self._answer(given, [self.prepare(*each) for each in given]))
        return Predictions(self.stream(named_images(items)))

    @property
    def task(self) -> str:
        """``classify``, ``read`` or ``tag``."""
        return self.bundle.task

    @property
    def labels(self) -> list[str]:
        """The classes or tags, in the order of the graph's output; empty for a reader."""
        return self.bundle.labels

    @property
    def characters(self) -> str:
        """The characters that a reader knows, sorted; empty for other models."""
        return self.bundle.characters

    def __repr__(self) -> str:
        known = f"characters={self.characters!r}" if self.task == "read" else f"labels={self.labels}"
        return f"<{type(self).__name__} {self.bundle.location}: task={self.task!r}, {known}>"

    def _repr_html_(self) -> str:
        return self.bundle._repr_html_()

    def probabilities(self, items: Sequence[tuple[str, Read]]) -> list[Floats]:
        """Probabilities of (name, image) pairs, as `run` gives them for each: K for classes, T, K for texts.

        Raises:
            ImageError: an image cannot be used.
        """
        loaded: list[Pixels] = []
        for item in items:
            _, pixels = self.prepare(*item)
            if isinstance(pixels, ImageError):
                raise pixels
            loaded.append(pixels)
        result: dict[int, Floats] = {}
        for indices, batch in batched_by_width(enumerate(loaded)):
            result.update(zip(indices, self.run(batch), strict=True))
        return [result[index] for index in range(len(items))]

    def stream(self, items: Iterable[tuple[str, Read]]) -> Iterator[Prediction]:
        """The same for (name, image) pairs without holding them all: in order, a window at a time."""
        with ThreadPoolExecutor(cpu_count()) as pool:
            source = iter(items)
            ahead: list[tuple[list[tuple[str, Read]], list[Future[tuple[str, Pixels | ImageError]]]]] = []

            def fill() -> None:
                if window := list(islice(source, BATCH * 4)):
                    ahead.append((window, [pool.submit(self.prepare, *item) for item in window]))

            fill()
            while ahead:
                fill()  # the next window decodes while this one is answered
                window, futures = ahead.pop(0)
                yield from self._answer(window, [future.result() for future in futures])

    def prepare(self, name: str, item: Read) -> tuple[str, Pixels | ImageError]:
        """An image as the graph takes it, with its name; one that cannot be used as its error."""
        try:
            if isinstance(item, ImageError):
                raise item
            spec, notes = self.bundle.preprocess.scaled(SCALES[self.view.scale]), list[str]()
            if isinstance(item, np.ndarray):
                return name, spec.apply(self.view.apply(checked_array(item, name)))
            data = item if isinstance(item, bytes) else image_io.read_bytes(item)
            if self.view != AS_IS:
                whole = image_io.decode(data, name, decoding=spec.decoding, notes=notes)
                pixels = spec.apply(self.view.apply(whole))
            else:
                pixels = spec.load(data, name, notes)
            if self.on_note is not None:
                for note in notes:
                    self.on_note(name, note)
            return name, pixels
        except ImageError as error:
            return name, error

    def _answer(
        self, items: Sequence[tuple[str, Read]], loaded: Sequence[tuple[str, Pixels | ImageError]]
    ) -> list[Prediction]:
        """Answers for (name, image) pairs and what `prepare` made of them."""
        answers = {
            index: Prediction(name, self.bundle.task, error=pixels.reason)
            for index, (name, pixels) in enumerate(loaded)
            if isinstance(pixels, ImageError)
        }
        readable = ((index, each) for index, (_, each) in enumerate(loaded) if not isinstance(each, ImageError))
        for indices, batch in batched_by_width(readable):
            answers.update(zip(indices, self.answer([loaded[index][0] for index in indices], batch), strict=True))
        if self.tta:
            self._apply_tta(items, answers)
        return [answers[index] for index in range(len(items))]

    def answer(self, names: Sequence[str], pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Answers at one look for model pixels of one width, as `prepare` gives them: ``uint8`` N, H, W, C.

        A reader's answer to an image of one colour is no text; no text has confidence 0.
        """
        answers = self.interpret(names, self.run(pixels))
        if self.bundle.task == "read":
            blank = blank_rows(pixels)
            nothing = text_predictions([names[row] for row in blank], [[NOTHING]] * len(blank), self.bundle.manifest)
            for row, prediction in zip(blank, nothing, strict=True):
                answers[row] = prediction
        return answers

    def _apply_tta(self, items: Sequence[tuple[str, Read]], answers: dict[int, Prediction]) -> None:
        """Put the answer of several views in place of each unsure one."""
        unsure = [index for index, each in answers.items() if 0 < each.confidence < UNSURE]
        again = [items[index] for index in unsure]
        looks = [each.probabilities(again) for each in self.tta_members()]
        readings = [ensemble_views(views, self.bundle.charset, self.rule) for views in zip(*looks, strict=True)]
        names = [answers[index].file for index in unsure]
        answers.update(zip(unsure, text_predictions(names, readings, self.bundle.manifest), strict=True))

    def interpret(self, names: Sequence[str], probabilities: Floats) -> list[Prediction]:
        """The answers that the probabilities of a batch, as `run` gives them, stand for."""
        if self.bundle.task == "read":
            return text_predictions(names, decode(probabilities, self.bundle.charset, self.rule), self.bundle.manifest)
        answers = tag_predictions if self.bundle.task == "tag" else label_predictions
        return answers(names, probabilities, self.bundle.manifest)


def load(path: str | Path, *, threads: int | None = None, **rule: Any) -> Predictor:
    """A predictor from a bundle or a run folder; the same options as `Predictor`.

    Raises:
        BundleError: there is no usable bundle.
        ConfigError: an unknown option, a rule that is none, or one for a classifier.
    """
    check_option_names(rule, RULE)
    return Predictor(path, threads=threads, **rule)


def blank_rows(pixels: npt.NDArray[np.uint8]) -> list[int]:
    """Which of a batch of model pixels, N, H, W, C, are of one colour."""
    rows: list[int] = np.flatnonzero(np.ptp(pixels, axis=(1, 2)).max(axis=1) <= BLANK).tolist()
    return rows


def batched_by_width(items: Iterable[tuple[Any, Pixels]], size: int = BATCH) -> Iterator[tuple[list[Any], Pixels]]:
    """Keys and model pixels → keys and stacked pixels of one width each, as soon as a batch is full.

    >>> pictures = [(n, np.zeros((8, width, 1), np.uint8)) for n, width in enumerate((8, 16, 8))]
    >>> [(keys, pixels.shape) for keys, pixels in batched_by_width(pictures, 2)]
    [([0, 2], (2, 8, 8, 1)), ([1], (1, 8, 16, 1))]
    """
    waiting: dict[int, list[tuple[Any, Pixels]]] = {}
    for key, pixels in items:
        part = waiting.setdefault(pixels.shape[1], [])
        part.append((key, pixels))
        if len(part) == size:
            yield [key for key, _ in part], np.stack([pixels for _, pixels in part])
            part.clear()
    for part in waiting.values():
        if part:
            yield [key for key, _ in part], np.stack([pixels for _, pixels in part])
