"""The list of checks. Each is a function from a `CheckContext` and a threshold to a `Finding`."""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from tellapart.curation.check_context import Check, CheckContext
from tellapart.curation.checks import content, duplicates, labels, quality
from tellapart.curation.findings import Finding
from tellapart.curation.image_index import ImageIndex
from tellapart.data.duplicates.registration import LIMITS, Limits

CHECKS: tuple[Check, ...] = (*duplicates.CHECKS, *content.CHECKS, *quality.CHECKS, *labels.CHECKS)


def run_all_checks(index: ImageIndex, thresholds: dict[str, float]) -> dict[str, Finding]:
    """Run every check of the task, in the order of `CHECKS`.

    One BLAS thread does it: the products are small here, and threads that wait for each other spin (docs/log.md).

    Args:
        index: what was measured of the images.
        thresholds: check → threshold; checks that are absent have their own.

    Returns:
        Check → finding.
    """
    likeness = thresholds.get("near_duplicates", LIMITS.likeness)
    context = CheckContext(index, Limits(likeness=likeness))
    findings = {}
    with threadpool_limits(1, user_api="blas"):
        for check in CHECKS:
            if check.task in (None, index.catalog.task):
                threshold = thresholds.get(check.name, check.threshold)
                findings[check.name] = check.run(context, threshold if threshold is not None else 0.0)
    return findings
