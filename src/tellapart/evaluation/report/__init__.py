"""An evaluation as one page that stands alone: how good, how sure, where it fails, with pictures."""

from __future__ import annotations

from pathlib import Path

from tellapart.evaluation.report import classification, reading
from tellapart.evaluation.report.common import Evaluation, confidence, headline, learning, tiles
from tellapart.viz import svg
from tellapart.viz.html import Html, Pictures, document, name, tag, write_page

__all__ = ["Evaluation", "write_report"]

HEAT = "\n".join(
    f".h{step} {{ background: color-mix(in srgb, var(--accent) {7 * step}%, transparent) }}" for step in range(1, 11)
)
SURE = "\n".join(
    f".s{step} {{ color: color-mix(in srgb, var(--green) {25 * step}%, var(--red)) }}" for step in range(5)
)
STYLE = f"""{svg.STYLE}
.scroll {{ overflow-x: auto }} thead th {{ text-align: right }} thead th:first-child {{ text-align: left }}
.confusion td {{ padding: .15rem .4rem; text-align: center; border: 1px solid var(--line) }}
.confusion small {{ color: var(--soft) }}
.confusion .own {{ outline: 1px solid var(--accent); outline-offset: -1px }} .confusion th {{ padding: .15rem .5rem }}
{HEAT}
.spelt {{ font: 600 1.15rem ui-monospace, monospace; letter-spacing: .08em }}
.good {{ color: var(--green) }} .bad {{ color: var(--red) }}
{SURE}
"""


def write_report(found: Evaluation, path: Path) -> None:
    """Write the page, whole or not at all.

    Args:
        path: the file; one that is there is replaced.
    """
    pictures = Pictures(found.catalog)
    reads = found.bundle.task == "read"
    parts = list((reading if reads else classification).sections(found, pictures))
    parts.insert(len(parts) if reads else -2, ("confidence", "How sure it is", confidence(found)))
    if (curves := learning(found.history)) is not None:
        parts.append(("learning", "How the training went", curves))
    links = [tag("li", tag("a", title, href=f"#{key}")) for key, title, _ in [("overview", "Overview", None), *parts]]
    source = Path(str(found.figures["data"])).name or "data"
    body = tag(
        "div",
        tag("nav", tag("ol", *links), aria_label="Contents"),
        tag("main", _overview(found, source), *(
            tag("section", tag("h2", title), content, id=key, aria_label=title) for key, title, content in parts
        ), id="content"),
        class_="whole with-nav",
    )  # fmt: skip
    write_page(path, document(f"How good is it on {source}?", body, style=STYLE), pictures)


def _overview(found: Evaluation, source: str) -> Html:
    figures = found.figures
    part = "all its images" if figures["split"] == "all" else f"its {figures['split']} part"
    unseen = {False: ", which taught nothing", True: ", some of which taught it", None: ""}[found.taught]
    trained = found.bundle.manifest.versions.get("tellapart", "?")
    return tag(
        "div", tag("h1", "How good is it on ", name(source), "?"),
        tag("p", tag("b", headline(figures, clean=not found.taught))),
        tiles(figures),
        tag("p", f"Measured on {part} ({figures['n']:,} images){unseen}. Below each figure stands its "
            f"95 % interval. {figures['images_per_second']:g} images a second on this machine. Trained with tellapart "
            f"{trained}.", class_="note"),
        id="overview",
    )  # fmt: skip
