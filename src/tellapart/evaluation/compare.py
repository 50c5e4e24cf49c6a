"""Compare models on the same images: paired differences of their scores with intervals, in all and a class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Unpack, cast

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import CatalogError, ConfigError, join_some, pluralize
from tellapart.core.files import atomic_file, check_target, write_json
from tellapart.core.progress import log
from tellapart.core.tasks import check_task
from tellapart.data.catalog import Catalog
from tellapart.data.catalog_file import read_catalog
from tellapart.data.opening import log_notes, open_with_defaults
from tellapart.data.source_options import LABEL_OPTIONS, LabelOptions
from tellapart.evaluation.comparison_page import page
from tellapart.evaluation.evaluate import answer_rows, predict_rows
from tellapart.evaluation.label_checks import check_known
from tellapart.evaluation.selection import select
from tellapart.inference.bundle import Bundle
from tellapart.inference.prediction import Prediction
from tellapart.inference.predictor import Predictor
from tellapart.metrics.classification import accuracy, classification_scores
from tellapart.metrics.paired import accuracy_difference, holm, macro_f1_difference, mcnemar_exact

DATA = "data.parquet"  # of a run
FEW = 30  # images of a run's own test part, below which others are asked for
Right = npt.NDArray[np.bool_]


def compare(
    models: str | Path | Sequence[str | Path],
    *more: str | Path,
    data: str | Path | Catalog | None = None,
    split: str | None = None,
    out: str | Path | None = None,
    report: str | Path | None = None,
    **options: Unpack[LabelOptions],
) -> dict[str, Any]:
    """Compare models with the first of them, each on the same images that none of them has met in its training.

    Args:
        models: folders of runs or bundles, two or more, as a list or one by one; the first is what the others stand
            beside.
        more: further ones.
        data: any labelled source, or a catalog; by default the test part of the first run.
        split: train, val, test or all; by default test where the data has splits, else all.
        out: where to write the result as JSON.
        report: a self-contained HTML page to write.
        options: how to read the data, see `tellapart.data.opening.open_catalog`; by default as the first model's own
            data was read.

    Returns:
        ``data``, ``split``, ``n``, ``task``, ``notes``; ``models``, each with ``name``, ``path``, and its ``accuracy``
        and ``macro_f1``, or a reader's ``exact_match``, as figures; ``pairs``, each with ``first`` and ``second``
        (names), ``difference`` of the score (second minus first; paired bootstrap) and ``macro_f1_difference``,
        ``only_first`` and ``only_second`` (images that one alone has right), ``p_value`` (McNemar's exact test),
        ``p_adjusted`` (raised for the number of pairs), and ``per_class``, of readers ``per_length``: ``n``, the share
        that each has right, ``difference``, ``p_value`` and ``p_adjusted`` (raised for the number of classes).

    Raises:
        ConfigError: fewer than two models, one of them twice, or of different tasks.
        BundleError: there is no usable bundle.
        CatalogError: no image that all models know the label of and none has met in its training.

    Example:
        tellapart.compare(["runs/plain", "runs/augmented"], report="compare.html")
    """
    models = [*([models] if isinstance(models, str | Path) else models), *more]
    if out is not None:
        check_target(out, ".json")
    if report is not None:
        check_target(report, ".html", ".htm")
    bundles = _open_bundles(models)
    catalog = _open_data(data, models[0], bundles[0], options)
    part, rows, notes = _common_rows(catalog, bundles, split)
    if data is None and len(rows) < FEW:
        notes.append(f"note: {pluralize(len(rows), 'image')} tell little apart; name others (--data)")
    log(*notes)
    truth = [catalog.column("label")[row] for row in rows]
    names = _names(models, bundles)
    answers = [_answers(bundle, catalog, rows, truth) for bundle in bundles]
    result: dict[str, Any] = {
        "data": str(catalog.source),
        "split": part,
        "n": len(rows),
        "task": bundles[0].task,
        "models": [
            {"name": name, "path": bundle.location, **_scores(bundle.task, truth, each)}
            for name, bundle, each in zip(names, bundles, answers, strict=True)
        ],
        "pairs": _pairs(bundles[0].task, names, truth, answers),
        "notes": notes,
    }
    if out is not None:
        write_json(out, result)
    if report is not None:
        with atomic_file(Path(report)) as temporary:
            temporary.write_text(page(result), encoding="utf-8")
    return result


def _open_bundles(models: Sequence[str | Path]) -> list[Bundle]:
    if len(models) < 2:
        raise ConfigError("compare: give two models or more, such as: tellapart compare runs/a runs/b")
    bundles = [Bundle.open(model) for model in models]
    check_task(bundles[0].task, models[0], "compare")
    versions = Counter(bundle.version for bundle in bundles)
    if twice := [str(model) for model, bundle in zip(models, bundles, strict=True) if versions[bundle.version] > 1]:
        raise ConfigError(f"{join_some(twice)}: one and the same model; give different ones")
    if len(tasks := {bundle.task for bundle in bundles}) > 1:
        raise ConfigError(f"models of different tasks ({' and '.join(sorted(tasks))}) cannot be compared")
    return bundles


def _open_data(data: str | Path | Catalog | None, model: str | Path, bundle: Bundle, options: LabelOptions) -> Catalog:
    if data is None:
        kept = Path(model) / DATA
        if not kept.is_file():
            raise ConfigError(f"{model}: not a run, so it has no test part of its own; name labelled images (--data)")
        return read_catalog(kept)
    training = bundle.manifest.training
    labelling = {name: training[name] for name in LABEL_OPTIONS if training.get(name) is not None}
    catalog = open_with_defaults(data, cast("LabelOptions", labelling), task=bundle.task, progress=True, **options)
    if not isinstance(data, Catalog):
        log_notes(catalog)
    if catalog.task != bundle.task:
        raise CatalogError(f"{data}: labelled to {catalog.task}, but the models were trained to {bundle.task}")
    return catalog


def _common_rows(catalog: Catalog, bundles: list[Bundle], split: str | None) -> tuple[str, list[int], list[str]]:
    """The part, and its rows that no model has met, with notes on the others."""
    rows: set[int] | None = None
    offered: set[int] = set()
    notes: list[str] = []
    part = ""
    for bundle in bundles:
        selection = select(catalog, bundle, split)
        part = part or selection.part
        if selection.unseen is False:
            raise CatalogError(
                f"{catalog.source}: none of these images is new to {bundle.path}: all were in its training; give "
                "others (--data)"
            )
        if not selection.known:
            notes.extend(selection.notes)
        offered |= set(selection.all_rows)
        rows = set(selection.rows) if rows is None else rows & set(selection.rows)
    if not rows:
        raise CatalogError(
            f"{catalog.source}: no image that none of the models has met in its training; give others (--data)"
        )
    if left := len(offered) - len(rows):
        notes.append(
            f"note: {pluralize(left, 'image')} of {len(offered):,} taught or chose one of the models, or stayed out of "
            f"its training: the other {len(rows):,} {'is' if len(rows) == 1 else 'are'} compared"
        )
    return part, sorted(rows), notes


def _names(models: Sequence[str | Path], bundles: list[Bundle]) -> list[str]:
    times = Counter(bundle.name for bundle in bundles)
    return [
        bundle.name if times[bundle.name] == 1 else str(model) for model, bundle in zip(models, bundles, strict=True)
    ]


def _answers(bundle: Bundle, catalog: Catalog, rows: list[int], truth: list[str]) -> list[str]:
    check_known(bundle, truth, str(catalog.source))
    answered: dict[int, Prediction] = answer_rows(catalog, rows, partial(predict_rows, Predictor(bundle), False))[0]
    return [answered[row].answer for row in rows]


def _scores(task: str, truth: list[str], answers: list[str]) -> dict[str, Any]:
    if task == "read":
        return {"exact_match": accuracy(truth, answers)}
    labels, (true, said) = _numbered(truth, answers)
    scores = classification_scores(true, said, labels)
    return {"accuracy": scores["accuracy"], "macro_f1": scores["macro_f1"]}


def _pairs(task: str, names: list[str], truth: list[str], answers: list[list[str]]) -> list[dict[str, Any]]:
    """The first model beside each other one."""
    right = [np.array([answer == label for answer, label in zip(each, truth, strict=True)]) for each in answers]
    keys = [str(len(text)) for text in truth] if task == "read" else truth
    pairs: list[dict[str, Any]] = []
    for number in range(1, len(names)):
        pair = {"first": names[0], "second": names[number], **_difference(right[0], right[number])}
        if task == "classify":
            labels, (true, first, second) = _numbered(truth, answers[0], answers[number])
            pair["macro_f1_difference"] = macro_f1_difference(true, first, second, len(labels))
        pair["per_length" if task == "read" else "per_class"] = _per_key(keys, right[0], right[number], task == "read")
        pairs.append(pair)
    for pair, raised in zip(pairs, holm([pair["p_value"] for pair in pairs]), strict=True):
        pair["p_adjusted"] = raised
    return pairs


def _difference(first: Right, second: Right) -> dict[str, Any]:
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    return {
        "difference": accuracy_difference(first, second),
        "only_first": only_first,
        "only_second": only_second,
        "p_value": mcnemar_exact(only_first, only_second),
    }


def _per_key(keys: list[str], first: Right, second: Right, numeric: bool) -> dict[str, dict[str, Any]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    result = {
        key: {
            "n": len(places[key]),
            "first": float(first[places[key]].mean()),
            "second": float(second[places[key]].mean()),
            **_difference(first[places[key]], second[places[key]]),
        }
        for key in sorted(places, key=(lambda key: (int(key), key)) if numeric else None)
    }
    for each, raised in zip(result.values(), holm([each["p_value"] for each in result.values()]), strict=True):
        each["p_adjusted"] = raised
    return result


def _numbered(*answers: list[str]) -> tuple[list[str], list[npt.NDArray[np.int64]]]:
    """The labels that occur, and each list as their numbers."""
    labels = sorted({label for each in answers for label in each})
    index = {label: number for number, label in enumerate(labels)}
    return labels, [np.array([index[label] for label in each]) for each in answers]
