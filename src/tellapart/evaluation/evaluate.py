"""How good is it, honestly: every figure of a bundle on a catalog, each with its interval."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from tellapart.core import image_io
from tellapart.core.errors import CatalogError, TextError, join_some
from tellapart.core.files import atomic_file, check_target, write_json
from tellapart.core.progress import track
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog
from tellapart.data.source_options import LABEL_OPTIONS, LabelOptions
from tellapart.data.split import split as split_catalog
from tellapart.evaluation.reading_samples import Sample, draw_samples
from tellapart.evaluation.report import Evaluation, write_report
from tellapart.inference.bundle import Bundle
from tellapart.inference.prediction import Prediction
from tellapart.inference.predictor import Predictor
from tellapart.metrics.calibration import expected_calibration_error
from tellapart.metrics.classification import accuracy, classification_scores
from tellapart.metrics.curves import calibration_by_chance
from tellapart.metrics.error_analysis import misreadings
from tellapart.metrics.lda import softmax
from tellapart.metrics.text import reading_scores
from tellapart.viz.confusion_matrix import draw_confusion_matrix

SHOWN = 24  # samples in a reader's picture


def evaluate(
    model: str | Path | Bundle,
    data: str | Path | Catalog,
    *,
    split: str | None = None,
    out: str | Path | None = None,
    picture: str | Path | None = None,
    report: str | Path | None = None,
    coarse_labels: str | Path | None = None,
    alphabet: str | None = None,
    pattern: str | None = None,
    tta: bool = False,
    **options: Unpack[LabelOptions],
) -> dict[str, Any]:
    """Score a run's or a bundle's answers; every figure is {"value", "ci95", "n"}.

    classify: accuracy, macro_f1, micro_f1, per_class, confusion; with coarse labels also fine_accuracy and
    fine_macro_f1, the unprefixed figures then being those of the groups; ece, the expected calibration error of the
    classes' confidences (Guo et al. 2017), what it was before calibration, and what it would be by chance of so many
    answers whose confidences are exactly right (its mean, and where 95 % of such cases end); where the bundle abstains,
    answered and answered_accuracy. read: exact_match, exact_match_folded (case ignored), cer, ece of whole texts
    likewise, answered and answered_accuracy, by_position, by_length and confused. Both: images_per_second of this
    machine.

    Args:
        split: train, val, test or all. By default test where the data has splits or is the data that the
            model was trained on (its split is then made again from the seed in the bundle), else all.
        out: where to write the report as JSON.
        picture: a PNG to write: of a classifier the confusion, of a reader samples with a colour a character, errors by
            position and the characters most often confused.
        report: an HTML page to write, which asks nothing of any other file: figures in words, what is confused, how
            sure the answers are, how the training went, and pictures of mistakes.
        alphabet, pattern, tta: of a reader, what its texts may be, and whether to look again where it is unsure;
            see `tellapart.inference.constraints.TextConstraint` and `tellapart.inference.tta`.
        options: how to read the data, see `open_catalog`; by default as the model's own data was read.

    Raises:
        CatalogError: no image in that split, or labels the model does not know.
        TextError: texts with characters the model does not know.
    """
    if picture is not None:
        check_target(picture, ".png")
    if report is not None:
        check_target(report, ".html", ".htm")
    bundle = model if isinstance(model, Bundle) else Bundle.open(model)
    training = bundle.manifest.training
    reading: dict[str, Any] = {name: training[name] for name in LABEL_OPTIONS if training.get(name) is not None}
    catalog = open_catalog(data, task=bundle.task, coarse_labels=coarse_labels, progress=True, **{**reading, **options})
    if catalog.task != bundle.task:
        raise CatalogError(f"{data}: labelled to {catalog.task}, but the model was trained to {bundle.task}")
    catalog, part = _chosen(catalog, bundle, split)
    rows = catalog.rows(None if part == "all" else part)
    if not rows:
        raise CatalogError(f"{catalog.source}: no image in the split {part!r}")
    truth = [catalog.column("label")[row] for row in rows]
    _check_known(bundle, truth, str(catalog.source))

    predictor = Predictor(bundle, alphabet=alphabet, pattern=pattern, tta=tta)
    files = catalog.column("file")
    order: list[int] = []

    def named() -> Any:
        for row, data in catalog.read(rows):
            order.append(row)
            yield files[row], data

    began = time.perf_counter()
    predictions = list(track(predictor.stream(named()), "evaluating", len(rows)))
    seconds = time.perf_counter() - began
    by_row = dict(zip(order, predictions, strict=True))
    failed = [by_row[row].file for row in rows if by_row[row].error]
    if failed:
        raise CatalogError(f"{len(failed)} images cannot be read any more: {join_some(failed)}; catalog the data again")
    predicted = [by_row[row].answer for row in rows]

    scores: dict[str, Any]
    scores = dict(reading_scores(truth, predicted)) if bundle.task == "read" else _classes(bundle, truth, predicted)
    scores |= _confidences(bundle, truth, [by_row[row] for row in rows])
    figures = {
        "model": str(bundle.path),
        "data": str(catalog.source),
        "split": part,
        "n": len(rows),
        **scores,
        "images_per_second": round(len(rows) / seconds, 1),
    }
    if bundle.task == "read":
        figures |= misreadings(truth, predicted)
    if out is not None:
        write_json(out, figures)
    if picture is not None:
        _draw(Path(picture), bundle, catalog, [(row, by_row[row]) for row in rows], figures)
    if report is not None:
        answers = [by_row[row] for row in rows]
        found = Evaluation(
            bundle, catalog, rows, answers, figures, _history(bundle.path), _taught(bundle, catalog, part)
        )
        write_report(found, Path(report))
    return figures


def _taught(bundle: Bundle, catalog: Catalog, part: str) -> bool | None:
    """Whether some of these images taught the model; of other data than its own nobody knows."""
    if content(catalog) != bundle.manifest.data.content:
        return None
    return part != "test" or catalog.fingerprint != bundle.manifest.data.fingerprint


def _history(bundle: Path) -> list[dict[str, Any]]:
    """How the training went, where the bundle still lies in its run."""
    file = bundle.parent / "history.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


def _draw(
    path: Path, bundle: Bundle, catalog: Catalog, answers: list[tuple[int, Prediction]], report: dict[str, Any]
) -> None:
    if bundle.task == "classify":
        table = report.get("fine_confusion") or report["confusion"]
        with atomic_file(path) as temporary:
            draw_confusion_matrix(table["labels"], table["counts"]).save(temporary, "PNG")
        return
    truth = catalog.column("label")
    wrong = [answer for answer in answers if answer[1].answer != truth[answer[0]]]
    right = [answer for answer in answers if answer[1].answer == truth[answer[0]]]
    wrong = sorted(wrong, key=lambda answer: -answer[1].confidence)[: SHOWN // 2]  # the surest mistakes tell most
    spread = right[:: max(1, len(right) // (SHOWN - len(wrong)))][: SHOWN - len(wrong)]
    chosen = dict([*wrong, *spread])
    pixels = {row: image_io.decode(data) for row, data in catalog.read(sorted(chosen))}
    samples = [Sample(pixels[row], truth[row], answer.characters) for row, answer in chosen.items()]
    exact, cer = report["exact_match"]["value"], report["cer"]["value"]
    title = f"{report['n']:,} texts, {exact:.1%} read exactly, {cer:.2%} of the characters misread; mistakes first"
    draw_samples(path, title.replace("%", " %"), samples, report)


def _confidences(bundle: Bundle, truth: list[str], predictions: list[Prediction]) -> dict[str, Any]:
    """How much the confidences may be believed, and where the bundle abstains, how it answers when it does not."""
    right = np.array([row.answer == label for row, label in zip(predictions, truth, strict=True)])
    result: dict[str, Any]
    if bundle.task == "read":
        confidence = np.array([row.confidence for row in predictions])
        result = {"ece": expected_calibration_error(confidence, right), "ece_by_chance": _by_chance(confidence)}
    else:
        chances = np.array([list(row.probabilities.values()) for row in predictions])
        top, own = chances.max(axis=1), np.array(bundle.labels)[chances.argmax(axis=1)] == np.array(truth)
        # The graph's logits before calibration, up to a constant, are those after times the temperature.
        cold = softmax(
            np.log(np.maximum(chances, 1e-30)) * (bundle.calibration.temperature if bundle.calibration else 1.0)
        )
        result = {
            "ece": expected_calibration_error(top, own),
            "ece_by_chance": _by_chance(top),
            "ece_uncalibrated": expected_calibration_error(cold.max(axis=1), own),
        }
    sure = np.array([row.accepted is not False for row in predictions])
    if bundle.calibration and bundle.calibration.abstain:
        result["answered"] = accuracy(sure.tolist(), [True] * len(sure))
        if sure.any():
            result["answered_accuracy"] = accuracy(right[sure].tolist(), [True] * int(sure.sum()))
    return result


def _by_chance(confidence: npt.NDArray[np.float64]) -> dict[str, float]:
    mean, high = calibration_by_chance(confidence)
    return {"mean": mean, "high95": high}


def _chosen(catalog: Catalog, bundle: Bundle, split: str | None) -> tuple[Catalog, str]:
    if split not in (None, "train", "val", "test", "all"):
        raise CatalogError(f"split {split!r}: known are train, val, test and all")
    if any(part is not None for part in catalog.column("split")):
        return catalog, split or "test"
    trained = bundle.manifest.data
    same = content(catalog) == trained.content
    if split in (None, "all"):
        if split is None and same and trained.split:
            return split_catalog(catalog, **trained.split), "test"
        return catalog, "all"
    if not trained.split:
        raise CatalogError(
            f"{catalog.source}: has no splits, and the model was trained on splits of its own; give --split all, "
            "or the catalog that the run kept (data.parquet)"
        )
    if not same:
        raise CatalogError(
            f"{catalog.source}: has no splits and is not the data the model was trained on, so its {split} part is "
            "not defined; give --split all"
        )
    return split_catalog(catalog, **trained.split), split


def content(catalog: Catalog) -> str:
    """The data's fingerprint before it was split: the same images and labels, whatever is decided of them."""
    bare = catalog.with_column("split", [None] * len(catalog)).with_column("group", [None] * len(catalog))
    return bare.fingerprint


