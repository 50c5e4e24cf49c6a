"""A map as one page that stands alone: zoom, filter by class and part, a thumbnail under the pointer."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tellapart.viz.html import Html, document, name, package_text, tag

SHEET = 64  # thumbnails along a side of a sheet
Floats = npt.NDArray[np.float32]

STYLE = "\n" + package_text("tellapart.evaluation", "map_page.css")


def sheets(thumbnails: Iterable[npt.NDArray[np.uint8]], side: int) -> list[str]:
    """Return JPEG sheets of 64 x 64 thumbnails each, as data URLs.

    Args:
        thumbnails: ``uint8`` side, side, 3 each.
        side: of a thumbnail in px.
    """
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


@dataclass(frozen=True)
class MapPoints:
    """The N images of a map page.

    Args:
        places: N, 2, in any unit.
        files: N names.
        labels: N labels.
        parts: N of train, val, test or None.
        new: whether each was placed on an older map; empty where none was.
    """

    places: Floats
    files: Sequence[str]
    labels: Sequence[str]
    parts: Sequence[str | None]
    new: Sequence[bool] = ()


@dataclass(frozen=True)
class Thumbnails:
    """The thumbnails of a map page.

    Args:
        sheets: what `sheets` made, in the order of the images.
        side: of a thumbnail in px.
    """

    sheets: Sequence[str]
    side: int


def page(title: str, points: MapPoints, colour: Mapping[str, str], thumbnails: Thumbnails, notes: Sequence[str]) -> str:
    """Return the page's HTML.

    Args:
        title: of the page.
        points: the images, at least one.
        colour: label → colour, in the order of the legend. Labels without an image are left out.
        thumbnails: a picture of each image.
        notes: paragraphs below the title.
    """
    present = set(points.labels)
    names = [each for each in colour if each in present]
    parts = sorted({part for part in points.parts if part is not None}, key=("train", "val", "test").index)
    data = _script_data(points, names, parts, colour, thumbnails)
    counts = np.bincount(data["of"], minlength=len(names)).tolist()
    classes = [
        tag("label", tag("input", type="checkbox", checked=True, data_of=number), _spot(colour[each]), name(each),
            tag("span", f"{count:,}", class_="many"))
        for number, (each, count) in enumerate(zip(names, counts, strict=True))
    ]  # fmt: skip
    boxes = [
        tag("label", tag("input", type="checkbox", checked=True, data_part=number), each)
        for number, each in enumerate(parts)
    ]
    description = (
        f"{len(points.files):,} images on a map. Arrows move it, plus and minus zoom, N and P step through the images "
        "shown."
    )
    body = tag(
        "div",
        tag("div", tag("canvas", id="map", tabindex=0, role="application", aria_label=description),
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
    literal = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    script = package_text("tellapart.evaluation", "map_page.js")
    return document(title, body, style=STYLE, script=f"const told = {literal};\n{script}")


def _script_data(
    points: MapPoints, names: Sequence[str], parts: Sequence[str], colour: Mapping[str, str], thumbnails: Thumbnails
) -> dict[str, Any]:
    """Return what the script draws: places as base64 of ``uint16`` little-endian pairs, labels and parts by number."""
    low, high = points.places.min(axis=0), points.places.max(axis=0)
    span = float((high - low).max()) or 1.0
    scaled = np.round((points.places - low) / span * 65535).astype("<u2")
    label_to_number = {each: number for number, each in enumerate(names)}
    return {
        "xy": base64.b64encode(np.ascontiguousarray(scaled).tobytes()).decode(),
        "of": [label_to_number[label] for label in points.labels],
        "part": [parts.index(part) if part is not None else -1 for part in points.parts],
        "new": [int(each) for each in points.new],
        "files": list(points.files),
        "names": names,
        "colours": [colour[each] for each in names],
        "parts": parts,
        "sheets": list(thumbnails.sheets),
        "side": thumbnails.side,
    }


def _spot(colour: str) -> Html:
    return tag("svg", tag("circle", cx=5, cy=5, r=5, fill=colour), viewBox="0 0 10 10", aria_hidden="true")
