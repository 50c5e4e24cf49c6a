"""From raw images to a catalog that can be trained on: audit, clean, split, balance, with pages to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tellapart.audit import look
from tellapart.audit.report import write_report
from tellapart.balance import balance as even_out
from tellapart.clean import clean
from tellapart.config import recipe_part
from tellapart.errors import ConfigError, closest
from tellapart.progress import say
from tellapart.split import split

OPTIONS = ("policy", "balance", "count", "pretrained", "seed")


def prepare(
    data: str | Path,
    *,
    out: str | Path,
    recipe: str | None = None,
    policy: str | Path | Mapping[str, Any] | None = None,
    corrections: str | Path | None = None,
    balance: str | None = None,
    count: int | None = None,
    pretrained: bool | None = None,
    seed: int | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Audit, clean, split and balance a data set, and write what a person should see.

    Args:
        data: any source; ``options`` say how to read it (see `tellapart.catalog.open_catalog`).
        out: a folder: ``audit/``, ``report.html``, ``review.html`` and ``prepared.parquet``, the catalog to train on.
        recipe: a packaged recipe with a ``prepare`` part; what is given here overrides it.
        policy, corrections: see `tellapart.clean`.
        balance, count: see `tellapart.balance`; by default the classes stay as they are.
        pretrained: see `tellapart.audit`.

    Returns:
        ``catalog``, ``report``, ``review``, ``clean``, ``split`` and ``classes``.

    Raises:
        ConfigError: the recipe prepares nothing, or an option is unknown.
    """
    said = {"policy": policy, "balance": balance, "count": count, "pretrained": pretrained, "seed": seed}
    given = {"pretrained": True, "seed": 0, **_recipe(recipe), **{k: v for k, v in said.items() if v is not None}}
    folder = Path(out)
    audited, prepared, review = folder / "audit", folder / "prepared.parquet", folder / "review.html"
    findings = look(data, out=audited, pretrained=given["pretrained"], **options)
    write_report(findings, folder / "report.html")
    say(f"report: {folder / 'report.html'}")
    cleaned = clean(
        data,
        out=prepared,
        policy=given.get("policy"),
        corrections=corrections,
        review=review,
        audit=audited,
        pretrained=given["pretrained"],
        **options,
    )
    say(f"review: {review} ({cleaned['kept']} of {cleaned['images']} images stay)")
    catalog = split(prepared, out=prepared, seed=given["seed"])
    classes = None
    if given.get("balance") and catalog.task == "classify":
        evened = even_out(prepared, out=prepared, method=given["balance"], count=given.get("count"), seed=given["seed"])
        classes = evened["classes"]
    return {
        "catalog": str(prepared),
        "report": str(folder / "report.html"),
        "review": str(review),
        "clean": cleaned,
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
            raise ConfigError(f"recipe {name!r}: prepare: no option {key!r}{closest(key, OPTIONS)}")
    return part
