"""The manifest of a bundle, the file ``bundle.json``, as typed values.

Every value is checked when it is read: a missing key, an unknown key or a value of the wrong type is refused in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from types import NoneType, UnionType
from typing import Any, Literal, TypedDict, Union, get_args, get_origin, get_type_hints, is_typeddict

from tellapart.core.errors import BundleError, TextError
from tellapart.core.image_conversion import EARLIER
from tellapart.core.tasks import TaskName
from tellapart.core.terminal import excerpt, printable
from tellapart.inference.charset import Charset
from tellapart.inference.picture_view import View
from tellapart.inference.preprocess import Preprocess
from tellapart.metrics.classification import ClassScores
from tellapart.metrics.intervals import Figure

FORMAT = 2  # 1 named the options of its training otherwise
MANIFEST = "bundle.json"
LOSS = 0.01  # of the share of right answers, that a lower precision may cost


class CalibrationErrors(TypedDict):
    """The expected calibration error on the validation images, before and after the temperature."""

    before: float
    after: float


class SplitRecipe(TypedDict):
    """How the training data was split: ``seed`` and the shares of train, val and test."""

    seed: int
    fractions: list[float]


@dataclass(frozen=True)
class DecisionThreshold:
    """The probability of the class ``positive`` from which on it is the answer.

    Args:
        positive: the class.
        at: the probability.
        aim: what the threshold was chosen for: ``f1``, ``precision:P`` or ``recall:R``.
    """

    positive: str
    at: float
    aim: str


@dataclass(frozen=True)
class TagThresholds:
    """The probability from which on each tag is answered.

    Args:
        at: tag → probability.
        aim: what each was chosen for: ``f1``, ``precision:P`` or ``recall:R``.
    """

    at: Mapping[str, float]
    aim: str


@dataclass(frozen=True)
class AbstainLevel:
    """The confidence below which an answer is not accepted.

    Args:
        below: the confidence; above 1 where no answer is accepted.
        aim: the share of right answers that it was chosen for.
    """

    below: float
    aim: float


@dataclass(frozen=True)
class Calibration:
    """What was chosen on the validation images.

    Args:
        temperature: what the logits are divided by; it is in the graph already.
        n: the number of validation images.
        ece: the expected calibration error.
        threshold: of two classes; None where there is none.
        abstain: None where the bundle never abstains.
        thresholds: of each tag; None of other tasks.
    """

    temperature: float
    n: int
    ece: CalibrationErrors
    threshold: DecisionThreshold | None = None
    abstain: AbstainLevel | None = None
    thresholds: TagThresholds | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; what is None is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, value: object) -> Calibration:
        """From what `to_json` gave.

        Raises:
            BundleError: a key is missing or unknown, or a value has the wrong type.
        """
        result: Calibration = _parse(cls, value, "calibration")
        return result


@dataclass(frozen=True)
class TrainingData:
    """The data that a bundle was trained on.

    Args:
        fingerprint: the catalog's fingerprint.
        content: the digest of its images and labels.
        n: the number of images.
        split: None where the data brought its own split along.
        read_by: the reader that labelled the images; None where a person did.
    """

    fingerprint: str
    content: str
    n: int
    split: SplitRecipe | None
    read_by: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; ``split`` is always there, ``read_by`` only where it is not None."""
        return {name: value for name, value in asdict(self).items() if name == "split" or value is not None}


@dataclass(frozen=True)
class Parity:
    """The comparison of the exported graph with the trained network.

    Args:
        images: the number of images.
        compared: the number of comparisons; an image is compared in several batches.
        different_answers: the number of comparisons with different answers.
        largest_difference: of a probability.
    """

    images: int
    compared: int
    different_answers: int
    largest_difference: float


@dataclass(frozen=True)
class Precision:
    """A graph that was turned into a lower precision, and what that cost on the validation images.

    Args:
        kind: of its numbers.
        n: the number of validation images.
        before: the share of them that was answered right in float32.
        after: the share that is answered right now.
        calibrated_on: how many training images told the ranges of an int8 graph.
    """

    kind: Literal["int8", "float16"]
    n: int
    before: float
    after: float
    calibrated_on: int


