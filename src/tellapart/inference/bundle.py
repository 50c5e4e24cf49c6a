"""The bundle: a folder that answers the same everywhere. The only thing that predicts; it needs no torch.

    bundle.json   task, labels or charset, groups, preprocessing, metrics, data, versions, sha256 of every file
    model.onnx    uint8 pixels in, probabilities and features out
    README.md     the model card
    reference.parquet  a sample of unseen images in numbers, for `tellapart drift`

A renamed folder still works; a changed byte is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tellapart.core import image_io
from tellapart.core.errors import BundleError, ConfigError, ImageError
from tellapart.core.files import atomic_file
from tellapart.core.image_io import Pixels
from tellapart.core.parallel import cpu_count
from tellapart.inference.base_model import BASE, base_reader
from tellapart.inference.beam_search import TextConstraint, decode
from tellapart.inference.charset import Charset, Reading
from tellapart.inference.model_card import card
from tellapart.inference.preprocess import Preprocess
from tellapart.inference.tta import TTA_SCHEDULE, ensemble_views, resize_width

FORMAT = 2  # 1 named the options of its training otherwise
ABOUT = "bundle.json"
GRAPH = "model.onnx"
PROBABILITIES, FEATURES = "probabilities", "features"  # the graph's outputs
CARD = "README.md"  # where people and model hubs look for it
BATCH = 16  # images a run of the graph: past it, throughput on a CPU no longer grows

ANSWER = {"classify": "label", "read": "text"}  # what the answer of a task is called in tables and JSON

Floats = npt.NDArray[np.float32]
_Item = TypeVar("_Item", bound=str | Path | bytes | Pixels)


@dataclass(frozen=True)
class Prediction:
    """An answer for one image: a ``label`` or a ``text`` with its confidence, or an ``error``."""

    file: str
    task: str
    answer: str = ""
    confidence: float = 0.0
    probabilities: Mapping[str, float] = field(default_factory=dict)
    characters: Sequence[tuple[str, float]] = ()
    group: str | None = None
    error: str | None = None
    accepted: bool | None = None  # None: the bundle never abstains
    alternatives: Sequence[
        tuple[str, float]
    ] = ()  # the next best texts and their confidences, where they were asked for

    def to_json(self) -> dict[str, Any]:
        """The row of ``predict --json``."""
        if self.error is not None:
            return {"file": self.file, "error": self.error}
        if self.task == "read":
            characters = [{"character": c, "confidence": round(p, 6)} for c, p in self.characters]
            alternatives = [{"text": text, "confidence": round(p, 6)} for text, p in self.alternatives]
            return {
                "file": self.file,
                "text": self.answer,
                "confidence": round(self.confidence, 6),
                "characters": characters,
                **({"accepted": self.accepted} if self.accepted is not None else {}),
                **({"alternatives": alternatives} if alternatives else {}),
            }
        row: dict[str, Any] = {
            "file": self.file,
            "label": self.answer,
            "confidence": round(self.confidence, 6),
        }
        if self.group is not None:
            row["group"] = self.group
        if self.accepted is not None:
            row["accepted"] = self.accepted
        return row | {"probabilities": {name: round(p, 6) for name, p in self.probabilities.items()}}

    @classmethod
    def from_json(cls, row: Mapping[str, Any], task: str) -> Prediction:
        """From a row of `to_json`.

        >>> row = Prediction("a.png", "read", "ab", 0.9, characters=[("a", 0.9), ("b", 1.0)]).to_json()
        >>> Prediction.from_json(row, "read").to_json() == row
        True
        """
        if "error" in row:
            return cls(row["file"], task, error=row["error"])
        return cls(
            row["file"], task, row[ANSWER[task]], row["confidence"],
            row.get("probabilities", {}),
            [(each["character"], each["confidence"]) for each in row.get("characters", [])],
            row.get("group"), accepted=row.get("accepted"),
            alternatives=[(each["text"], each["confidence"]) for each in row.get("alternatives", [])],
        )  # fmt: skip


@dataclass(frozen=True)
class Bundle:
    """What ``bundle.json`` says, and the folder it lies in."""

    path: Path
    about: Mapping[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> Bundle:
        """Open a bundle, or the bundle of a run folder, and check every byte of it; ``base`` is the shipped reader.

        Raises:
            BundleError: no bundle there, another format, a missing file, or a changed byte.
        """
        folder = base_reader() if isinstance(path, str) and path == BASE else Path(path)
        if not (folder / ABOUT).is_file() and (folder / "bundle" / ABOUT).is_file():
            folder = folder / "bundle"
        if not (folder / ABOUT).is_file():
            what = (
                "an unfinished run; run its train command again" if (folder / "config.yaml").is_file() else "no bundle"
            )
            raise BundleError(f"{path}: {what} (a bundle is a folder with {ABOUT} and {GRAPH})")
        try:
            text = (folder / ABOUT).read_text(encoding="utf-8")
            about = json.loads(text)
            digest = about.pop("sha256")
            stored = about["format"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{folder / ABOUT}: not readable as a bundle's description: {error!r}") from error
        if stored != FORMAT:
            raise BundleError(f"{folder}: format {stored}; this version reads {FORMAT}: export it again")
        if text != _described(about) or digest != _digest_of(about):
            raise BundleError(f"{folder / ABOUT}: changed since it was written; export the run again")
        for name, wanted in about["files"].items():
            file = folder / name
            if not file.is_file():
                raise BundleError(f"{file}: missing; copy the whole bundle folder or export the run again")
            if file_digest(file) != wanted:
                raise BundleError(f"{file}: changed since it was written; export the run again")
        return cls(folder, about)

    @classmethod
    def write(cls, folder: Path, about: Mapping[str, Any]) -> Bundle:
        """Write the description of the files that lie in ``folder`` already, and the model card."""
        with atomic_file(folder / CARD) as temporary:
            temporary.write_text(card(about), encoding="utf-8")
        files = {item.name: file_digest(item) for item in sorted(folder.iterdir()) if item.name != ABOUT}
        full = {"format": FORMAT, **about, "files": files}
        with atomic_file(folder / ABOUT) as temporary:
            temporary.write_text(_described(full), encoding="utf-8")
        return cls(folder, full)

    def with_metrics(self, metrics: Mapping[str, Any]) -> Bundle:
        """The same bundle with an evaluation's headline figures written in; the report stays with the run."""
        about = {key: value for key, value in self.about.items() if key not in ("format", "files")}
        headline = {name: value for name, value in metrics.items() if isinstance(value, Mapping) and "ci95" in value}
        return Bundle.write(self.path, about | {"metrics": {"split": metrics["split"], **headline}})

    @property
    def task(self) -> str:
        """``classify`` or ``read``."""
        return str(self.about["task"])

    @property
    def name(self) -> str:
        """The folder's name; of a run's bundle, the run's."""
        folder = self.path.absolute()
        return folder.parent.name if folder.name == "bundle" else folder.name

    @property
    def version(self) -> str:
        """The sha256 of its graph, in hex."""
        return str(self.about["files"][GRAPH])

    @property
    def labels(self) -> list[str]:
        """The classes, in the order of the graph's output."""
        return list(self.about.get("labels", []))

    @property
    def groups(self) -> dict[str, str]:
        """Class → group; empty where there are none."""
        return dict(self.about.get("groups", {}))

    @property
    def calibration(self) -> dict[str, Any]:
        """Temperature (in the graph already), threshold and level to abstain below; chosen on validation images."""
        return dict(self.about.get("calibration", {}))

    @property
    def length(self) -> int | None:
        """How many characters a reader expects unless a pattern is given; None where its training texts differ."""
        length: int | None = self.about.get("length")
        return length

    @cached_property
    def charset(self) -> Charset:
        """The characters a reader knows."""
        return Charset.from_json(self.about["charset"])

    @cached_property
    def preprocess(self) -> Preprocess:
        """The preprocessing spec."""
        return Preprocess.from_json(self.about["preprocess"])


