"""The verb `next`: of unlabelled images those to label next, as a table that a training takes back, and as a page."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tellapart.core.errors import CatalogError, ConfigError, pluralize
from tellapart.core.progress import log
from tellapart.core.tasks import check_task

if TYPE_CHECKING:
    from tellapart.data.catalog import Catalog
    from tellapart.inference.bundle import Bundle
    from tellapart.inference.prediction import Prediction
    from tellapart.inference.predictor import Predictor


def next(  # noqa: A001
    model: str | Path | Bundle,
    pool: str | Path | Catalog,
    *,
    n: int = 50,
    out: str | Path = "next.csv",
    alphabet: str | None = None,
    pattern: str | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Choose the unlabelled images whose labels would teach a model most.

    Images that the model has met in its training are passed over, and of near-copies of each other all but one. Of the
    others those are chosen of which the model is least sure (the smallest margin between its two likeliest classes; of
    a reader the lowest confidence), and among these, three for each that is chosen, those that are unlike each other,
    see `tellapart.evaluation.label_selection`.

    Args:
        model: a run, a bundle, or an open bundle.
        pool: a folder of images at any depth, whose names say nothing; or a labelled source or catalog, whose labels
            are not looked at.
        n: how many images.
        out: the CSV to write: ``file``, ``predicted``, ``confidence``, of a classifier ``margin``, and ``label``, which
            is empty. Filled in, it is a source of `tellapart.train`; rows that stay empty are passed over. Beside it
            lies the same as a page, ``.html``, with the pictures.
        alphabet: of a reader: the only characters that a text may hold.
        pattern: of a reader: a regular expression that the text matches.
        device: ``cpu``, ``cuda`` or ``auto``, see `tellapart.Predictor`.

    Returns:
        ``table`` and ``page`` (files), ``n``, ``pool``: how many images it has, of these ``met``, ``copies`` and
        ``unreadable``; ``images``, the rows of the table.

    Raises:
        BundleError: no bundle, or one of an earlier version, without features.
        ConfigError: no number of images, a table that holds labels already, or images that are no files.
        CatalogError: no image that the model has not met.

    Example:
        tellapart.next("runs/photos", "unlabelled", n=50)
    """
    from tellapart.data.opening import open_unlabelled
    from tellapart.evaluation.evaluate import answer_rows, predict_rows
    from tellapart.evaluation.feature_extraction import FeatureExtractor, extract_features
    from tellapart.evaluation.label_selection import SHORTLIST, farthest_first, margin
    from tellapart.inference.predictor import Predictor

    if n < 1:
        raise ConfigError(f"n {n}: give 1 or more")
    table = Path(out)
    page = table.with_suffix(".html")
    _check_targets(table, page)
    predictor = Predictor(model, alphabet=alphabet, pattern=pattern, device=device)
    bundle = predictor.bundle
    check_task(bundle.task, bundle.path, "next")
    predictor.check_features()
    catalog = open_unlabelled(pool, bundle.task, progress=True)
    if any(shard is not None for shard in catalog.column("shard")):
        raise ConfigError(f"{catalog.source}: images in Parquet have no files that a table could name; give a folder")
    log(*catalog.notes)
    rows, met = _unmet(bundle, catalog)
    answers, _ = answer_rows(catalog, rows, partial(predict_rows, predictor, False))
    threshold = bundle.calibration.threshold if bundle.calibration else None
    margins = {row: margin(each, threshold) for row, each in answers.items()}
    unsure = _without_copies(catalog, rows, answers, margins)
    shortlist = unsure[: SHORTLIST * n]
    extractor = FeatureExtractor(bundle.version, bundle.task, bundle.preprocess, predictor.features)
    chosen = [shortlist[place] for place in farthest_first(extract_features(extractor, catalog, shortlist), n)]
    records = {row: _record(catalog, row, answers[row], margins[row], table) for row in chosen}
    _write(table, page, catalog, records, predictor)
    return {
        "table": str(table),
        "page": str(page),
        "n": len(chosen),
        "pool": len(catalog),
        "met": met,
        "copies": len(rows) - len(unsure),
        "unreadable": len(catalog) - len(catalog.rows()),
        "images": [{**record, "confidence": round(answers[row].confidence, 6)}
                   | ({"margin": margins[row]} if "margin" in record else {}) for row, record in records.items()],
    }  # fmt: skip


