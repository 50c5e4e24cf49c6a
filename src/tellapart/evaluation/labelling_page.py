"""The page on which a person labels the images that were chosen, and saves them as the table that a training takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tellapart.core.errors import pluralize
from tellapart.data.catalog import Catalog
from tellapart.viz.html import (
    SAVE_CSV,
    Html,
    Pictures,
    card,
    cards,
    document,
    name,
    package_text,
    path_name,
    tag,
    write_page,
)

SCRIPT = SAVE_CSV + package_text("tellapart.evaluation", "labelling_page.js")
STYLE = "\n" + package_text("tellapart.evaluation", "labelling_page.css")


def write_labelling_page(
    path: Path, table: Path, catalog: Catalog, records: Mapping[int, Mapping[str, str]], labels: Sequence[str]
) -> None:
    """Write the page: a picture an image with what the model answers, and a field for its label.

    Its button saves the table anew, with the labels. The page sends nothing anywhere.

    Args:
        path: of the page.
        table: the CSV that the page stands beside; the saved one has its name.
        catalog: the images.
        records: row of the catalog → the cells of its line in the table by column, in the order of the choice.
        labels: the classes, which a field offers; none of a reader.
    """
    answered = [records[row]["predicted"] if row in records else "" for row in range(len(catalog))]
    pictures = Pictures(catalog.with_column("label", answered))
    wide = catalog.task == "read"
    lead = (
        f"{pluralize(len(records), 'image')} of {len(catalog):,}: those of which the model knows least, no two alike. "
        f"Label those that you can, save {table.name}, and train with it; what is left empty is passed over."
    )
    columns = ",".join(next(iter(records.values())))
    controls = tag(
        "div", tag("span", "", id="count", role="status"),
        tag("button", f"Save {table.name}", id="save", type="button", disabled=True, data_name=table.name,
            data_columns=columns), class_="bar",
    )  # fmt: skip
    items = [_item(pictures, row, record, wide) for row, record in records.items()]
    body = tag(
        "div", tag("h1", "What to label next"), tag("p", lead),
        tag("main", controls, tag("noscript", tag("p", "This page needs JavaScript to save your labels.")),
            cards(items, class_="cards label wide" if wide else "cards label"),
            tag("datalist", *(tag("option", value=label) for label in labels), id="classes"), id="content"),
        class_="whole",
    )  # fmt: skip
    write_page(path, document("What to label next", body, style=STYLE, script=SCRIPT), pictures)


def _item(pictures: Pictures, row: int, record: Mapping[str, str], wide: bool) -> Html:
    sure = f"{float(record['confidence']):.0%}".replace("%", " %")
    field = tag(
        "span",
        tag("input", type="text", list=None if wide else "classes", autocomplete="off", placeholder="label",
            aria_label=f"label of {record['file']}"),
        tag("button", "as answered", type="button", class_="accept",
            aria_label=f"{record['file']}: as answered, {record['predicted']}"),
        class_="field",
    )  # fmt: skip
    cells = {f"data_{column}": value for column, value in record.items() if column != "label"}
    return card(
        pictures.show(row, 208 if wide else 152, 152), tag("b", name(record["predicted"])),
        tag("span", f"{sure} sure"), tag("span", path_name(record["file"]), class_="file"), field,
        class_="card item", **cells,
    )  # fmt: skip
