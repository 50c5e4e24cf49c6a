"""Columns by option or by their usual headings; what fits none is named with the nearest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.columns import FILE_COLUMNS, LABEL_COLUMNS, LABEL_IDS, Columns, UnfitOptionError, one_hot, usual

T = Path("t.csv")


@pytest.mark.parametrize(
    ("present", "chosen"),
    [
        (["file", "label"], ("file", "label")),
        (["File Name", "Words"], ("File Name", "Words")),
        (["label", "IMAGE-ID"], ("IMAGE-ID", "label")),
        (["id", "filename", "class_name"], ("filename", "class_name")),
        (["image", "path", "text"], ("image", "text")),
        (["id_code", "diagnosis", "target"], ("id_code", "target")),
        (["Width", "ClassId", "Path"], ("Path", "ClassId")),
        (["image", "category_id", "category_name"], ("image", "category_name")),
    ],
)
def test_usual_headings(present, chosen):
    assert Columns().choose(present, T) == chosen
    assert Columns().file_heading(present) == chosen[0]


@pytest.mark.parametrize(
    ("columns", "present", "text"),
    [
        (Columns(), ["bild", "label"], "no file column; it has: bild, label; name the right one with --file-column"),
        (Columns(), ["file", "x"], "no label column; it has: file, x; name the right one with --label-column"),
        (Columns("fil"), ["file", "label"], "no column 'fil' (did you mean 'file'?); it has: file, label"),
        (Columns(None, "LABEL "), ["file", "label"], "no column 'LABEL ' (did you mean 'label'?); it has: file, label"),
        (Columns(None, None, "who"), ["file", "label", "Who"],
         "no column 'who' (did you mean 'Who'?) (group_by); it has: file, label, Who"),
        (Columns(), ["file", "label", "label"], "2 columns may be the label column: 'label', 'label'; rename one"),
        (Columns(None, "x"), ["file", "x", "x"], "2 columns may be the label column: 'x', 'x'; rename one"),
        (Columns(), ["file", "label", "Label"],
         "2 columns may be the label column: 'label', 'Label'; name the right one with --label-column"),
        (Columns(), ["file_name", "file name", "label"],
         "2 columns may be the file column: 'file_name', 'file name'; name the right one with --file-column"),
    ],
)  # fmt: skip
def test_columns_that_cannot_be_chosen(columns, present, text, refuses):
    with refuses(CatalogError, f"t.csv: {text}"):
        columns.choose(present, T)
    assert columns.file_heading(present) is None


def test_columns_by_option():
    assert Columns("a", "b").choose(["file", "label", "b", "a"], T) == ("a", "b")
    assert Columns("text", None).choose(["text", "label"], T) == ("text", "label")
    assert Columns("file", "file").choose(["file", "label"], T) == ("file", "file")


def test_what_else_may_hold_the_labels_is_said():
    assert Columns().others(["file", "label", "text", "Species"], "label") == (
        "read as: labels from the column 'label', not 'text', 'Species' (--label-column)"
    )
    assert Columns(None, "label").others(["label", "text"], "label") is None
    assert Columns().others(["file", "label", "size"], "label") is None


def test_options_of_a_source_without_columns(refuses):
    Columns().refuse_without_columns("d", "folders of images")
    with refuses(
        UnfitOptionError,
        "d: --file-column a, --group-by w: cannot be used with folders of images, which have no columns; leave it out, "
        "or give a table",
    ):
        Columns("a", None, "w").refuse_without_columns("d", "folders of images")


def test_a_rule_takes_the_label_out_of_a_text(refuses):
    read = Columns(label_from=r"This is '(.+)'").read_label
    assert (read("This is 'abc'", "t"), read("This is ' a b '", "t")) == ("abc", "a b")
    for text in ("This is ''", "this is 'abc'", "This is ' '", "So: This is 'abc'"):
        with pytest.raises(CatalogError, match=r"^t\.csv: row 2: the label .* holds nothing by the rule"):
            read(text, "t.csv: row 2")
    assert Columns().read_label("as it stands", "t") == "as it stands"
    for rule in ("folder", "prefix", "text"):
        with pytest.raises(UnfitOptionError, match=f"^--label-from {rule}: reads names of files"):
            _ = Columns(label_from=rule).read_label
    for rule in ("a", "(a)(b)"):
        with pytest.raises(CatalogError, match="regular expression with exactly one group"):
            _ = Columns(label_from=rule).read_label
    with pytest.raises(CatalogError, match="not a regular expression"):
        _ = Columns(label_from="(").read_label


def test_one_hot_columns(refuses):
    sample = [{"file": "a", "cat": "1.0", "dog": "0.0", "n": "3"}, {"file": "b", "cat": "0.0", "dog": "", "n": "1"}]
    assert one_hot(["file", "cat", "dog", "n"], sample) == ["cat", "dog"]
    assert one_hot(["cat"], sample) == []
    assert one_hot(["cat", "dog"], []) == []
    assert one_hot(["region_count", "region_id"], [{"region_count": "0", "region_id": "0"}]) == []  # none is ever true
    with pytest.raises(CatalogError, match="no label column; the columns cat, dog hold 0 and 1, as for several"):
        Columns().choose(["file", "cat", "dog", "n"], T, sample)
    assert Columns(None, "n").choose(["file", "cat", "dog", "n"], T, sample) == ("file", "n")


def test_usual_names_are_in_the_form_that_headings_are_compared_in():
    for names in (FILE_COLUMNS, (*LABEL_COLUMNS, *LABEL_IDS)):
        assert len(set(names)) == len(names)
        assert all(usual([name], [f" {name.upper()[:2]}_{name[2:]}"]) for name in names)


def test_what_tellapart_wrote_for_another_use_is_refused():
    with pytest.raises(CatalogError, match=r"^t\.csv: the rows of a catalog without its metadata"):
        Columns().choose(["file", "label", "keep", "sha256", "pixels", "split"], T)
    with pytest.raises(CatalogError, match=r"^t\.csv: the corrections of a review page; give them to tellapart clean"):
        Columns().choose(["file", "keep", "label"], T)
