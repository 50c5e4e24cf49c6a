"""Boxes of objects are told by what is in the files, named, and never taken for labels; text tables beside them are."""

from __future__ import annotations

import json

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.box_annotations import kind_of_boxes
from tellapart.data.layouts import read_source

YOLO = "0 0.5 0.5 0.25 0.125\n14 0.1 .2 0.3 1e-2\n"
COCO = json.dumps({"info": {}, "annotations": [{"image_id": 1, "bbox": [0, 0, 1, 1]}], "images": [{"id": 1}]})
VOC = "<annotation>\n<object><name>dog</name><bndbox><xmin>1</xmin></bndbox></object></annotation>"
FILES = {"YOLO": ("labels/{}.txt", YOLO), "COCO": ("instances.json", COCO), "Pascal VOC": ("xml/{}.xml", VOC)}


@pytest.fixture
def boxes(tmp_path, fill):
    """A folder of images with boxes in a format."""

    def make(kind, images=("images/x1.png", "images/x2.png")):
        root = fill(tmp_path / "set", images)
        name, text = FILES[kind]
        for image in images:
            path = root / name.format(image.rpartition("/")[2].partition(".")[0])
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return root

    return make


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("task", [None, "read"])
def test_boxes_are_named_and_what_to_do(boxes, kind, task):
    with pytest.raises(CatalogError) as caught:
        read_source(boxes(kind), task=task)
    assert f"set: {kind} boxes lie beside the images (" in str(caught.value)
    assert "several objects an image, where one label an image is needed; cut the objects out" in str(caught.value)


@pytest.mark.parametrize("kind", FILES)
def test_class_folders_are_read_and_boxes_noted(boxes, kind):
    listing = read_source(boxes(kind, ("cat/x1.png", "dog/x2.png")))
    assert [row.label for row in listing.rows] == ["cat", "dog"]
    assert f"not read: {kind} boxes lie beside the images" in " ".join(listing.notes)


@pytest.mark.parametrize("kind", FILES)
def test_boxes_are_no_table(boxes, kind):
    root = boxes(kind)
    path = next(path for path in sorted(root.rglob("*")) if path.suffix in (".json", ".txt", ".xml"))
    with pytest.raises(CatalogError):
        read_source(path)
    assert kind_of_boxes(path) == kind


@pytest.mark.parametrize("text", ["a.png cat\n", "cat\ndog\n", "1 2\n", "0 0.5 0.5 0.25 0.125 cat\n", "", "{}"])
def test_other_texts_are_no_boxes(tmp_path, text):
    for suffix in (".txt", ".json", ".xml"):
        (tmp_path / f"a{suffix}").write_text(text)
        assert kind_of_boxes(tmp_path / f"a{suffix}") is None


# --- tables without a heading, and of other endings --------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gt.txt", "x1.png cat\nx2.png hello, world\n"),
        ("gt.txt", "x1.png\tcat\nx2.png\thello, world\n"),
        ("gt.txt", 'x1.png, "cat"\nx2.png, "hello, world"\n'),
        ("gt.txt", "file\tlabel\nx1.png\tcat\nx2.png\thello, world\n"),
        ("gt.tsv", "x1.png\tcat\nx2.png\thello, world\n"),
        ("gt.ndjson", '{"file": "x1.png", "label": "cat"}\n{"file": "x2.png", "label": "hello, world"}\n'),
    ],
)
def test_text_tables_of_other_programs_are_read(tmp_path, fill, name, text):
    table = fill(tmp_path / "set", ["x1.png", "x2.png"]) / name
    table.write_text(text, encoding="utf-8")
    listing = read_source(table)
    assert [(row.file, row.label) for row in listing.rows] == [("x1.png", "cat"), ("x2.png", "hello, world")]


def test_a_row_without_a_label_is_named(tmp_path, fill):
    table = fill(tmp_path / "set", ["x1.png", "x2.png"]) / "gt.txt"
    table.write_text("x1.png cat\nx2.png\n", encoding="utf-8")
    with pytest.raises(CatalogError, match=r"gt\.txt: row 2 has 1 cell, but the heading 2"):
        read_source(table)
