"""From raw images to a catalog that can be trained on: audit, clean, split, balance, with pages to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from tellapart.core.errors import ConfigError, did_you_mean
from tellapart.core.folder_lock import hold_folder
from tellapart.core.progress import log
from tellapart.core.tasks import CLEANED
from tellapart.curation.audit import run_audit
from tellapart.curation.audit_page import write_report
from tellapart.curation.clean import apply_decisions, data_before_cleaning
from tellapart.curation.corrections import check_corrections
from tellapart.curation.policy import read_policy
from tellapart.curation.review_page import write_review
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog
from tellapart.data.resampling import balance as balance_classes
from tellapart.data.resampling import check_method
from tellapart.data.source_options import SourceOptions
from tellapart.data.split import split
from tellapart.pipelines.audit import default_embedder
from tellapart.training.recipes import recipe_part

OPTIONS = ("policy", "balance", "count", "pretrained", "thresholds", "seed")


def prepare(
    data: str | Path | Catalog,
    *,
    out: str | Path,
    recipe: str | None = None,
    policy: str | Path | Mapping[str, Any] | None = None,
    corrections: str | Path | None = None,
    balance: str | None = None,
    count: int | None = None,
    pretrained: bool | None = None,
    thresholds: Mapping[str, float] | None = None,
    seed: int | None = None,
    **options: Unpack[SourceOptions],
) -> dict[str, Any]:
    """Audit, clean, split and balance a data set, and write what a person should see.

    Args:
        data: any source, or a catalog.
        out: a folder: ``audit/``, ``report.html``, ``review.html`` and ``prepared.parquet``, the catalog to train on.
        recipe: a packaged recipe with a ``prepare`` part; what is given here overrides it.
        policy: what of the findings is dropped, see `tellapart.clean`.
        corrections: a CSV of what a person decided, likewise.
        balance: the method, see `tellapart.balance`; by default the classes stay as they are.
        count: images a class and epoch, likewise.
        pretrained: whether a pretrained network helps, see `tellapart.audit`; by default it does.
        thresholds: check → threshold, likewise.
        seed: of the split and of the images that are shown more often.
        options: how to read a source, see `tellapart.data.opening.open_catalog`.

    Returns:
        ``catalog``, ``report`` and ``review`` (files), ``clean`` (as `tellapart.clean`), ``split`` (part → images),
        ``classes`` (as `tellapart.balance`, or None) and ``notes``.

    Raises:
        ConfigError: the recipe prepares nothing, an option is unknown, ``out`` is a file or the data itself, or
            another command works in it.

    Example:
        tellapart.prepare("photos", out="prepared", balance="over")
    """
    arguments = {"policy": policy, "balance": balance, "count": count, "pretrained": pretrained,
                 "thresholds": thresholds, "seed": seed}  # fmt: skip
    explicit = {name: value for name, value in arguments.items() if value is not None}
    settings = {"pretrained": True, "seed": 0, **_recipe(recipe), **explicit}
    method, rules = settings.get("balance"), read_policy(settings.get("policy"))
    if method:
        check_method(method, settings.get("count"))
    if corrections is not None:
        check_corrections(corrections)
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: a file; name a folder (--out)")
    if not isinstance(data, Catalog) and folder.resolve() == Path(data).resolve():
        raise ConfigError(f"{folder}: the data itself; name another folder (--out)")
    prepared, review = folder / "prepared.parquet", folder / "review.html"
    with hold_folder(folder):
        source, reading = data_before_cleaning(data, dict(options))
        embedder = default_embedder if settings["pretrained"] else None
        thresholds = settings.get("thresholds")
        findings = run_audit(
            source,
            out=folder / "audit",
            embedder=embedder,
            thresholds=thresholds,
            tasks=CLEANED,
            verb="prepare",
            **reading,
        )
        write_report(findings, folder / "report.html")
        log(f"report: {folder / 'report.html'}")
        catalog, dropped, counts = apply_decisions(findings, rules, corrections)
        write_review(findings, dropped, review)
        log(f"review: {review} ({counts['kept']} of {counts['images']} images stay)")
        catalog, classes = split(catalog, seed=settings["seed"]), None
        if method and catalog.task == "classify":
            balanced = balance_classes(
                catalog, out=prepared, method=method, count=settings.get("count"), seed=settings["seed"]
            )
            catalog, classes = open_catalog(prepared).with_notes(balanced["notes"]), balanced["classes"]
        else:
            catalog.write(prepared)
    return {
        "catalog": str(prepared),
        "report": str(folder / "report.html"),
        "review": str(review),
        "clean": {"out": str(prepared), **counts},
        "split": {part: len(catalog.rows(part)) for part in ("train", "val", "test")},
        "classes": classes,
        "notes": list(catalog.notes),
    }


def _recipe(name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    part = recipe_part(name, "prepare")
    if part is None:
        raise ConfigError(f"recipe {name!r}: prepares no data; name another one, or none")
    for key in part:
        if key not in OPTIONS:
            raise ConfigError(f"recipe {name!r}: prepare: no option {key!r}{did_you_mean(key, OPTIONS)}")
    return part
