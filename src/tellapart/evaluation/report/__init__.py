"""The report of an evaluation as one self-contained page: figures, confidence, mistakes with pictures."""

from __future__ import annotations

from pathlib import Path

from tellapart.evaluation.report import classification, reading
from tellapart.evaluation.report.common import Evaluation, confidence, headline, learning, tiles
from tellapart.viz import svg
from tellapart.viz.html import Html, Pictures, document, name, package_text, tag, write_page

__all__ = ["Evaluation", "write_report"]

STYLE = svg.STYLE + "\n" + package_text("tellapart.evaluation.report", "report.css")


def write_report(evaluation: Evaluation, path: Path) -> None:
    """Write the page, whole or not at all.

    Args:
        evaluation: the answers and figures.
        path: the file; an existing one is replaced.
    """
    pictures = Pictures(evaluation.catalog)
    reads = evaluation.bundle.task == "read"
    parts = list((reading if reads else classification).sections(evaluation, pictures))
    parts.insert(len(parts) if reads else -2, ("confidence", "How sure it is", confidence(evaluation)))
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
    unseen = {False: ", which taught nothing", True: ", some of which taught it", None: ""}[evaluation.has_trained]
    trained = evaluation.bundle.manifest.versions.get("tellapart", "?")
    return tag(
        "div", tag("h1", "How good is it on ", name(source), "?"),
        tag("p", tag("b", headline(figures, clean=not evaluation.has_trained))),
        tiles(figures),
        tag("p", f"Measured on {part} ({figures['n']:,} images){unseen}. Below each figure stands its "
            f"95 % interval. {figures['images_per_second']:g} images a second on this machine. Trained with tellapart "
            f"{trained}.", class_="note"),
        id="overview",
    )  # fmt: skip
