"""The report of an evaluation as one self-contained page: figures, confidence, mistakes with pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tellapart.evaluation.report import classification, reading, tagging
from tellapart.evaluation.report.common import NAMES, Evaluation, confidence, headline, learning, shown, tiles
from tellapart.evaluation.report.corruptions import robustness
from tellapart.evaluation.selection import MET
from tellapart.viz import svg
from tellapart.viz.html import Html, Pictures, document, join, name, package_text, table, tag, write_page

__all__ = ["Evaluation", "write_report"]

SECTIONS = {"classify": classification.sections, "read": reading.sections, "tag": tagging.sections}
STYLE = svg.STYLE + "\n" + package_text("tellapart.evaluation.report", "report.css")


def write_report(evaluation: Evaluation, path: Path) -> None:
    """Write the page, whole or not at all.

    Args:
        evaluation: the answers and figures.
        path: the file; an existing one is replaced.
    """
    pictures = Pictures(evaluation.catalog)
    reads = evaluation.bundle.task == "read"
    parts = list(SECTIONS[evaluation.bundle.task](evaluation, pictures))
    parts.insert(len(parts) if reads else -2, ("confidence", "How sure it is", confidence(evaluation)))
    if "corruptions" in evaluation.figures:
        parts.append(("corruptions", "When pictures are worse", robustness(evaluation)))
    if (curves := learning(evaluation.history)) is not None:
        parts.append(("learning", "How the training went", curves))
    links = [tag("li", tag("a", title, href=f"#{key}")) for key, title, _ in [("overview", "Overview", None), *parts]]
    source = Path(str(evaluation.figures["data"])).name or "data"
    body = tag(
        "div",
        tag("nav", tag("ol", *links), aria_label="Contents"),
        tag("main", _overview(evaluation, source), *(
            tag("section", tag("h2", title), content, id=key, aria_label=title) for key, title, content in parts
        ), id="content"),
        class_="whole with-nav",
    )  # fmt: skip
    write_page(path, document(f"How good is it on {source}?", body, style=STYLE), pictures)


def _overview(evaluation: Evaluation, source: str) -> Html:
    figures = evaluation.figures
    part = "all its images" if figures["split"] == "all" else f"its {figures['split']} part"
    unseen = {True: ", none of which it knows from its training", False: ", which it knows from its training", None: ""}
    trained = evaluation.bundle.manifest.versions.get("tellapart", "?")
    return tag(
        "div", tag("h1", "How good is it on ", name(source), "?"),
        tag("p", tag("b", headline(figures, unseen=evaluation.unseen))),
        tiles(figures),
        tag("p", f"Measured on {figures['n']:,} images of {part}{unseen[evaluation.unseen]}. Below each figure stands "
            f"its 95 % interval. {figures['images_per_second']:g} images a second on this machine. Trained with "
            f"tellapart {trained}.", class_="note"),
        _seen(figures) if figures["seen"] else None,
        id="overview",
    )  # fmt: skip


def _seen(figures: Mapping[str, Any]) -> Html:
    """Return a table of the images that are scored apart: a row a part of the training, a column a figure."""
    columns = [column for column in NAMES if any(column in part for part in figures["seen"].values())]
    rows = [
        [MET[part], f"{figures['images'][part]:,}", *(shown(column, scores[column]["value"]) for column in columns)]
        for part, scores in figures["seen"].items()
    ]
    note = "Scored apart, as the model knows them from its training: images that"
    return join([tag("p", note, class_="note"), table(["", "images", *(NAMES[column] for column in columns)], rows)])
