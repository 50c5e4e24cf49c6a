"""A JSON file is a table in each form in which people write labels down; another form is refused."""

from __future__ import annotations

import json

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.columns import Columns
from tellapart.data.json_tables import read_json_table
from tellapart.data.layouts import read_source


def rows(tmp_path, value):
    path = tmp_path / "t.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    records = read_json_table(path, Columns().file_heading)
    return [record.cells for record in records.records], records.notes


AB = [{"file": "a.png", "label": "x"}, {"file": "b.png", "label": "y"}]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (AB, None),
        ({"a.png": "x", "b.png": "y"}, "name → label"),
        ({"a.png": {"label": "x"}, "b.png": {"label": "y"}}, "name → object"),
        ({"x": ["a.png"], "y": ["b.png"]}, "class → names"),
        ({"file": ["a.png", "b.png"], "label": ["x", "y"]}, None),
        ({"file": {"0": "a.png", "1": "b.png"}, "label": {"0": "x", "1": "y"}}, None),
        ({"version": 1, "data": AB, "tags": []}, "the list 'data'"),
        ({"classes": ["x", "y"], "labels": {"a.png": 0, "b.png": 1}}, "name → number of a class"),
    ],
)
def test_forms(tmp_path, value, said):
    assert rows(tmp_path, value) == (AB, [f"read as: {said} (t.json)"] if said else [])


def test_an_object_keeps_its_own_name_of_the_file(tmp_path):
    assert rows(tmp_path, {"1": {"file": "a.png", "label": 7}})[0] == [{"file": "a.png", "label": 7}]


@pytest.mark.parametrize(
    "value", [[], {}, 7, "null", [1], ["a.png"], {"a": [1]}, {"a": AB, "b": AB}, {"file": ["a"], "label": []}]
)
def test_what_is_no_table(tmp_path, value):
    with pytest.raises(CatalogError, match=r"t\.json: no table of images; give a list of objects"):
        rows(tmp_path, value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a.png": "x"', "not JSON: .*; mend it"),
        ("[" * 100_000, "not JSON: .*; mend it"),
        ('{"a.png": "x", "a.png": "y"}', "an object gives 'a.png' twice; keep one"),
        ("", "not JSON"),
    ],
)
def test_damage(tmp_path, text, said):
    with pytest.raises(CatalogError, match=rf"t\.json: {said}"):
        rows(tmp_path, text)


def test_it_is_read_where_it_is_given_and_boxes_are_not(tmp_path, fill):
    fill(tmp_path, ["images/a.png", "images/b.png"])
    path = tmp_path / "labels.json"
    path.write_text('{"a": "x", "b": "y"}')
    assert [(row.file, row.label) for row in read_source(path).rows] == [("images/a.png", "x"), ("images/b.png", "y")]
    path.write_text('{"images": [], "annotations": []}')
    with pytest.raises(CatalogError, match="COCO boxes: several objects an image"):
        read_source(path)
