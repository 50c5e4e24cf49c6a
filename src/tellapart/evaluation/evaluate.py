"""Evaluate a bundle on a catalog: every figure with its confidence interval."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Unpack, cast

import numpy as np
import numpy.typing as npt

from tellapart.core import image_io
from tellapart.core.errors import CatalogError, join_some, pluralize
from tellapart.core.files import atomic_file, check_target, write_json
from tellapart.core.progress import log
from tellapart.core.tasks import check_task
from tellapart.data.catalog import Catalog
from tellapart.data.coarse_labels import read_coarse_labels
from tellapart.data.opening import check_source, log_notes, open_with_defaults
from tellapart.data.source_options import LABEL_OPTIONS, LabelOptions
from tellapart.evaluation.figures import Report, headline_figures
from tellapart.evaluation.label_checks import check_known, folder_name_notes
from tellapart.evaluation.reading_samples import Sample, draw_samples
from tellapart.evaluation.report import Evaluation, write_report
from tellapart.evaluation.robustness import SAMPLE, check_limit, measure_robustness
from tellapart.evaluation.selection import select
from tellapart.evaluation.tag_figures import tag_figures
from tellapart.inference.bundle import Bundle
from tellapart.inference.folder_reading import predict_all
from tellapart.inference.prediction import Prediction
from tellapart.inference.predictor import Predictor
from tellapart.metrics.calibration import expected_calibration_error
from tellapart.metrics.class_report import class_means
from tellapart.metrics.classification import accuracy, classification_scores
from tellapart.metrics.curves import calibration_by_chance
from tellapart.metrics.error_analysis import misreadings
from tellapart.metrics.lda import softmax
from tellapart.metrics.text import reading_scores
from tellapart.viz.confusion_matrix import draw_confusion_matrix

SHOWN = 24  # samples in a reader's picture


Answer = Callable[[Catalog, list[int]], list[Prediction]]  # the answers for some rows, in their order


class EvaluateOptions(LabelOptions, total=False):
    """How a bundle is evaluated, see `evaluate`."""

    split: str | None
    out: str | Path | None
    picture: str | Path | None
    report: str | Path | None
    coarse_labels: str | Path | None
    alphabet: str | None
    pattern: str | None
    tta: bool
    independent: bool
    device: str
    corruptions: bool
    corruption_sample: int


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
    independent: bool = False,
    device: str = "auto",
    corruptions: bool = False,
    corruption_sample: int = SAMPLE,
    answer: Answer | None = None,
    **options: Unpack[LabelOptions],
) -> Report:
    """Score a run's or a bundle's answers; every figure is {"value", "ci95", "n"}.

    The figures are those of images that the model has not met in its training. Images that taught it, that chose its
    weights, or that its training left out are known by their content and scored apart, see
    `tellapart.evaluation.selection`: ``images`` counts them (None where nothing tells them), ``seen`` has the figures
    of each part, and ``notes`` says so.

    Classifiers: accuracy, macro_f1, micro_f1, per_class, averages (precision, recall and F1 as micro, macro and
    weighted means, those of scikit-learn) and confusion. With coarse labels these are figures of the groups, whose
    answers the sums of their classes' probabilities decide, and fine_accuracy, fine_macro_f1, fine_per_class,
    fine_averages and fine_confusion are those of the classes. Also ece_uncalibrated, the calibration error before
    calibration; of two classes threshold: the positive class, from which probability on it is the answer, and the aim
    that chose it.

    Taggers: subset_accuracy (of images whose tags are all right), macro_f1, micro_f1, mean_average_precision, per_label
    and thresholds; see `tellapart.metrics.tagging.tag_scores`.

    Readers: exact_match, exact_match_folded (case ignored), cer, by_position, by_length and confused.

    All: ece, the expected calibration error of the confidences (Guo et al. 2017); ece_by_chance, what it would be of
    so many answers whose confidences are exactly right (its mean, and where 95 % of such cases end);
    images_per_second on this machine. Where the bundle abstains also answered and answered_accuracy.

    With ``corruptions`` also corruptions: how much of its accuracy the model keeps on worse pictures, see
    `tellapart.evaluation.robustness.measure_robustness`.

    Args:
        model: a run's folder, a bundle's folder or an open bundle.
        data: any labelled source, or a catalog.
        split: train, val, test or all; of data without splits the parts are those of the training. By default test
            where the data has splits, else all. A part without an unseen image is scored as it is, which the notes say.
        out: where to write the report as JSON.
        picture: a PNG to write. Classifiers: the confusion matrix. Readers: samples with a colour a character, errors
            by position and the characters most often confused.
        report: a self-contained HTML page to write: figures in words, what is confused, how sure the answers are,
            how the training went, and pictures of mistakes.
        coarse_labels: YAML file, group → list of classes. A classifier without groups answers in these; of one that has
            groups they say the same.
        alphabet: the characters that a reader's texts may have; see `tellapart.inference.constraints.TextConstraint`.
        pattern: a regular expression that a reader's texts match; see the same.
        tta: whether a reader looks again where it is unsure; see `tellapart.inference.tta`.
        device: ``cpu``, ``cuda`` or ``auto``, see `tellapart.Predictor`.
        corruptions: whether a sample is also scored with noise, blur, JPEG, other brightness and contrast, pixelated
            and rotated, at five severities each (Hendrycks & Dietterich 2019).
        corruption_sample: how many of the images that sample has; it is scored 36 times.
        answer: what gives the answers, in the place of the bundle here; the rules of a reader are its own then.
        independent: whether a reader reads each picture alone; see `tellapart.inference.predict.predict`.
        options: how to read the data, see `open_catalog`; by default as the model's own data was read.

    Raises:
        CatalogError: no image in that split, by default none that the model has not met, or labels that it does not
            know.
        TextError: texts with characters the model does not know.
        ConfigError: an output that cannot be written, or a sample of no image.
    """
    check_limit(corruption_sample)
    if out is not None:
        check_target(out, ".json")
    if picture is not None:
        check_target(picture, ".png")
    if report is not None:
        check_target(report, ".html", ".htm")
    bundle = model if isinstance(model, Bundle) else Bundle.open(model)
    if picture is not None:
        check_task(bundle.task, bundle.path, "--picture")
    check_source(data, coarse_labels)
    training = bundle.manifest.training
    labelling = cast("LabelOptions", {name: training[name] for name in LABEL_OPTIONS if training.get(name) is not None})
    catalog = open_with_defaults(
        data, labelling, task=bundle.task, coarse_labels=coarse_labels, progress=True, **options
    )
    if not isinstance(data, Catalog):
        log_notes(catalog)
    if catalog.task != bundle.task:
        raise CatalogError(f"{data}: labelled to {catalog.task}, but the model was trained to {bundle.task}")
    if coarse_labels is not None:
        bundle = with_groups(bundle, coarse_labels)
    selection = select(catalog, bundle, split)
    log(*selection.notes)
    rows = selection.all_rows
    labels = catalog.column("label")
    check_known(bundle, [labels[row] for row in rows], str(catalog.source))

    predictor = cache(partial(Predictor, bundle, alphabet=alphabet, pattern=pattern, tta=tta, device=device))
    if answer is None:
        answer = partial(predict_rows, predictor(), independent)
    answers, seconds = answer_rows(catalog, rows, answer)
    predictions = [answers[row] for row in selection.rows]
    truth = [labels[row] for row in selection.rows]
    figures = Report(
        {
            "model": bundle.location,
            "data": str(catalog.source),
            "split": selection.part,
            "n": len(selection.rows),
            "images": selection.counts,
            **_scores(bundle, truth, predictions),
            "seen": {
                part: headline_figures(_scores(bundle, [labels[row] for row in those], [answers[row] for row in those]))
                for part, those in selection.seen.items()
                if those != selection.rows
            },
            "notes": list(selection.notes),
            "images_per_second": round(len(rows) / seconds, 1),
        }
    )
    if bundle.task == "read":
        figures |= misreadings(truth, [prediction.answer for prediction in predictions])
        log(*(folders := folder_name_notes(catalog, selection.rows, figures)))
        figures["notes"] += folders
    if corruptions:
        figures["corruptions"] = measure_robustness(predictor(), catalog, selection.rows, corruption_sample)
    if out is not None:
        write_json(out, figures)
    if picture is not None:
        _draw(Path(picture), bundle, catalog, list(zip(selection.rows, predictions, strict=True)), figures)
    if report is not None:
        evaluation = Evaluation(
            bundle, catalog, selection.rows, predictions, figures, _history(bundle.path), selection.unseen
        )
        write_report(evaluation, Path(report))
    return figures


def with_groups(bundle: Bundle, coarse_labels: str | Path) -> Bundle:
    """A classifier that answers in groups: its own, or where it has none, those of a file.

    Args:
        bundle: the model; a reader has no groups, and stays as it is.
        coarse_labels: YAML file, group → list of classes.

    Raises:
        CatalogError: the file cannot be used, a class of the model is in no group of it, or in another than its own.
    """
    if bundle.task == "read":
        return bundle
    groups = read_coarse_labels(coarse_labels)
    if none := [label for label in bundle.labels if label not in groups]:
        raise CatalogError(f"{coarse_labels}: in no group: {join_some(none)}; each class of the model belongs to one")
    given = {label: groups[label] for label in bundle.labels}
    other = [f"{label} ({group}, of the model {bundle.groups[label]})" for label, group in given.items()
             if bundle.groups.get(label, group) != group]  # fmt: skip
    if other:
        raise CatalogError(f"{coarse_labels}: other groups than the model's: {join_some(other)}; leave it out")
    return Bundle(bundle.path, replace(bundle.manifest, groups=given))


def answer_rows(catalog: Catalog, rows: list[int], answer: Answer) -> tuple[dict[int, Prediction], float]:
    """Return row → prediction, and the seconds that all took.

    Args:
        catalog: holds the images.
        rows: which of them.
        answer: answers for them, such as a `partial` of `predict_rows`.

    Raises:
        CatalogError: an image can no longer be read.
    """
    shards, numbers = catalog.column("shard"), catalog.column("row")
    order = sorted(rows, key=lambda row: (shards[row] or "", numbers[row] or 0))  # as `Catalog.read` gives them
    start = time.perf_counter()
    by_row = dict(zip(order, answer(catalog, order), strict=True))
    seconds = time.perf_counter() - start
    failed = [by_row[row].file for row in rows if by_row[row].error]
    if failed:
        count = pluralize(len(failed), "image")
        raise CatalogError(f"{count} cannot be read any more: {join_some(failed)}; catalog the data again")
    return by_row, seconds


def predict_rows(predictor: Predictor, independent: bool, catalog: Catalog, order: list[int]) -> list[Prediction]:
    """Return a predictor's answers for rows, in their order; ``independent``: a reader reads each picture alone."""
    files = catalog.column("file")

    def items(indices: Sequence[int]) -> Iterator[tuple[str, bytes]]:
        return ((files[row], data) for row, data in catalog.read(order[index] for index in indices))

    return predict_all(predictor, items, len(order), task="evaluating", independent=independent)


