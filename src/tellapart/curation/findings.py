"""The result of an audit: for each check scores, flags, groups and a sentence; written to one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tellapart.core.errors import CatalogError
from tellapart.core.files import atomic_file, write_json
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog

FORMAT = 1
CATALOG, TABLE, SUMMARY = "catalog.parquet", "findings.parquet", "findings.json"

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Finding:
    """The result of one check. Rows are those of the catalog.

    Args:
        check: its name.
        sentence: what it means for this set.
        threshold: that was applied; None for a check without one.
        score: row → how bad; rows that were not judged are absent.
        why: flagged row → the reason.
        groups: rows that belong together, the one to keep first.
        facts: figures of the whole set, JSON values. ``not_judged`` says why nothing was looked for, ``left_out`` which
            images were not looked at.
    """

    check: str
    sentence: str
    threshold: float | None = None
    score: Mapping[int, float] = field(default_factory=dict)
    why: Mapping[int, str] = field(default_factory=dict)
    groups: Sequence[Sequence[int]] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def judged(self) -> bool:
        """Whether it was looked for: if not, an empty finding means nothing."""
        return "not_judged" not in self.facts

    @property
    def flags(self) -> list[int]:
        """Flagged rows, worst first."""
        return sorted(self.why, key=lambda row: (-self.score.get(row, 0.0), row))


def not_judged(check: str, threshold: float | None, reason: str, **facts: Any) -> Finding:
    """The finding of a check that could not look for anything.

    >>> not_judged("off_domain", 0.2, "fewer than 40 images").sentence
    'not judged: fewer than 40 images'
    """
    return Finding(check, f"not judged: {reason}", threshold, facts={**facts, "not_judged": reason})


@dataclass(frozen=True)
class Findings:
    """All findings of one audit.

    Args:
        catalog: the images.
        checks: check → finding.
        about: ``data``, ``out``, ``evidence`` (pixels, or the name of a network) and ``notes``.
    """

    catalog: Catalog
    checks: Mapping[str, Finding]
    about: Mapping[str, Any]

    def summary(self) -> dict[str, Any]:
        """Return the JSON object that `tellapart audit --json` prints; rows are given as files."""
        files = self.catalog.column("file")
        findings: dict[str, Any] = {}
        for name, finding in self.checks.items():
            value: dict[str, Any] = {"count": len(finding.why), "sentence": finding.sentence}
            if finding.threshold is not None:
                value["threshold"] = finding.threshold
            if finding.groups:
                value["groups"] = [[files[row] for row in group] for group in finding.groups]
            elif name in GROUPED:
                value["groups"] = []
            if name not in GROUPED:
                value["files"] = [files[row] for row in finding.flags]
            findings[name] = value | dict(finding.facts)
        return {
            "n": len(self.catalog),
            "task": self.catalog.task,
            "flagged": len(self.flagged),
            "findings": findings,
            **self.about,
        }

    @property
    def flagged(self) -> set[int]:
        """Rows that at least one check flagged."""
        return {row for finding in self.checks.values() for row in finding.why}

    def write(self, folder: Path) -> None:
        """Write catalog, table and summary to a folder; each whole or not at all, the summary last."""
        self.catalog.write(folder / CATALOG)
        files = self.catalog.column("file")
        columns: dict[str, list[Any]] = {name: [] for name in ("row", "file", "check", "score", "flag", "why")}
        for name, finding in self.checks.items():
            for row in sorted(set(finding.score) | set(finding.why)):
                values = (row, files[row], name, finding.score.get(row), row in finding.why, finding.why.get(row))
                for column, value in zip(columns.values(), values, strict=True):
                    column.append(value)
        schema = pa.schema(
            {"row": pa.int64(), "file": pa.string(), "check": pa.string(), "score": pa.float32(), "flag": pa.bool_(),
             "why": pa.string()}
        )  # fmt: skip
        rest = {
            name: {
                "sentence": finding.sentence,
                "threshold": finding.threshold,
                "groups": [list(group) for group in finding.groups],
                "facts": dict(finding.facts),
            }
            for name, finding in self.checks.items()
        }
        meta = {"format": FORMAT, "checks": rest, "about": dict(self.about)}
        with atomic_file(folder / TABLE) as temporary:
            table = pa.table(columns, schema=schema).replace_schema_metadata({"tellapart.audit": json.dumps(meta)})
            pq.write_table(table, temporary)
        write_json(folder / SUMMARY, self.summary())

    @classmethod
    def read(cls, folder: str | Path) -> Findings:
        """Read an audit's folder that `write` wrote.

        Raises:
            CatalogError: the folder holds no audit, or one of another version.
        """
        path = Path(folder) / TABLE
        if not path.is_file():
            raise CatalogError(f"{folder}: no audit here ({TABLE} is missing); run tellapart audit first")
        try:
            table = pq.read_table(path)
            meta = json.loads((table.schema.metadata or {})[b"tellapart.audit"])
        except (OSError, ValueError, KeyError) as error:
            raise CatalogError(f"{path}: not an audit's table: {error}") from error
        if meta["format"] != FORMAT:
            raise CatalogError(f"{path}: in format {meta['format']}; this version reads {FORMAT}: audit again")
        score: dict[str, dict[int, float]] = {name: {} for name in meta["checks"]}
        why: dict[str, dict[int, str]] = {name: {} for name in meta["checks"]}
        for row in table.to_pylist():
            if row["score"] is not None and not np.isnan(row["score"]):
                score[row["check"]][row["row"]] = row["score"]
            if row["flag"]:
                why[row["check"]][row["row"]] = row["why"]
        checks = {
            name: Finding(
                name, rest["sentence"], rest["threshold"], score[name], why[name], rest["groups"], rest["facts"]
            )
            for name, rest in meta["checks"].items()
        }
        return cls(open_catalog(Path(folder) / CATALOG), checks, meta["about"])


GROUPED = ("exact_duplicates", "near_duplicates", "conflicting_labels", "split_leaks")
