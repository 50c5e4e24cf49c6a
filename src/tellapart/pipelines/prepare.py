"""From raw images to a catalog that can be trained on: audit, clean, split, balance, with pages to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tellapart.core.errors import ConfigError, did_you_mean
from tellapart.core.progress import log
from tellapart.curation.audit import run_audit
from tellapart.curation.audit_page import write_report
from tellapart.curation.clean import apply_decisions, data_before_cleaning, read_policy
from tellapart.curation.review_page import write_review
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog
from tellapart.data.resampling import balance as even_out
from tellapart.data.resampling import check_method
from tellapart.data.split import split
from tellapart.pipelines.audit import default_embedder
from tellapart.training.config import recipe_part

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
    **options: Any,
) -> dict[str, Any]:
    """Audit, clean, split and balance a data set, and write what a person should see.

    Args:
        data: any source; ``options`` say how to read it (see `tellapart.data.opening.open_catalog`).
        out: a folder: ``audit/``, ``report.html``, ``review.html`` and ``prepared.parquet``, the catalog to train on.
        recipe: a packaged recipe with a ``prepare`` part; what is given here overrides it.
        policy, corrections: see `tellapart.clean`.
        balance, count: see `tellapart.balance`; by default the classes stay as they are.
        pretrained, thresholds: see `tellapart.audit`.

    Returns:
        ``catalog``, ``report``, ``review``, ``clean``, ``split`` and ``classes``.

    Raises:
        ConfigError: the recipe prepares nothing, an option is unknown, or ``out`` is a file or the data itself.
    """
    said = {"policy": policy, "balance": balance, "count": count, "pretrained": pretrained, "thresholds": thresholds,
            "seed": seed}  # fmt: skip
    given = {"pretrained": True, "seed": 0, **_recipe(recipe), **{k: v for k, v in said.items() if v is not None}}
    method, rules = given.get("balance"), read_policy(given.get("policy"))
    if method:
        check_method(method, given.get("count"))
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: a file; name a folder (--out)")
    if not isinstance(data, Catalog) and folder.resolve() == Path(data).resolve():
        raise ConfigError(f"{folder}: the data itself; name another folder (--out)")
    prepared, review = folder / "prepared.parquet", folder / "review.html"
    data, options = data_before_cleaning(data, options)
    findings = run_audit(data, out=folder / "audit", embedder=default_embedder if given["pretrained"] else None, thresholds=given.get("thresholds"),
                    **options)  # fmt: skip
    write_report(findings, folder / "report.html")
    log(f"report: {folder / 'report.html'}")
    catalog, decided, counts = apply_decisions(findings, rules, corrections)
    write_review(findings, decided, review)
    log(f"review: {review} ({counts['kept']} of {counts['images']} images stay)")
    catalog, classes = split(catalog, seed=given["seed"]), None
    if method and catalog.task == "classify":
        evened = even_out(catalog, out=prepared, method=method, count=given.get("count"), seed=given["seed"])
        catalog, classes = open_catalog(prepared).with_notes(evened["notes"]), evened["classes"]
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
