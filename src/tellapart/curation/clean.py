"""Findings and a policy → which images stay, and why not. Nothing is deleted; another policy undoes it."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tellapart.core.errors import CatalogError, ConfigError, did_you_mean, join_some
from tellapart.curation.checks.registry import CHECKS
from tellapart.curation.findings import Findings
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog

# What nobody needs to look at goes; what needs a person's eye stays until one has looked.
POLICY: dict[str, Any] = {
    "unreadable": "drop",
    "exact_duplicates": "drop",  # all but one
    "near_duplicates": "drop",  # all but one
    "conflicting_labels": "drop",  # all of them: nobody knows which label is right
    "split_leaks": "drop",  # those in train; the given test part stays as others know it
    "off_domain": "drop",
    "low_information": "drop",
    "label_errors": "keep",
}


def data_before_cleaning(
    data: str | Path | Catalog, options: dict[str, Any]
) -> tuple[str | Path | Catalog, dict[str, Any]]:
    """The data before any earlier `clean`, and the options that it is still to be read with."""
    if isinstance(data, Catalog) or Path(data).suffix == ".parquet":
        return undo_cleaning(open_catalog(data, **options)), {}
    return data, options


def apply_decisions(
    findings: Findings, rules: Mapping[str, Any], corrections: str | Path | None
) -> tuple[Catalog, dict[int, str], dict[str, Any]]:
    """The catalog as decided, the rows that go and why, and how many there are of each."""
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
    kept = len(files) - len(decided)
    if not kept:
        said = ", ".join(f"{count} {name}" for name, count in dropped.items())
        raise CatalogError(f"{findings.about['data']}: this policy leaves no image ({said}); loosen it")
    catalog = findings.catalog.with_column("keep", [row not in decided for row in range(len(files))])
    catalog = catalog.with_column("why", [decided.get(row) for row in range(len(files))])
    catalog = catalog.with_column("label", labels).with_meta(policy=rules, relabelled=relabelled)
    return catalog, decided, {"images": len(files), "kept": kept, "dropped": dropped, **by_hand}


def decide(findings: Findings, rules: Mapping[str, Any]) -> dict[int, str]:
    """Row → why it goes; rows that stay are absent. The first check that speaks gives the reason."""
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
    """The catalog with everything back that an earlier `clean` put aside or called otherwise."""
    ours = {check.name for check in CHECKS if check.name != "unreadable"} | {"by hand"}
    whys = [None if why is not None and why.split(":")[0] in ours else why for why in catalog.column("why")]
    keep = [
        kept or (before is not None and why is None)
        for kept, before, why in zip(catalog.column("keep"), catalog.column("why"), whys, strict=True)
    ]
    changed = (catalog.meta or {}).get("relabelled") or {}
    pairs = zip(catalog.column("file"), catalog.column("label"), strict=True)
    labels = [changed[file][0] if file in changed and changed[file][1] == label else label for file, label in pairs]
    catalog = catalog.with_column("label", labels).with_meta(relabelled={})
    return catalog.with_column("keep", keep).with_column("why", whys)


def read_policy(policy: str | Path | Mapping[str, Any] | None) -> dict[str, Any]:
    """The default policy with what a file or mapping says otherwise.

    Raises:
        ConfigError: not YAML, an unknown check, an unknown action.

    >>> read_policy({"off_domain": "keep"})["off_domain"]
    'keep'
    """
    name = "policy" if policy is None or isinstance(policy, Mapping) else str(policy)
    said: Any = policy or {}
    if policy is not None and not isinstance(policy, Mapping):
        try:
            said = yaml.safe_load(Path(policy).read_text(encoding="utf-8")) or {}
        except OSError as error:
            raise ConfigError(f"{name}: the policy cannot be read: {error.strerror}") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(f"{name}: not YAML: {error}") from error
    if not isinstance(said, Mapping):
        raise ConfigError(f"{name}: write one line a check, such as `off_domain: keep`")
    known = [check.name for check in CHECKS]
    for check, rule in said.items():
        if check not in known:
            raise ConfigError(
                f"{name}: no check {check!r}{did_you_mean(str(check), known)}; there are: {', '.join(known)}"
            )
        above = rule.get("drop_above") if isinstance(rule, Mapping) and len(rule) == 1 else None
        number = isinstance(above, int | float) and not isinstance(above, bool) and math.isfinite(above)
        if rule not in ("drop", "keep") and not number:
            raise ConfigError(f"{name}: {check}: {rule!r}; write drop, keep, or {{drop_above: 0.8}}")
    return {**POLICY, **said}


def read_corrections(path: str | Path, catalog: Catalog) -> dict[int, tuple[bool | None, str | None]]:
    """Row → what a person decided: keep (or None) and label (or None).

    Raises:
        CatalogError: the file cannot be read, a line names no image of the data, or two lines disagree;
            nothing is half applied.
    """
    rows = {file: row for row, file in enumerate(catalog.column("file"))}
    result: dict[int, tuple[bool | None, str | None]] = {}
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            table = csv.DictReader(stream)
            names = table.fieldnames or []
            if "file" not in names:
                raise CatalogError(f"{path}: no column `file`; corrections have file,keep,label")
            for name in names:
                if hint := did_you_mean(name, {"keep", "label"} - set(names)):
                    raise CatalogError(f"{path}: column {name!r}{hint}; corrections have file,keep,label")
            unknown = []
            for line in table:
                if None in line:
                    raise CatalogError(
                        f"{path}: line {table.line_num}: more cells than columns; quote a value that holds a comma"
                    )
                file, said = line["file"], (line.get("keep") or "").strip().lower()
                if file not in rows:
                    unknown.append(file)
                    continue
                if said not in ("", "true", "false", "1", "0", "yes", "no"):
                    raise CatalogError(f"{path}: line {table.line_num}: keep is {said!r}; write true or false")
                keep = None if not said else said in ("true", "1", "yes")
                now = (keep, (line.get("label") or "").strip() or None)
                if result.setdefault(rows[file], now) != now:
                    raise CatalogError(
                        f"{path}: line {table.line_num}: {file!r} again, decided otherwise; drop one line"
                    )
    except OSError as error:
        raise CatalogError(f"{path}: the corrections cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: not a CSV: {error}") from error
    if unknown:
        named = "1 line names" if len(unknown) == 1 else f"{len(unknown):,} lines name"
        raise CatalogError(f"{path}: {named} no image of the data: {join_some(map(repr, unknown))}")
    return result
