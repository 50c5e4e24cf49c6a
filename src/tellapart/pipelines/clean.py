"""The verb `clean`: an audit and a policy decide which images stay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from tellapart.core.files import check_target
from tellapart.core.tasks import CLEANED
from tellapart.curation.audit import run_audit
from tellapart.curation.clean import apply_decisions, data_before_cleaning
from tellapart.curation.corrections import check_corrections
from tellapart.curation.policy import read_policy
from tellapart.data.catalog import Catalog
from tellapart.data.source_options import SourceOptions
from tellapart.pipelines.audit import default_embedder


def clean(
    data: str | Path | Catalog,
    *,
    out: str | Path,
    policy: str | Path | Mapping[str, Any] | None = None,
    corrections: str | Path | None = None,
    review: str | Path | None = None,
    audit: str | Path | None = None,
    pretrained: bool = True,
    thresholds: Mapping[str, float] | None = None,
    **options: Unpack[SourceOptions],
) -> dict[str, Any]:
    """Decide which images stay: a catalog with ``keep`` and ``why`` for each.

    Args:
        data: any source, or a catalog, also one that was cleaned before: earlier decisions of `clean` are undone first.
        out: the catalog to write.
        policy: a YAML file or mapping, check → ``drop``, ``keep``, or ``{drop_above: score}``; what it does not
            name is as in the default policy, and kept where that is silent.
        corrections: a CSV (``file,keep,label``), e.g. from the review page; it has the last word.
        review: an HTML page of what goes, to look at and to make corrections with.
        audit: the audit's folder; by default the one that `tellapart audit` of the same data uses.
        pretrained: whether a pretrained network helps, see `tellapart.audit`.
        thresholds: check → threshold, likewise.
        options: how to read a source, see `tellapart.data.opening.open_catalog`.

    Returns:
        ``out``, ``images``, ``kept``, ``dropped`` (check → count), and what a person decided: ``kept_by_hand``,
        ``dropped_by_hand``, ``relabelled``.

    Raises:
        ConfigError: the policy names an unknown check or action, or ``out`` is no place for a catalog.
        CatalogError: the source or the corrections cannot be used.

    Example:
        tellapart.clean("photos", out="clean.parquet", review="review.html")
    """
    rules = read_policy(policy)
    if corrections is not None:
        check_corrections(corrections)
    check_target(out, ".parquet")
    if review is not None:
        check_target(review, ".html", ".htm")
    source, reading = data_before_cleaning(data, dict(options))
    embedder = default_embedder if pretrained else None
    findings = run_audit(
        source, out=audit, embedder=embedder, thresholds=thresholds, tasks=CLEANED, verb="clean", **reading
    )
    catalog, decided, counts = apply_decisions(findings, rules, corrections)
    catalog.write(out)
    if review is not None:
        from tellapart.curation.review_page import write_review

        write_review(findings, decided, Path(review))
    return {"out": str(out), **counts}