def _scores(bundle: Bundle, truth: list[str], predictions: list[Prediction]) -> dict[str, Any]:
    """Return the figures of the answers and of their confidences."""
    answers = [prediction.answer for prediction in predictions]
    scores: dict[str, Any]
    if bundle.task == "read":
        scores = dict(reading_scores(truth, answers))
    else:
        scores = (tag_figures if bundle.task == "tag" else _class_scores)(bundle, truth, predictions)
    return scores | _confidence_scores(bundle, truth, predictions)


def _history(bundle: Path) -> list[dict[str, Any]]:
    """Return the epochs of the training, where the bundle still lies in its run."""
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
    selection = dict([*wrong, *spread])
    pixels = {row: image_io.decode(data) for row, data in catalog.read(sorted(selection))}
    samples = [Sample(pixels[row], truth[row], answer.characters) for row, answer in selection.items()]
    exact, cer = report["exact_match"]["value"], report["cer"]["value"]
    title = f"{report['n']:,} texts, {exact:.1%} read exactly, {cer:.2%} of the characters misread; mistakes first"
    draw_samples(path, title.replace("%", " %"), samples, report)


def _confidence_scores(bundle: Bundle, truth: list[str], predictions: list[Prediction]) -> dict[str, Any]:
    """Return calibration errors, and where the bundle abstains, figures of what it does answer.

    The confidence is that of the answer, as `predict` gives it: with a threshold, not always of the likeliest class.
    """
    right = np.array([row.answer == label for row, label in zip(predictions, truth, strict=True)])
    confidence = np.array([row.confidence for row in predictions])
    mean, high = calibration_by_chance(confidence)
    result: dict[str, Any] = {
        "ece": expected_calibration_error(confidence, right),
        "ece_by_chance": {"mean": mean, "high95": high},
    }
    if bundle.task == "classify":
        if len(bundle.labels) == 2:
            result["threshold"] = _threshold(bundle)
        result["ece_uncalibrated"] = expected_calibration_error(_uncalibrated(bundle, predictions), right)
    sure = np.array([row.accepted is not False for row in predictions])
    if bundle.calibration and bundle.calibration.abstain:
        result["answered"] = accuracy(sure.tolist(), [True] * len(sure))
        if sure.any():
            result["answered_accuracy"] = accuracy(right[sure].tolist(), [True] * int(sure.sum()))
    return result


