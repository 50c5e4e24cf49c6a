"""How often an epoch shows each image, so that small classes are learnt too. The train part alone is touched."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from tellapart.core.errors import CatalogError, ConfigError, did_you_mean
from tellapart.core.files import check_target
from tellapart.core.tasks import check_task
from tellapart.data.catalog import Catalog
from tellapart.data.source_options import SourceOptions
from tellapart.data.split import split

METHODS = ("weights", "over", "under", "target")


def balance(
    data: str | Path | Catalog,
    *,
    out: str | Path | None = None,
    method: str = "over",
    count: int | None = None,
    seed: int = 0,
    **options: Unpack[SourceOptions],
) -> dict[str, Any]:
    """Even out the classes of the train part; validation and test stay as they are.

    An image that an epoch shows several times is augmented anew each time, so ``--method target --count 250``
    is augmentation to 250 pictures a class without a file being written.

    Args:
        data: any source, or a catalog; it is split first if it has no split.
        out: the catalog to write, with its ``times`` column; not needed for ``weights``.
        method: ``over`` raises every class to the largest (or to ``count``), ``under`` cuts every class to the
            smallest (or to ``count``), ``target`` brings every class to exactly ``count``, ``weights`` changes
            nothing and gives class weights for the loss.
        count: images a class and epoch.
        seed: of the split, and of which images are repeated or left out.
        options: how to read a source, see `tellapart.data.opening.open_catalog`.

    Returns:
        ``classes``: label → ``train`` (images), ``epoch`` (shown in an epoch), ``weight``; ``out``, ``notes``.

    Raises:
        ConfigError: an unknown method, or a count that is missing or below 1.
        CatalogError: a reading set, or a class without a train image.
    """
    check_method(method, count)
    if out is not None:
        check_target(out, ".parquet")
    if method != "weights" and out is None:
        raise ConfigError(f"method {method!r} needs a catalog to write, e.g. --out balanced.parquet")
    catalog = split(data, seed=seed, **options)
    if catalog.task == "read":
        raise CatalogError(f"{catalog.source}: a reading set has no classes to balance")
    check_task(catalog.task, catalog.source, "balance", ["classify"])
    labels = catalog.column("label")
    members: dict[str, list[int]] = defaultdict(list)
    for row in catalog.rows("train"):
        members[labels[row]].append(row)
    if without := sorted(set(catalog.labels) - set(members)):
        raise CatalogError(f"{catalog.source}: no training image of {without[0]!r}; nothing can stand for it")
    sizes = {label: len(rows) for label, rows in members.items()}
    shown = {label: _shown(size, method, count, sizes.values()) for label, size in sizes.items()}
    times: list[int | None] = [None] * len(catalog)
    for label in sorted(members):
        for row, number in zip(members[label], _shares(sizes[label], shown[label], seed, label), strict=True):
            times[row] = number
    total = sum(sizes.values())
    classes = {
        label: {"train": sizes[label], "epoch": shown[label], "weight": round(total / (len(sizes) * sizes[label]), 6)}
        for label in sorted(sizes)
    }
    notes = []
    if method == "weights":
        notes.append("give the weights to the loss with: tellapart train --class-weights balanced")
    elif most := max(shown[label] / sizes[label] for label in sizes):
        notes.append(
            f"an epoch shows {sum(shown.values()):,} pictures, an image of the rarest class up to {math.ceil(most)} "
            "times; only augmentation makes these differ (--augment photo)"
        )
    if out is not None:
        result = catalog if method == "weights" else catalog.with_column("times", times)
        result.with_meta(balance={"method": method, "count": count, "seed": seed}).write(out)
    return {"out": str(out) if out is not None else None, "method": method, "classes": classes, "notes": notes}


def check_method(method: str, count: int | None) -> None:
    """What can be refused before any image is looked at.

    Raises:
        ConfigError: an unknown method, or a count that is missing or below 1.
    """
    if method not in METHODS:
        raise ConfigError(f"method {method!r}{did_you_mean(method, METHODS)}: there are {', '.join(METHODS)}")
    if count is not None and count < 1:
        raise ConfigError(f"count {count}: at least one image a class")
    if method == "target" and count is None:
        raise ConfigError("method 'target' needs a count, e.g. --count 250")


def _shown(size: int, method: str, count: int | None, sizes: Any) -> int:
    if method == "over":
        return max(size, count or max(sizes))
    if method == "under":
        return min(size, count or min(sizes))
    return count if method == "target" and count is not None else size


def _shares(size: int, shown: int, seed: int, label: str) -> list[int]:
    """Times for each of ``size`` images that make ``shown`` in all, as even as can be; who gets one more is drawn."""
    dice = np.random.default_rng([seed, *label.encode()])
    each, rest = divmod(shown, size)
    extra = set(dice.permutation(size)[:rest].tolist())
    return [each + (place in extra) for place in range(size)]