def _unmet(bundle: Bundle, catalog: Catalog) -> tuple[list[int], int]:
    """The rows of images that the model has not met, and how many it has.

    Raises:
        CatalogError: it has met them all.
    """
    from tellapart.evaluation.training_images import training_images

    rows = catalog.rows()
    images = training_images(bundle)
    parts = [None] * len(rows) if images is None else images.parts_of(catalog, rows)
    unmet = [row for row, part in zip(rows, parts, strict=True) if part is None]
    if not unmet:
        raise CatalogError(
            f"{catalog.source}: the model has met each of its {pluralize(len(rows), 'image')} in its training; give "
            "images that nobody has labelled yet"
        )
    return unmet, len(rows) - len(unmet)


def _without_copies(
    catalog: Catalog, rows: list[int], answers: Mapping[int, Prediction], margins: Mapping[int, float]
) -> list[int]:
    """The rows, the least sure first; of near-copies (of texts, those that are read alike) the least sure one alone."""
    from tellapart.data.split import copy_clusters
    from tellapart.evaluation.label_selection import unsure_first

    texts = [answers[row].answer if row in answers else "" for row in range(len(catalog))]
    alike = catalog.with_column("label", texts) if catalog.task == "read" else catalog
    number = {row: place for place, row in enumerate(rows)}
    clusters = [[number[row] for row in cluster] for cluster in copy_clusters(alike, rows)]
    return [rows[place] for place in unsure_first([margins[row] for row in rows], clusters)]


def _record(catalog: Catalog, row: int, answer: Prediction, margin: float, table: Path) -> dict[str, str]:
    """A line of the table by column; a file below the table's folder is named from there, any other in full."""
    path = Path(os.path.abspath(catalog.root)) / catalog.column("file")[row]  # noqa: PTH100  (a link stays a link)
    here = Path(os.path.abspath(table.parent))  # noqa: PTH100
    name = path.relative_to(here) if path.is_relative_to(here) else path
    record = {"file": name.as_posix(), "predicted": answer.answer, "confidence": f"{answer.confidence:.6f}"}
    if catalog.task == "classify":
        record["margin"] = f"{margin:.6f}"
    return record | {"label": ""}


def _write(
    table: Path, page: Path, catalog: Catalog, records: Mapping[int, Mapping[str, str]], predictor: Predictor
) -> None:
    from tellapart.core.csv_writing import csv_text
    from tellapart.core.files import atomic_file
    from tellapart.evaluation.labelling_page import write_labelling_page

    labels = predictor.bundle.labels if catalog.task == "classify" else []
    write_labelling_page(page, table, catalog, records, labels)
    rows = list(records.values())
    with atomic_file(table) as temporary:
        temporary.write_text(csv_text(list(rows[0]), [list(row.values()) for row in rows]), encoding="utf-8")


def _check_targets(table: Path, page: Path) -> None:
    """Check that table and page can be written, and that no label of a person is written over.

    Raises:
        ConfigError: one cannot, or the table there is another, or has a label.
    """
    from tellapart.core.files import check_target

    check_target(table, ".csv")
    check_target(page, ".html")
    if not table.exists():
        return
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"{table}: there already and not of next ({error}); name another --out") from error
    if rows and not {"file", "predicted", "label"} <= rows[0].keys():
        raise ConfigError(f"{table}: there already and not of next; name another --out")
    if filled := sum(bool((row["label"] or "").strip()) for row in rows):
        raise ConfigError(f"{table}: holds {pluralize(filled, 'label')} already; train with it, and name another --out")
