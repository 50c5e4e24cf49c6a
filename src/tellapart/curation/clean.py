"""Findings and a policy → which images stay, and why not. No file is deleted; another policy undoes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tellapart.core.errors import CatalogError
from tellapart.curation.checks.registry import CHECKS
from tellapart.curation.corrections import read_corrections
from tellapart.curation.findings import Findings
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog


def data_before_cleaning(
    data: str | Path | Catalog, options: dict[str, Any]
) -> tuple[str | Path | Catalog, dict[str, Any]]:
    """Return the data as it was before any earlier `clean`, and the options that are still needed to read it.

    Args:
        data: a source, or a catalog.
        options: how to read a source, see `tellapart.data.opening.open_catalog`. A catalog needs none any more.
    """
    if isinstance(data, Catalog) or Path(data).suffix == ".parquet":
        return undo_cleaning(open_catalog(data, **options)), {}
    return data, options


def apply_decisions(
    findings: Findings, rules: Mapping[str, Any], corrections: str | Path | None
) -> tuple[Catalog, dict[int, str], dict[str, Any]]:
    """Apply a policy and a person's corrections to an audit.

    Args:
        findings: what the audit found.
        rules: check → rule, see `tellapart.curation.policy.read_policy`.
        corrections: a CSV file, see `tellapart.curation.corrections.read_corrections`. They win over the policy.

    Returns:
        The catalog with ``keep``, ``why`` and ``label`` as decided; the dropped rows, each with its reason; and counts:
        ``images``, ``kept``, ``dropped`` (check → count), ``kept_by_hand``, ``dropped_by_hand``, ``relabelled``.

    Raises:
        CatalogError: no image is left, or the corrections cannot be used.
    """
    changes = read_corrections(corrections, findings.catalog) if corrections is not None else {}
    decided = decide(findings, rules)
    files, labels = findings.catalog.column("file"), list(findings.catalog.column("label"))
    relabelled: dict[str, list[str]] = {}  # so that it can be undone
    by_hand = {"kept_by_hand": 0, "dropped_by_hand": 0, "relabelled": 0}
    for row, (keep, label) in changes.items():
        if keep is True and row in decided and not decided[row].startswith("unreadable"):
            del decided[row]
            by_hand["kept_by_hand"] += 1
        if keep is False and row not in decided:
            decided[row] = "by hand: corrections"
            by_hand["dropped_by_hand"] += 1
        if label is not None and label != labels[row]:
            relabelled[files[row]] = [labels[row], label]
            labels[row] = label
            by_hand["relabelled"] += 1
    dropped = dict(Counter(why.split(":")[0] for why in decided.values()))
    n_kept = len(files) - len(decided)
    if not n_kept:
        counts = ", ".join(f"{count} {name}" for name, count in dropped.items())
        raise CatalogError(f"{findings.about['data']}: this policy leaves no image ({counts}); loosen it")
    catalog = findings.catalog.with_column("keep", [row not in decided for row in range(len(files))])
    catalog = catalog.with_column("why", [decided.get(row) for row in range(len(files))])
    catalog = catalog.with_column("label", labels).with_meta(policy=rules, relabelled=relabelled)
    return catalog, decided, {"images": len(files), "kept": n_kept, "dropped": dropped, **by_hand}


def decide(findings: Findings, rules: Mapping[str, Any]) -> dict[int, str]:
    """Return which rows are dropped, and why.

    Args:
        findings: what the audit found.
        rules: check → rule, see `tellapart.curation.policy.read_policy`.

    Returns:
        Dropped row → its reason: the check's name, a colon, and a sentence. The first check in the order of
        `tellapart.curation.checks.registry.CHECKS` gives the reason. Rows that stay are absent.
    """
    catalog = findings.catalog
    parts = catalog.column("split")
    earlier = zip(catalog.column("keep"), catalog.column("why"), strict=True)
    decided = {row: why or "put aside before" for row, (keep, why) in enumerate(earlier) if not keep}
    for check in CHECKS:
        finding = findings.checks.get(check.name)
        rule = rules.get(check.name, "keep")
        if finding is None or rule == "keep":
            continue
        least = rule["drop_above"] if isinstance(rule, Mapping) else float("-inf")
        for row, why in finding.why.items():
            if check.name == "split_leaks" and parts[row] != "train":
                continue
            if row not in decided and finding.score.get(row, 1.0) >= least:
                decided[row] = f"{check.name}: {why}"
    return decided


def undo_cleaning(catalog: Catalog) -> Catalog:
    """Return the catalog with all images and labels restored that an earlier `clean` dropped or changed."""
    reasons = {check.name for check in CHECKS if check.name != "unreadable"} | {"by hand"}
    whys = [None if why is not None and why.split(":")[0] in reasons else why for why in catalog.column("why")]
    keep = [
        keep or (before is not None and why is None)
        for keep, before, why in zip(catalog.column("keep"), catalog.column("why"), whys, strict=True)
    ]
    changed = (catalog.meta or {}).get("relabelled") or {}
    pairs = zip(catalog.column("file"), catalog.column("label"), strict=True)
    labels = [changed[file][0] if file in changed and changed[file][1] == label else label for file, label in pairs]
    catalog = catalog.with_column("label", labels).with_meta(relabelled={})
    return catalog.with_column("keep", keep).with_column("why", whys)
