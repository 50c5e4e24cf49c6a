"""A map as one page that stands alone: zoom, filter by class and part, a thumbnail under the pointer."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tellapart.viz.html import Html, document, name, tag

SHEET = 64  # thumbnails along a side of a sheet
Floats = npt.NDArray[np.float32]

STYLE = """
body { overflow: hidden } .map { display: grid; grid-template-columns: minmax(0, 1fr) 17rem; height: 100vh;
  height: 100dvh }
.field { position: relative; min-width: 0; min-height: 0 } .field canvas { position: absolute; inset: 0; width: 100%;
  height: 100%; touch-action: none; cursor: crosshair } .field canvas:focus-visible { outline: 3px solid var(--accent);
  outline-offset: -3px }
.tools { position: absolute; left: .7rem; top: .7rem; display: flex; gap: .3rem }
button { font: inherit; background: var(--ground); color: var(--text); border: 1px solid var(--line); border-radius:
  .4rem; min-width: 2.2rem; height: 2.2rem; cursor: pointer }
aside { border-left: 1px solid var(--line); padding: .8rem 1rem; overflow: auto; background: var(--panel) }
aside h1 { font-size: 1.15rem } aside h2 { font-size: .9rem; margin-top: 1rem } aside label { display: flex; gap: .5rem;
  align-items: center; font-size: .875rem; padding: .12rem 0 } aside .many { margin-left: auto; color: var(--soft) }
aside svg { width: .8rem; height: .8rem; flex: none } #about { min-height: 13rem; font-size: .8125rem; overflow-wrap:
  anywhere }
#about canvas { display: block; background: var(--ground); border-radius: .3rem; margin-bottom: .4rem }
@media (max-width: 700px) { .map { grid-template-columns: 1fr; grid-template-rows: 58vh 1fr; } aside { border-left: 0;
  border-top: 1px solid var(--line) } #about { min-height: 3rem } }
"""


def sheets(thumbnails: Iterable[npt.NDArray[np.uint8]], side: int) -> list[str]:
    """Thumbnails ``uint8`` side, side, 3, as JPEG sheets of 64 x 64, in data addresses."""
    pages, cells = [], list(thumbnails)
    for start in range(0, len(cells), SHEET * SHEET):
        part = cells[start : start + SHEET * SHEET]
        rows = -(-len(part) // SHEET)
        page = np.full((rows * side, SHEET * side, 3), 255, np.uint8)
        for place, cell in enumerate(part):
            top, left = place // SHEET * side, place % SHEET * side
            page[top : top + side, left : left + side] = cell
        buffer = io.BytesIO()
        Image.fromarray(page).save(buffer, "JPEG", quality=72, optimize=True)
        pages.append(f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}")
    return pages


def page(
    title: str,
    places: Floats,
    files: Sequence[str],
    labels: Sequence[str],
    parts: Sequence[str | None],
    colour: dict[str, str],
    pictures: Sequence[str],
    side: int,
    notes: Sequence[str],
    new: Sequence[bool] = (),
) -> str:
    """The page's HTML.

    Args:
        places: N, 2.
        parts: train, val, test or None of each.
        pictures: what `sheets` made, in the order of the places.
        side: of a thumbnail in px.
        new: those that were placed on an older map.
    """
    low, high = places.min(axis=0), places.max(axis=0)
    span = float((high - low).max()) or 1.0
    scaled = np.round((places - low) / span * 65535).astype("<u2")
    present = set(labels)
    names = [each for each in colour if each in present]
    known = sorted({part for part in parts if part is not None}, key=("train", "val", "test").index)
    index = {each: place for place, each in enumerate(names)}
    told: dict[str, Any] = {
        "xy": base64.b64encode(np.ascontiguousarray(scaled).tobytes()).decode(),
        "of": [index[label] for label in labels],
        "part": [known.index(part) if part is not None else -1 for part in parts],
        "new": [int(each) for each in new],
        "files": list(files),
        "names": names,
        "colours": [colour[each] for each in names],
        "parts": known,
        "sheets": list(pictures),
        "side": side,
    }
    counts = np.bincount(told["of"], minlength=len(names)).tolist()
    classes = [
        tag("label", tag("input", type="checkbox", checked=True, data_of=place), _spot(colour[each]), name(each),
            tag("span", f"{count:,}", class_="many"))
        for place, (each, count) in enumerate(zip(names, counts, strict=True))
    ]  # fmt: skip
    boxes = [
        tag("label", tag("input", type="checkbox", checked=True, data_part=place), each)
        for place, each in enumerate(known)
    ]
    told_by = (
        f"{len(files):,} images on a map. Arrows move it, plus and minus zoom, N and P step through the images shown."
    )
    body = tag(
        "div",
        tag("div", tag("canvas", id="map", tabindex=0, role="application", aria_label=told_by),
            tag("div", tag("button", "+", id="in", aria_label="closer"),
                tag("button", "−", id="out", aria_label="farther"),
                tag("button", "all", id="whole", aria_label="show all"), class_="tools"),
            class_="field"),
        tag("aside", tag("h1", title), *(tag("p", note, class_="note") for note in notes),
            tag("div", tag("p", "Point at an image.", class_="note"), id="about", role="status", aria_live="polite"),
            tag("h2", "Parts") if boxes else None, *boxes,
            tag("h2", "Classes "), tag("button", "none / all", id="toggle"), *classes, id="content"),
        class_="map",
    )  # fmt: skip
    data = json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")
    script = (resources.files("tellapart.evaluation") / "map_page.js").read_text(encoding="utf-8")
    return document(title, body, style=STYLE, script=f"const told = {data};\n{script}")


def _spot(colour: str) -> Html:
    return tag("svg", tag("circle", cx=5, cy=5, r=5, fill=colour), viewBox="0 0 10 10", aria_hidden="true")
