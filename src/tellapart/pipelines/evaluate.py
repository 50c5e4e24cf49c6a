"""The verb `evaluate`: figures of a bundle's answers, given here or on a cluster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from tellapart.core.errors import ConfigError, GateError
from tellapart.core.progress import log
from tellapart.core.storage import as_path
from tellapart.evaluation.evaluate import EvaluateOptions
from tellapart.evaluation.evaluate import evaluate as evaluate_here
from tellapart.evaluation.report.common import RIGHT
from tellapart.inference.bundle import Bundle

if TYPE_CHECKING:
    from tellapart.data.catalog import Catalog
    from tellapart.inference.prediction import Prediction


def evaluate(
    model: str | Path | Bundle,
    data: str | Path | Catalog,
    *,
    on: str | None = None,
    parts: str | Path | None = None,
    fail_below: float | None = None,
    **options: Unpack[EvaluateOptions],
) -> dict[str, Any]:
    """Score a run's or a bundle's answers; every figure is {"value", "ci95", "n"}.

    Args:
        model: a run's folder, a bundle's folder or URL, or an open bundle.
        data: any labelled source, or a catalog, local or by URL.
        on: ``ray`` or ``ray://HOST:PORT``: the machines of a cluster answer, and this one computes the figures. A
            reader reads each picture alone then.
        parts: a folder or URL that all machines see, for the answers part by part, so that the same call goes on; by
            default a folder in ``runs``.
        fail_below: the least share of right answers (of readers, of texts read exactly; of taggers, of images with all
            their tags right) that is fine.
        options: ``split``, ``out``, ``picture``, ``report``, ``coarse_labels``, the rules of a reader, and how to read
            the data; see `tellapart.evaluation.evaluate.evaluate`, which says what the figures are.

    Raises:
        CatalogError: no image in that split, by default none that the model has not met, or labels that it does not
            know.
        TextError: texts with characters the model does not know.
        ConfigError: a cluster out of reach, or a node of another kind.
        GateError: a part was lost five times, and the others are done; or fewer answers are right than ``fail_below``,
            and all was written.

    Example:
        tellapart.evaluate("runs/photos", "photos", report="report.html")
    """
    if fail_below is not None and not 0 < fail_below <= 1:
        raise ConfigError(f"fail_below {fail_below:g}: give a share above 0 and up to 1, such as 0.9")
    figures = _figures(model, data, on, parts, options)
    name, value = right_share(figures)
    if fail_below is not None and value < fail_below:
        raise GateError(f"{name} {value:.4f} is below {fail_below:g}")
    return figures


def right_share(figures: Mapping[str, Any]) -> tuple[str, float]:
    """The name and value of the share of right answers: accuracy, a reader's exact match, a tagger's subset accuracy.

    >>> right_share({"exact_match": {"value": 0.5, "ci95": [0.1, 0.9], "n": 2}})
    ('exact match', 0.5)
    """
    name = next(each for each in RIGHT if each in figures)
    return name.replace("_", " "), float(figures[name]["value"])


def _figures(
    model: str | Path | Bundle,
    data: str | Path | Catalog,
    on: str | None,
    parts: str | Path | None,
    options: EvaluateOptions,
) -> dict[str, Any]:
    if on is None and parts is None:
        return evaluate_here(model, data, **options)
    from tellapart.scale.bundles import bundle_options

    bundle, which = bundle_options(model)
    if options.get("coarse_labels") is not None and bundle.task == "classify" and not bundle.groups:
        raise ConfigError(
            f"coarse_labels: {bundle.path} has no groups, and answers in none part by part; leave out --on and --parts"
        )
    rule = {name: options.get(name) for name in ("alphabet", "pattern", "tta", "device") if options.get(name)}
    if bundle.task == "read" and not options.get("independent"):
        log("note: part by part each picture is read alone; what many have in common guides none of them")
    key = hashlib.sha256(json.dumps([which, rule, str(getattr(data, "source", data))]).encode()).hexdigest()[:12]
    place = str(parts) if parts is not None else str(Path("runs") / f"evaluate-{key}")

    def answer(catalog: Catalog, rows: list[int]) -> list[Prediction]:
        from tellapart.data.parts import catalog_parts, part_order
        from tellapart.pipelines.catalog import part_rows
        from tellapart.pipelines.predict import from_row
        from tellapart.scale.engine import Work, run_parts

        function = "tellapart.pipelines.predict:predict_part"
        work = Work("evaluate", function, {**which, "rule": rule}, place, [catalog.source])
        report = run_parts(work, catalog_parts(catalog, rows), on=on)
        report.check()
        given = [from_row(row, bundle.task) for row in part_rows(as_path(place), report.files)]
        by_row = dict(zip(part_order(catalog, rows), given, strict=True))
        return [by_row[row] for row in rows]

    return evaluate_here(bundle, data, answer=answer, **options)