@dataclass(frozen=True)
class Metrics:
    """The headline figures of an evaluation.

    Args:
        split: the part that was evaluated.
        figures: the figures by name.
        groups: precision, recall, F1 and images of each coarse label; empty where there are none.
    """

    split: str
    figures: Mapping[str, Figure]
    groups: Mapping[str, ClassScores] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values: ``split``, then a figure a key, and ``groups`` where there are any."""
        return {"split": self.split, **self.figures, **({"groups": dict(self.groups)} if self.groups else {})}


@dataclass(frozen=True, kw_only=True)
class BundleManifest:
    """What ``bundle.json`` says, without the digest of itself.

    Args:
        task: ``classify``, ``read`` or ``tag``.
        charset: the characters of a reader.
        labels: the classes of a classifier, or the tags of a tagger, in the order of the graph's output.
        length: the number of characters that a reader expects; None where its training texts differ.
        groups: class → coarse label.
        preprocess: the preprocessing spec.
        calibration: None for an uncalibrated network.
        data: the training data.
        training: the options of the training, see `tellapart.training.config.TrainConfig`.
        versions: package → version.
        parity: None until the graph was compared.
        precision: None where the graph is of float32.
        metrics: None until the bundle was evaluated.
        files: file name → sha256 in hex.

    >>> data = TrainingData("f", "c", 4, None)
    >>> spec = Preprocess(height=40, width=None, channels=1)
    >>> manifest = BundleManifest(
    ...     task="read", charset=Charset(("a", "b")), preprocess=spec, data=data, training={}, versions={}
    ... )
    >>> list(manifest.to_json())
    ['format', 'task', 'charset', 'preprocess', 'data', 'training', 'versions', 'files']
    >>> BundleManifest.from_json(manifest.to_json()) == manifest
    True
    """

    task: TaskName
    charset: Charset | None = None
    labels: list[str] | None = None
    length: int | None = None
    groups: Mapping[str, str] | None = None
    preprocess: Preprocess
    calibration: Calibration | None = None
    data: TrainingData
    training: Mapping[str, Any]
    versions: Mapping[str, str]
    parity: Parity | None = None
    precision: Precision | None = None
    metrics: Metrics | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    def with_metrics(self, metrics: Mapping[str, Any]) -> BundleManifest:
        """The same manifest with an evaluation's headline figures.

        Args:
            metrics: what `tellapart.evaluate` returns; the figures with an interval and those of groups are taken.
        """
        figures: Any = {name: each for name, each in metrics.items() if isinstance(each, Mapping) and "ci95" in each}
        groups: Any = metrics["per_class"] if "fine_per_class" in metrics else {}
        return replace(self, metrics=Metrics(metrics["split"], figures, groups))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, in the order of the file; what is None is left out."""
        values: dict[str, Any] = {"format": FORMAT}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Parity | Precision):
                values[each.name] = asdict(value)
            elif value is not None:
                values[each.name] = value.to_json() if hasattr(value, "to_json") else value
        return values

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> BundleManifest:
        """From what `to_json` gave.

        Raises:
            BundleError: a key is missing or unknown, or a value has the wrong type.
        """
        result: BundleManifest = _parse(cls, {key: value for key, value in document.items() if key != "format"}, "")
        needed = "charset" if result.task == "read" else "labels"
        if getattr(result, needed) is None:
            raise BundleError(f"{needed}: missing")
        return result


_SCALARS: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    str: ("a text", lambda value: isinstance(value, str)),
    int: ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    float: ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
}


def _parse(hint: Any, value: object, path: str) -> Any:
    """A JSON value as the type ``hint``; ``path`` is the keys that lead to it, for the error."""
    origin = get_origin(hint)
    if hint is Any:
        return value
    if hint in _SCALARS:
        description, fits = _SCALARS[hint]
        return value if fits(value) else _refuse(path, value, description)
    if origin is Literal:
        allowed = get_args(hint)
        return value if value in allowed else _refuse(path, value, " or ".join(map(repr, allowed)))
    if origin in (Union, UnionType):
        (inner,) = [each for each in get_args(hint) if each is not NoneType]
        return None if value is None else _parse(inner, value, path)
    if origin in (list, tuple):
        return origin(_parse(get_args(hint)[0], each, f"{path}[{n}]") for n, each in enumerate(_list(value, path)))
    if origin is Mapping:
        return {key: _parse(get_args(hint)[1], each, _join(path, key)) for key, each in _dict(value, path).items()}
    if hint is Charset:
        return _parse_charset(value, path)
    if hint is View:
        return _parse_view(value, path)
    if hint is Metrics:
        figures = dict(_dict(value, path))
        split = figures.pop("split") if "split" in figures else _missing(_join(path, "split"))
        groups = _parse(Mapping[str, ClassScores], figures.pop("groups", {}), _join(path, "groups"))
        return Metrics(_parse(str, split, _join(path, "split")), _parse(Mapping[str, Figure], figures, path), groups)
    record = _dict(value, path)
    if hint is Preprocess:  # one that does not say how pictures are decoded is of an earlier version
        record = {"decoding": EARLIER.to_json(), **record}
    return hint(**_parse_record(hint, record, path))


def _parse_record(hint: Any, value: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The values of a dataclass or of a TypedDict."""
    hints = get_type_hints(hint)
    required = (
        set(hints)
        if is_typeddict(hint)
        else {each.name for each in fields(hint) if each.default is MISSING and each.default_factory is MISSING}
    )
    for name in value:
        if name not in hints:
            raise BundleError(f"{_join(path, name)}: an unknown key")
    for name in hints:
        if name in required and name not in value:
            _missing(_join(path, name))
    return {name: _parse(hints[name], each, _join(path, name)) for name, each in value.items()}


def _parse_view(value: object, path: str) -> View:
    try:
        return View.parse(_parse(str, value, path))
    except ValueError as error:
        raise BundleError(f"{path}: {error}") from error


def _parse_charset(value: object, path: str) -> Charset:
    try:
        return Charset.from_json(value)
    except TextError as error:
        raise BundleError(f"{path}: {error}") from error


def _dict(value: object, path: str) -> dict[str, Any]:
    return value if isinstance(value, dict) else _refuse(path, value, "an object")


def _list(value: object, path: str) -> list[Any]:
    return value if isinstance(value, list) else _refuse(path, value, "a list")


def _join(path: str, key: str) -> str:
    return f"{path}.{excerpt(key)}" if path else excerpt(key)


def _missing(path: str) -> Any:
    raise BundleError(f"{path}: missing")


def _refuse(path: str, value: object, description: str) -> Any:
    shown = repr(value)
    shown = printable(shown if len(shown) <= 60 else shown[:60] + "…")
    raise BundleError(f"{path}: {shown}, where {description} belongs")
