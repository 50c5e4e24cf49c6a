"""The list of checks. Each is one function from a view of the survey to a `Finding`, with one threshold."""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from tellapart.curation.check_context import Check, CheckContext
from tellapart.curation.checks import content, duplicates, labels, quality
from tellapart.curation.findings import Finding
from tellapart.curation.image_index import ImageIndex
from tellapart.data.duplicates.registration import LIMITS, Limits

CHECKS: tuple[Check, ...] = (*duplicates.CHECKS, *content.CHECKS, *quality.CHECKS, *labels.CHECKS)


def run_all_checks(survey: ImageIndex, thresholds: dict[str, float]) -> dict[str, Finding]:
    """Every check that fits the task, in their order.

    One BLAS thread: its products are small here, and threads that wait for each other spin (docs/log.md).
    """
    likeness = thresholds.get("near_duplicates", LIMITS.likeness)
    view = CheckContext(survey, Limits(likeness=likeness))
    found = {}
    with threadpool_limits(1, user_api="blas"):
        for check in CHECKS:
            if check.task in (None, survey.catalog.task):
                threshold = thresholds.get(check.name, check.threshold)
                found[check.name] = check.run(view, threshold if threshold is not None else 0.0)
    return found