def _threshold(bundle: Bundle) -> dict[str, Any]:
    """Return the positive class of two, and from which probability on it is the answer; without an aim it is even."""
    threshold = bundle.calibration.threshold if bundle.calibration else None
    if threshold is not None:
        return {"positive": threshold.positive, "at": threshold.at, "aim": threshold.aim}
    positive = bundle.manifest.training.get("positive_class") or bundle.labels[1]  # earlier bundles do not say
    return {"positive": positive, "at": 0.5, "aim": None}


def _uncalibrated(bundle: Bundle, predictions: list[Prediction]) -> npt.NDArray[np.float64]:
    """Return the confidence of each answer before calibration, N."""
    chances = np.array([list(row.probabilities.values()) for row in predictions])
    answers = [bundle.labels.index(row.answer) for row in predictions]
    # The graph's logits before calibration, up to a constant, are those after times the temperature.
    cold = softmax(np.log(np.maximum(chances, 1e-30)) * (bundle.calibration.temperature if bundle.calibration else 1.0))
    return cold[np.arange(len(answers)), answers]


def _class_scores(bundle: Bundle, truth: list[str], predictions: list[Prediction]) -> dict[str, Any]:
    """Return the figures of a classifier; where there are groups, theirs and those of the fine classes.

    A group's answer is the one that the sum of its classes' probabilities decides, see `Prediction.group`.
    """
    fine = _count_scores(truth, [each.answer for each in predictions], bundle.labels)
    groups = bundle.groups
    if not groups:
        return fine
    names = sorted(set(groups.values()))
    coarse = _count_scores([groups[label] for label in truth], [each.group or "" for each in predictions], names)
    return {
        **coarse,
        "fine_accuracy": fine["accuracy"],
        "fine_macro_f1": fine["macro_f1"],
        "fine_per_class": fine["per_class"],
        "fine_averages": fine["averages"],
        "fine_confusion": fine["confusion"],
    }


def _count_scores(truth: list[str], predicted: list[str], labels: list[str]) -> dict[str, Any]:
    index = {label: number for number, label in enumerate(labels)}
    scores = classification_scores(
        np.array([index[label] for label in truth]), np.array([index[label] for label in predicted]), labels
    )
    return {**scores, "averages": class_means(scores["confusion"]["counts"])}
