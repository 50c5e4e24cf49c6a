"""What is wrong with a set of images: every image looked at once, every check answered in plain words."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tellapart.core.errors import CatalogError, ConfigError, did_you_mean

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
    **options: Any,
) -> Findings:
    """Look at every image, run every check, write what they found to ``out`` and return it.

    Args:
        data: any source, or a catalog; ``options`` say how to read a source (see `tellapart.data.opening.open_catalog`).
        out: the audit's folder; by default ``runs/audit-`` and a name made of the data's and the options'.
        embedder: makes the network that turns images into features, such as `tellapart.training.embedder.Embedder`;
            it is called once the rest is in order. None lets pixels alone decide.
        thresholds: check → threshold; see ``tellapart.curation.checks.registry.CHECKS``.

    Raises:
        CatalogError: the source cannot be used.
        ConfigError: an unknown check, a threshold that is no number, or a place where nothing can be written.
    """
    from tellapart.core.malloc import keep_freed_memory
    from tellapart.curation.checks.registry import CHECKS, run_all_checks
    from tellapart.curation.findings import Findings
    from tellapart.curation.image_index import SURVEY, build_index
    from tellapart.data.catalog import Catalog
    from tellapart.data.opening import open_catalog

    known = {check.name: check.threshold for check in CHECKS}
    for name, value in (thresholds or {}).items():
        if name not in known:
            raise ConfigError(f"no check {name!r}{did_you_mean(str(name), known)}; there are: {', '.join(known)}")
        if known[name] is None:
            raise ConfigError(f"check {name!r} has no threshold")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ConfigError(f"threshold of {name}: {value!r}; give a number, e.g. {known[name]}")
    folder = Path(out) if out is not None else default_out(data, options)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: a file; name a folder for the audit (--out)")
    if folder.is_dir() and not (folder / SURVEY).is_dir() and any(folder.iterdir()):
        raise ConfigError(f"{folder}: not empty and not an audit; give another --out")
    embed = embedder() if embedder is not None else None
    keep_freed_memory()

    def opened(looking: Look) -> Catalog:
        def apart(draft: Catalog) -> Mapping[int, Facts]:
            shards = Path(draft.source).is_dir() and any(name is not None for name in draft.column("shard"))
            if shards and draft.root.resolve() in folder.resolve().parents:
                raise ConfigError(
                    f"{folder}: its tables would be taken for shards of {data}; name a folder outside of it"
                )
            return looking(draft)

        return open_catalog(data, look=apart, **options)

    seen = build_index(opened, folder / SURVEY, embed)
    if not len(seen.catalog):
        raise CatalogError(f"{data}: no images")
    checks = run_all_checks(seen, dict(thresholds or {}))
    name = seen.catalog.source if isinstance(data, Catalog) else str(data)
    about = {"data": name, "out": str(folder), "evidence": seen.evidence, "notes": list(seen.catalog.notes)}
    findings = Findings(seen.catalog, checks, about)
    findings.write(folder)
    return findings


def default_out(data: str | Path | Catalog, options: Mapping[str, Any]) -> Path:
    """Where the audit of this data lies unless a folder was given."""
    source = data if isinstance(data, str | Path) else data.source
    said = {name: value for name, value in options.items() if value not in (None, "auto")}  # by default the same
    key = json.dumps([str(Path(source).resolve()), said], sort_keys=True, default=str)
    return Path("runs") / f"audit-{Path(source).stem or 'data'}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
