"""Audit a set of images: analyse each image once, run every check, write the findings to a folder."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tellapart.core.errors import CatalogError, ConfigError, did_you_mean
from tellapart.core.files import contents
from tellapart.core.tasks import TASKS, check_task

if TYPE_CHECKING:
    from tellapart.curation.findings import Findings
    from tellapart.curation.image_index import Embed
    from tellapart.data.catalog import Catalog
    from tellapart.data.image_facts import Facts
    from tellapart.data.opening import Look


def run_audit(
    data: str | Path | Catalog,
    *,
    out: str | Path | None = None,
    embedder: Callable[[], Embed | None] | None = None,
    thresholds: Mapping[str, float] | None = None,
    tasks: Sequence[str] = TASKS,
    verb: str = "audit",
    **options: Any,
) -> Findings:
    """Analyse every image, run every check, write the findings to a folder and return them.

    Args:
        data: any source, or a catalog.
        out: the audit's folder. By default ``runs/audit-`` and a name made of the data's and the options'.
        embedder: makes the network that turns images into features, such as `tellapart.training.embedder.Embedder`.
            It is called once all arguments are checked. Without one the checks use pixels alone.
        thresholds: check → threshold; see ``tellapart.curation.checks.registry.CHECKS``.
        tasks: those whose data are taken; others are refused.
        verb: the command that refuses them.
        options: how to read a source, see `tellapart.data.opening.open_catalog`.

    Returns:
        The findings, as `tellapart.curation.findings.Findings.read` reads them from the folder.

    Raises:
        CatalogError: the source cannot be used, or holds no image.
        ConfigError: an unknown check, a threshold that is no number, or a folder that cannot be used or that another
            command works in.
    """
    from tellapart.core.folder_lock import hold_folder
    from tellapart.core.malloc import keep_freed_memory
    from tellapart.curation.checks.registry import run_all_checks
    from tellapart.curation.findings import Findings
    from tellapart.curation.image_index import SURVEY, build_index
    from tellapart.data.opening import check_source

    thresholds = dict(thresholds or {})
    _check_thresholds(thresholds)
    check_source(data, options.get("coarse_labels"))
    folder = Path(out) if out is not None else default_out(data, options)
    _check_folder(folder, SURVEY)
    with hold_folder(folder):
        embed = embedder() if embedder is not None else None
        keep_freed_memory()
        check = partial(check_task, source=data, what=verb, known=tasks)
        index = build_index(_opener(data, folder, options, check), folder / SURVEY, embed)
        if not len(index.catalog):
            raise CatalogError(f"{data}: no images")
        checks = run_all_checks(index, thresholds)
        source = str(data) if isinstance(data, str | Path) else index.catalog.source
        about = {"data": source, "out": str(folder), "evidence": index.evidence, "notes": list(index.catalog.notes)}
        findings = Findings(index.catalog, checks, about)
        findings.write(folder)
        return findings


def _check_thresholds(thresholds: Mapping[str, float]) -> None:
    """Refuse thresholds of unknown checks, of checks without one, and those that are no finite number."""
    from tellapart.curation.checks.registry import CHECKS

    known = {check.name: check.threshold for check in CHECKS}
    for name, value in thresholds.items():
        if name not in known:
            raise ConfigError(f"no check {name!r}{did_you_mean(str(name), known)}; there are: {', '.join(known)}")
        if known[name] is None:
            raise ConfigError(f"check {name!r} has no threshold")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ConfigError(f"threshold of {name}: {value!r}; give a number, e.g. {known[name]}")


def _check_folder(folder: Path, index_name: str) -> None:
    """Refuse a folder that holds anything but an earlier audit."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: a file; name a folder for the audit (--out)")
    if folder.is_dir() and not (folder / index_name).is_dir() and contents(folder):
        raise ConfigError(f"{folder}: not empty and not an audit; give another --out")


def _opener(
    data: str | Path | Catalog, folder: Path, options: Mapping[str, Any], check: Callable[[str], None]
) -> Callable[[Look], Catalog]:
    """Return a function that opens the data. It refuses an audit's folder inside of a folder of shards.

    ``check`` refuses tasks.
    """

    def open_with(look: Look) -> Catalog:
        def look_outside(draft: Catalog) -> Mapping[int, Facts]:
            check(draft.task)
            has_shards = Path(draft.source).is_dir() and any(name is not None for name in draft.column("shard"))
            if has_shards and draft.root.resolve() in folder.resolve().parents:
                raise ConfigError(
                    f"{folder}: its tables would be taken for shards of {data}; name a folder outside of it"
                )
            return look(draft)

        from tellapart.data.opening import open_catalog

        catalog = open_catalog(data, look=look_outside, **options)
        check(catalog.task)
        return catalog

    return open_with


def default_out(data: str | Path | Catalog, options: Mapping[str, Any]) -> Path:
    """Return the folder of this data's audit where none is given; options at their defaults do not change it.

    >>> default_out("photos", {"task": None}) == default_out("photos", {})
    True
    """
    source = data if isinstance(data, str | Path) else data.source
    changed = {name: value for name, value in options.items() if value not in (None, "auto")}
    key = json.dumps([str(Path(source).resolve()), changed], sort_keys=True, default=str)
    return Path("runs") / f"audit-{Path(source).stem or 'data'}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