def _check_known(bundle: Bundle, truth: list[str], source: str) -> None:
    if bundle.task == "read":
        if unknown := bundle.charset.unknown(truth):
            texts = [text for text in truth if set(text) & set(unknown)]
            raise TextError(
                f"{source}: characters the model does not know: {''.join(sorted(unknown))!r} in {len(texts)} texts "
                f"({join_some(texts)}); it knows: {''.join(bundle.charset.characters)}; leave those texts out, or train a "
                "reader on labels that hold them"
            )
        return
    if strange := sorted(set(truth) - set(bundle.labels)):
        raise CatalogError(
            f"{source}: labels the model does not know: {join_some(strange)}; it knows: {join_some(bundle.labels, 8)}"
        )


def _classes(bundle: Bundle, truth: list[str], predicted: list[str]) -> dict[str, Any]:
    fine = _scored(truth, predicted, bundle.labels)
    groups = bundle.groups
    if not groups:
        return fine
    names = sorted(set(groups.values()))
    coarse = _scored([groups[label] for label in truth], [groups[label] for label in predicted], names)
    return {
        **coarse,
        "fine_accuracy": fine["accuracy"],
        "fine_macro_f1": fine["macro_f1"],
        "fine_per_class": fine["per_class"],
        "fine_confusion": fine["confusion"],
    }


def _scored(truth: list[str], predicted: list[str], labels: list[str]) -> dict[str, Any]:
    index = {label: number for number, label in enumerate(labels)}
    return dict(
        classification_scores(
            np.array([index[label] for label in truth]),
            np.array([index[label] for label in predicted]),
            labels,
        )
    )