class Predictor:
    """A bundle ready to answer.

    The graph runs on all cores while the next images are decoded beside it.

    Args:
        threads: of the graph; by default one a core.
        alphabet, pattern, nbest: of a reader, what its texts may be and how many a picture; see `tellapart.inference.beam_search.TextConstraint`.
            Without a pattern the bundle's own length holds, `Bundle.length`.
        tta: of a reader, look again, in other widths, at each picture whose first reading is unsure, see
            `tellapart.inference.tta`: more often right on pictures unlike those that it learnt from.

    Raises:
        BundleError: there is no usable bundle.
        ConfigError: a rule that is none, or for a classifier.
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
    ) -> None:
        import onnxruntime as ort

        self.bundle = path if isinstance(path, Bundle) else Bundle.open(path)
        self.rule = TextConstraint(alphabet, pattern, nbest, self.bundle.length if pattern is None else None)
        self.tta = tta
        if self.bundle.task != "read" and (tta or self.rule != TextConstraint()):
            raise ConfigError(
                f"{self.bundle.path}: a classifier; alphabet, pattern, nbest and tta are for a reader's texts"
            )
        if self.bundle.task == "read":
            self.rule.check(self.bundle.charset)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        # Between runs the pool sleeps instead of spinning: decoding needs the cores meanwhile.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        graph = (self.bundle.path / GRAPH).read_bytes()
        self.session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def run(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        """Model pixels, ``uint8`` N, H, W, C → probabilities: N, K for classes, N, T, K for texts."""
        result: Floats = self.session.run([PROBABILITIES], {self.input: pixels})[0]
        return result

    def features(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        """Model pixels → what the answers are made of: N, F.

        Raises:
            BundleError: a bundle of an earlier version.
        """
        if FEATURES not in [output.name for output in self.session.get_outputs()]:
            raise BundleError(f"{self.bundle.path}: it gives no features; export the run again")
        result: Floats = self.session.run([FEATURES], {self.input: pixels})[0]
        return result

    def both(self, pixels: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Probabilities, as `run`, and features, as `features`, of one look."""
        probabilities, features = self.session.run([PROBABILITIES, FEATURES], {self.input: pixels})
        return probabilities, features

    def predict(self, items: str | Path | bytes | Pixels | Iterable[str | Path | bytes | Pixels]) -> list[Prediction]:
        """Answers for images given as paths, encoded bytes or RGB arrays, in their order.

        A bad image is a `Prediction` with an ``error``; the others are answered all the same.
        """
        if isinstance(items, str | Path | bytes | np.ndarray):  # one: starting threads would take longer than it
            return self._answer([self.prepare(*each) for each in with_names([items])])
        return list(self.stream(with_names(items)))

    def stream(self, items: Iterable[tuple[str, str | Path | bytes | Pixels]]) -> Iterator[Prediction]:
        """The same for (name, image) pairs without holding them all: in order, a window at a time."""
        with ThreadPoolExecutor(cpu_count()) as pool:
            source = iter(items)
            ahead: list[list[Future[tuple[str, Pixels | ImageError]]]] = []

            def fill() -> None:
                if window := [pool.submit(self.prepare, *item) for item in islice(source, BATCH * 4)]:
                    ahead.append(window)

            fill()
            while ahead:
                fill()  # the next window decodes while this one is answered
                yield from self._answer([future.result() for future in ahead.pop(0)])

    def prepare(self, name: str, item: str | Path | bytes | Pixels) -> tuple[str, Pixels | ImageError]:
        """An image as the graph takes it, with its name; one that cannot be used as its error."""
        try:
            if isinstance(item, np.ndarray):
                if item.ndim != 3 or item.shape[2] != 3 or item.dtype != np.uint8 or not item.size:
                    shape = f"{item.dtype} {item.shape}"
                    raise ImageError(name, f"an array must be RGB uint8 (height, width, 3), not {shape}")
                return name, self.bundle.preprocess.apply(item)
            data = item if isinstance(item, bytes) else image_io.read_bytes(item)
            return name, self.bundle.preprocess.load(data, name)
        except ImageError as error:
            return name, error

    def _answer(self, loaded: Sequence[tuple[str, Pixels | ImageError]]) -> list[Prediction]:
        answers: list[Prediction | None] = [None] * len(loaded)

        def readable() -> Iterator[tuple[int, Pixels]]:
            for index, (name, pixels) in enumerate(loaded):
                if isinstance(pixels, ImageError):
                    answers[index] = Prediction(name, self.bundle.task, error=pixels.reason)
                else:
                    yield index, pixels

        for indices, batch in batched_by_width(readable()):
            names = [loaded[index][0] for index in indices]
            for index, prediction in zip(indices, self.answer(names, batch), strict=True):
                answers[index] = prediction
        return [answer for answer in answers if answer is not None]

    def answer(self, names: Sequence[str], pixels: npt.NDArray[np.uint8]) -> list[Prediction]:
        """Answers for model pixels of one width, as `prepare` gives them: ``uint8`` N, H, W, C."""
        first = self.run(pixels)
        answers = self.interpret(names, first)
        if self.tta:
            self._look_again(answers, names, pixels, first)
        return answers

    def _look_again(
        self, answers: list[Prediction], names: Sequence[str], pixels: npt.NDArray[np.uint8], first: Floats
    ) -> None:
        """Better answers in place of the unsure ones."""
        views, step = [[view] for view in first], self.bundle.preprocess.step
        for sure, widths in TTA_SCHEDULE:
            unsure = [at for at, each in enumerate(answers) if each.confidence < sure]
            if not unsure:
                return
            for by in widths:
                for at, view in zip(unsure, self.run(resize_width(pixels[unsure], by, step)), strict=True):
                    views[at].append(view)
            readings = [ensemble_views(views[at], self.bundle.charset, self.rule) for at in unsure]
            for at, answer in zip(unsure, self._texts([names[at] for at in unsure], readings), strict=True):
                answers[at] = answer

    def interpret(self, names: Sequence[str], probabilities: Floats) -> list[Prediction]:
        """Probabilities of a batch → answers."""
        bundle = self.bundle
        if bundle.task == "read":
            return self._texts(names, decode(probabilities, bundle.charset, self.rule))
        labels, groups = bundle.labels, bundle.groups
        threshold, abstain = bundle.calibration.get("threshold"), bundle.calibration.get("abstain")
        results = []
        for name, row in zip(names, probabilities, strict=True):
            best = int(row.argmax())
            if threshold is not None:
                positive = labels.index(threshold["positive"])
                best = positive if row[positive] >= threshold["at"] else 1 - positive
            results.append(
                Prediction(
                    name,
                    "classify",
                    labels[best],
                    float(row[best]),
                    probabilities=dict(zip(labels, map(float, row), strict=True)),
                    group=groups.get(labels[best]),
                    accepted=None if abstain is None else bool(row[best] >= abstain["below"]),
                )
            )
        return results

    def _texts(self, names: Sequence[str], readings: Sequence[Sequence[Reading]]) -> list[Prediction]:
        abstain = self.bundle.calibration.get("abstain")
        return [
            Prediction(
                name, "read", first.text, first.confidence, characters=first.characters,
                accepted=None if abstain is None else bool(first.confidence >= abstain["below"]),
                alternatives=[(reading.text, reading.confidence) for reading in rest],
            )
            for name, (first, *rest) in zip(names, readings, strict=True)
        ]  # fmt: skip


def load(path: str | Path, *, threads: int | None = None, **rule: Any) -> Predictor:
    """A predictor from a bundle or a run folder; the same options as `Predictor`.

    Raises:
        BundleError: there is no usable bundle.
        ConfigError: a rule that is none, or for a classifier.
    """
    return Predictor(path, threads=threads, **rule)


def file_digest(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest_of(about: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _described(about: Mapping[str, Any]) -> str:
    return json.dumps({**about, "sha256": _digest_of(about)}, indent=2, ensure_ascii=False) + "\n"


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


def with_names(items: Iterable[_Item]) -> Iterator[tuple[str, _Item]]:
    """Images with what their answers call them: a path its own words, anything else its number.

    >>> [name for name, _ in with_names(["a.png", b"", Path("b/c.png")])]
    ['a.png', 'image 1', 'b/c.png']
    """
    for number, item in enumerate(items):
        yield (str(item) if isinstance(item, str | Path) else f"image {number}"), item
