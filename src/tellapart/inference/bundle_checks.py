"""What a bundle of anybody must hold to before it answers: its manifest's values, its files, and its graph.

The types of the manifest are checked where it is parsed; here it is ranges, and that all parts speak of the same model.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tellapart.core.errors import BundleError
from tellapart.core.regular_files import kind_of, open_regular
from tellapart.core.tasks import MODELS
from tellapart.core.terminal import excerpt, quoted
from tellapart.inference.manifest import BundleManifest, Calibration, DecisionThreshold, TagThresholds
from tellapart.inference.onnx_graph import FLOAT, UINT8, OnnxGraph, Port
from tellapart.inference.preprocess import PIXELS_A_STEP, Preprocess

MAX_MANIFEST_BYTES = 1 << 24
MAX_DEPTH = 32  # of values within values of the manifest
MAX_FILES = 100
MAX_FILE_BYTES = (1 << 31) - 1  # what Protocol Buffers hold at most
MAX_SIDE = 1 << 16  # px
MAX_CANVAS = 1 << 26  # values of one picture
PROBABILITIES, FEATURES = "probabilities", "features"  # the graph's outputs

_FOREIGN = {  # task → what a bundle of it does not have
    "classify": ("charset", "length"),
    "read": ("labels", "groups"),
    "tag": ("charset", "length", "groups"),
}

# The options of its training that other commands read, in the manifest as it stands: what each may be.
_TRAINING: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "seed": ("a whole number", lambda value: type(value) is int),
    "ensemble": ("a whole number", lambda value: type(value) is int),
    "cv_folds": ("a whole number", lambda value: type(value) is int),
    "limit": ("a whole number or null", lambda value: value is None or type(value) is int),
    "backbone": ("a text", lambda value: isinstance(value, str)),
    **{
        name: ("a text or null", lambda value: value is None or isinstance(value, str))
        for name in ("init_from", "label_from", "file_column", "label_column", "group_by")
    },
}


# --- the manifest ------------------------------------------------------------------------------------


def check_depth(document: object) -> None:
    """Check that values within values of a JSON document are nested `MAX_DEPTH` deep at most.

    Raises:
        BundleError: they are nested deeper.
    """
    level, depth = [document], 0
    while level := [inner for each in level if isinstance(each, dict | list) for inner in _inner(each)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise BundleError(f"values nested more than {MAX_DEPTH} deep")


def _inner(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def check_manifest(manifest: BundleManifest) -> None:
    """Check each value's range, and that the values fit each other.

    Raises:
        BundleError: one does not; the message begins with the keys that lead to it.
    """
    _check_preprocess(manifest.preprocess)
    _check_answers(manifest)
    if manifest.calibration is not None:
        _check_calibration(manifest.calibration, manifest.labels or [], manifest.task)
    _check_data(manifest)
    _check_training(manifest.training)
    if parity := manifest.parity:
        for name in ("images", "compared", "different_answers", "largest_difference"):
            _check_range(f"parity.{name}", getattr(parity, name), 0, math.inf)
    if precision := manifest.precision:
        _check_range("precision.n", precision.n, 1, math.inf)
        _check_range("precision.before", precision.before, 0, 1)
        _check_range("precision.after", precision.after, 0, 1)
        _check_range("precision.calibrated_on", precision.calibrated_on, 0, math.inf)
    for name, figure in manifest.metrics.figures.items() if manifest.metrics else ():
        path = f"metrics.{excerpt(name)}"
        _check_range(f"{path}.n", figure["n"], 0, math.inf)
        if len(figure["ci95"]) != 2:
            _refuse(f"{path}.ci95", figure["ci95"], "a list of two numbers")
        for value in (figure["value"], *figure["ci95"]):
            _check_range(path, value, -math.inf, math.inf)


def _check_answers(manifest: BundleManifest) -> None:
    """What the model answers: the classes of a classifier, or the characters and the length of a reader."""
    reads = manifest.task == "read"
    for name in _FOREIGN[manifest.task]:
        if getattr(manifest, name) is not None:
            raise BundleError(f"{name}: not of a {MODELS[manifest.task]}")
    if manifest.length is not None:
        _check_range("length", manifest.length, 1, _most_steps(manifest.preprocess))
    if reads:
        return
    labels = manifest.labels or []
    if not labels or "" in labels or len(set(labels)) < len(labels):
        raise BundleError("labels: not a list of classes, each named once and not empty")
    if manifest.groups is not None and set(manifest.groups) != set(labels):
        raise BundleError("groups: not a group for each of the labels")


def _check_preprocess(spec: Preprocess) -> None:
    for name in ("height", "width", "step", "max_width"):
        if (side := getattr(spec, name)) is not None:
            _check_range(f"preprocess.{name}", side, 1, MAX_SIDE)
    canvas = spec.height * (spec.width or spec.max_width + spec.step) * spec.channels
    if canvas > MAX_CANVAS:
        raise BundleError(f"preprocess: pictures of {canvas:,} values, more than {MAX_CANVAS:,}")
    for name, values in (("mean", spec.mean), ("std", spec.std)):
        if len(values) not in (1, spec.channels):
            _refuse(f"preprocess.{name}", list(values), "one number, or one a channel,")
        for value in values:
            _check_range(f"preprocess.{name}", value, 0 if name == "mean" else math.ulp(0.0), math.inf)


def _most_steps(spec: Preprocess) -> int:
    """The steps that the widest picture of a reader has."""
    return max(1, (spec.width or spec.max_width + spec.step) // PIXELS_A_STEP)


def _check_calibration(calibration: Calibration, labels: list[str], task: str) -> None:
    _check_range("calibration.temperature", calibration.temperature, math.ulp(0.0), math.inf)
    _check_range("calibration.n", calibration.n, 0, math.inf)
    _check_range("calibration.ece.before", calibration.ece["before"], 0, 1)
    _check_range("calibration.ece.after", calibration.ece["after"], 0, 1)
    foreign = "threshold" if task == "tag" else "thresholds"
    if unfit := getattr(calibration, foreign):
        raise BundleError(f"calibration.{foreign}: {unfit.aim}, of another task")
    if calibration.threshold is not None:
        _check_threshold(calibration.threshold, labels)
    if task == "tag":
        _check_thresholds(calibration.thresholds, labels)
    if calibration.abstain is not None:
        _check_range("calibration.abstain.below", calibration.abstain.below, 0, math.inf)
        _check_range("calibration.abstain.aim", calibration.abstain.aim, 0, 1)


def _check_threshold(threshold: DecisionThreshold, labels: list[str]) -> None:
    if len(labels) != 2:
        raise BundleError(f"calibration.threshold: there are {len(labels)} labels, and a threshold parts two")
    if threshold.positive not in labels:
        _refuse("calibration.threshold.positive", threshold.positive, "one of the labels")
    _check_range("calibration.threshold.at", threshold.at, 0, math.inf)


def _check_thresholds(thresholds: TagThresholds | None, tags: list[str]) -> None:
    if thresholds is None or set(thresholds.at) != set(tags):
        raise BundleError("calibration.thresholds: not one for each of the labels")
    for name, at in thresholds.at.items():
        _check_range(f"calibration.thresholds.at.{excerpt(name)}", at, 0, math.inf)


def _check_data(manifest: BundleManifest) -> None:
    data = manifest.data
    _check_range("data.n", data.n, 0, math.inf)
    if data.split is None:
        return
    _check_range("data.split.seed", data.split["seed"], 0, 2**32 - 1)
    fractions = data.split["fractions"]
    if len(fractions) != 3:
        _refuse("data.split.fractions", fractions, "a list of three shares")
    for share in fractions:
        _check_range("data.split.fractions", share, 0, 1)
    if abs(sum(fractions) - 1) > 1e-6:
        _refuse("data.split.fractions", fractions, "a list of shares that are 1 together")


def _check_training(training: Mapping[str, Any]) -> None:
    for name in ("seed", "backbone") if training else ():
        if name not in training:
            raise BundleError(f"training.{name}: missing")
    for name, (description, fits) in _TRAINING.items():
        if name in training and not fits(training[name]):
            _refuse(f"training.{name}", training[name], description)


def _check_range(path: str, value: float, low: float, high: float) -> None:
    """A number that is finite, and neither below ``low`` nor above ``high``."""
    if low <= value <= high and (isinstance(value, int) or math.isfinite(value)):
        return
    if math.isinf(high):
        belongs = "a finite number" if math.isinf(low) else f"a number {'above 0' if 0 < low < 1 else 'of 0 or more'}"
    else:
        belongs = f"a number from {low:,} to {high:,}"
    _refuse(path, value, belongs)


def _refuse(path: str, value: object, description: str) -> None:
    raise BundleError(f"{path}: {excerpt(repr(value), 60)}, where {description} belongs")


# --- the files ---------------------------------------------------------------------------------------


def is_plain_name(name: str) -> bool:
    r"""Whether a name leads to nothing but a file of the folder that it is looked for in.

    >>> is_plain_name("model.onnx"), is_plain_name("../model.onnx"), is_plain_name("C:model.onnx")
    (True, False, False)
    """
    return name not in ("", ".", "..") and not any(sign in "/\\:\0" for sign in name) and len(name.encode()) < 256


def check_names(files: Mapping[str, str]) -> None:
    """Check that the names in a manifest are plain, and that each has the sha256 of its file.

    Raises:
        BundleError: one is not, or there are more than `MAX_FILES`.
    """
    if len(files) > MAX_FILES:
        raise BundleError(f"files: {len(files):,} names, more than {MAX_FILES}")
    for name, digest in files.items():
        if not is_plain_name(name):
            raise BundleError(f"files: {quoted(name)}, where the name of a file in the bundle's own folder belongs")
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            _refuse(f"files.{name}", digest, "a sha256 in hex")


def check_file(file: Path) -> None:
    """Check that a file of a bundle is one, of a bounded size, and in the bundle's own folder.

    Raises:
        BundleError: there is none, it is a folder, a device, a pipe or a socket, it is larger than `MAX_FILE_BYTES`,
            or a link that leads out of the folder.
    """
    try:
        status = file.stat()
    except OSError as error:
        raise BundleError(f"{file}: missing; copy the whole bundle folder or export the run again") from error
    if kind_of(status.st_mode) != "a file":
        raise BundleError(f"{file}: {kind_of(status.st_mode)}, not a file; fetch the bundle again")
    if file.is_symlink() and not file.resolve().is_relative_to(file.parent.resolve()):
        raise BundleError(f"{file}: a link that leads out of the bundle; copy it with what it leads to (cp -rL)")
    if status.st_size > MAX_FILE_BYTES:
        raise BundleError(f"{file}: {status.st_size:,} bytes, more than {MAX_FILE_BYTES:,}")


def file_digest(path: Path) -> str:
    """The sha256 of a regular file, in hex."""
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


# --- the graph ---------------------------------------------------------------------------------------


def check_graph(graph: OnnxGraph, manifest: BundleManifest) -> None:
    """Check that a graph takes and gives what its manifest says.

    Args:
        graph: what the graph's file says.
        manifest: of the same bundle.

    Raises:
        BundleError: another number of inputs, no probabilities, or a type or shape that does not fit.
    """
    spec = manifest.preprocess
    if len(graph.inputs) != 1:
        raise BundleError(f"it takes {len(graph.inputs)} inputs, where one belongs: the pixels")
    _check_port(graph.inputs[0], UINT8, "8-bit pixels", (None, spec.height, spec.width, spec.channels))
    outputs = {port.name: port for port in graph.outputs}
    if PROBABILITIES not in outputs:
        raise BundleError(f"it gives no {PROBABILITIES}")
    _check_port(outputs[PROBABILITIES], FLOAT, "32-bit floats", probabilities_shape(manifest))
    if FEATURES in outputs:  # which bundles of an earlier version lack
        _check_port(outputs[FEATURES], FLOAT, "32-bit floats", (None, None))


def probabilities_shape(manifest: BundleManifest) -> tuple[int | None, ...]:
    """The shape of a batch's probabilities, None for a side that differs from batch to batch."""
    return (None, None, manifest.charset.size) if manifest.charset is not None else (None, len(manifest.labels or []))


def shape_text(shape: tuple[int | None, ...]) -> str:
    """A shape for people.

    >>> shape_text((None, 40, None, 1))
    '? x 40 x ? x 1'
    """
    return " x ".join("?" if side is None else str(side) for side in shape) or "of one value"


def _check_port(port: Port, kind: int, description: str, shape: tuple[int | None, ...]) -> None:
    if port.kind != kind:
        raise BundleError(f"{quoted(port.name)} holds no {description}")
    if port.shape is None:  # unknown: what comes out shows when it runs
        return
    fits = len(port.shape) == len(shape) and all(
        given is None or wanted is None or given == wanted for given, wanted in zip(port.shape, shape, strict=True)
    )
    if not fits or port.shape[0] is not None:
        raise BundleError(
            f"{quoted(port.name)} has the shape {shape_text(port.shape)}, where {shape_text(shape)} belongs"
        )
