"""Columns of several labels an image: as text, as lists in JSON and Parquet, and what is refused."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tellapart.core.errors import CatalogError, InputError
from tellapart.data.catalog_file import read_catalog
from tellapart.data.coarse_labels import apply_coarse_labels
from tellapart.data.merging import open_sources
from tellapart.data.opening import open_catalog
from tellapart.data.resampling import balance
from tellapart.data.summary import summary
from tellapart.data.tag_cells import list_in_text, tag_cell

SETS = [["dog", "cat"], ["cat"], []]
LABELS = ["cat|dog", "cat", "|"]


@pytest.fixture
def folder(tmp_path, fill):
    return fill(tmp_path, ["a.png", "b.png", "c.png"])


def written(folder, kind, sets=SETS):
    """A table of the pictures a, b, c with these tags."""
    path = folder / f"t.{kind}"
    files = [f"{name}.png" for name in "abc"]
    if kind == "parquet":
        pq.write_table(pa.table({"file": files, "label": pa.array(sets, pa.list_(pa.string()))}), path)
    elif kind == "jsonl":
        rows = zip(files, sets, strict=True)
        path.write_text("\n".join(json.dumps({"file": file, "label": tags}) for file, tags in rows))
    else:
        rows = zip(files, sets, strict=True)
        path.write_text("\n".join(["file,label", *(f"{file},{'|'.join(tags) or '|'}" for file, tags in rows)]))
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_every_kind_of_table_holds_tags(folder, kind, capsys):
    catalog = open_catalog(written(folder, kind), task="tag")
    assert catalog.column("label") == LABELS
    assert (catalog.task, catalog.labels, catalog.notes) == ("tag", ("cat", "dog"), ())
    assert capsys.readouterr().err == (
        f"read as: 2 tags of 3 images, 0 to 2 an image, from the column 'label' of t.{kind}\n"
    )


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_list_without_the_task_is_refused_and_names_it(folder, kind):
    path = written(folder, kind)
    with pytest.raises(CatalogError, match=r"its 'label' holds a list: several labels an image; say --task tag, give"):
        open_catalog(path)


def test_shards_hold_lists_of_classes(tmp_path, draw, encode):
    features = {"image": {"_type": "Image"}, "label": {"feature": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}
    images = [{"bytes": encode(draw(n)), "path": f"{n}.png"} for n in range(3)]
    table = pa.table({"image": images, "label": [[1, 0], [0], []]})
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(about), tmp_path / "s.parquet")
    assert open_catalog(tmp_path / "s.parquet", task="tag").column("label") == LABELS


def test_a_list_written_as_text_is_one(folder, table):
    path = table(folder, 'file,label\na.png,"[\'dog\', \'cat\']"\nb.png,"[""cat""]"\nc.png,[]\n', "t.csv")
    assert open_catalog(path, task="tag").column("label") == LABELS
    assert list_in_text("[not a list") is None
    assert list_in_text("[not a list]") is None


def test_a_rule_takes_each_tag_out_of_the_column(folder, table):
    path = table(folder, "file,label\na.png,x:dog|x:cat\nb.png,x:cat\nc.png,|\n", "t.csv")
    assert open_catalog(path, task="tag", label_from="x:(.+)").column("label") == LABELS


def test_an_empty_cell_says_nothing_and_is_refused(folder, table, refuses):
    path = table(folder, "file,label\na.png,cat\nb.png,\n", "t.csv")
    with refuses(
        CatalogError,
        f"{path}: row 3 (b.png) has an empty label; write its tags with | between them into the 'label' column, | "
        "alone where it has none of them, or drop the row",
    ):
        open_catalog(path, task="tag")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["a|b"], "here: its 'tags' holds the tag 'a|b'; give each tag a name without |, which stands between tags"),
        (["", "a"], "here: its 'tags' holds the tag ''; give each tag a name without |, which stands between tags"),
        ([["a"]], "here: its 'tags' holds a list, not a tag, or name another column with --label-column"),
        ({"a": 1}, "here: its 'tags' holds an object, not a tag, or name another column with --label-column"),
    ],
)
def test_cells_that_hold_no_tags(value, message, refuses):
    with refuses(CatalogError, message):
        tag_cell(value, "here", "tags")


def test_numbers_are_tags_too():
    assert tag_cell([2, 10], "", "") == "10|2"


def test_folders_give_an_image_one_label(class_folders, refuses):
    with refuses(
        CatalogError,
        f"{class_folders}: names give an image one label; for several (--task tag) give a table: a first line "
        "file,label, then a.png,cat|dog",
    ):
        open_catalog(class_folders, task="tag")


def test_a_table_beside_the_folder_is_offered(class_folders, table, refuses):
    path = table(class_folders, "file,label\ncat/0.png,a|b\ncat/1.png,a\ncat/2.png,b\n", "tags.csv")
    with refuses(
        CatalogError,
        f"{class_folders}: names give an image one label; for several (--task tag) tags.csv names these images: give "
        f"it as the data ({path})",
    ):
        open_catalog(class_folders, task="tag")


def test_without_the_task_a_joined_label_is_one_and_said(folder, table):
    path = table(folder, "file,label\na.png,cat|dog\nb.png,cat\nc.png,dog\n", "t.csv")
    assert open_catalog(path, task="classify").labels == ("cat", "cat|dog", "dog")
    assert open_catalog(path, task="classify").notes == (
        "1 label looks like several labels an image, joined (--task tag): cat|dog",
    )


def test_a_written_catalog_keeps_the_task_and_any_order_of_hand(folder, tmp_path):
    catalog = open_catalog(written(folder, "csv"), task="tag")
    catalog.with_column("label", ["dog| cat", "cat", "|"]).write(tmp_path / "c.parquet")
    again = read_catalog(tmp_path / "c.parquet")
    assert (again.task, again.column("label"), again.fingerprint) == ("tag", LABELS, catalog.fingerprint)


def test_a_catalog_of_tags_is_for_no_other_task(folder, tmp_path, refuses):
    path = open_catalog(written(folder, "csv"), task="tag").write(tmp_path / "c.parquet")
    with refuses(
        CatalogError,
        f"{path}: several labels an image (tag), which no model to classify learns; say --task tag, or catalog a "
        "source with one label an image",
    ):
        open_catalog(path, task="classify")


def test_a_catalog_of_classes_becomes_one_of_tags(folder, table):
    path = table(folder, "file,label,group\na.png,dog|cat,x\nb.png,cat,x\nc.png,|,y\n", "t.csv")
    classes = open_catalog(path, task="classify")
    assert open_catalog(classes, task="tag").column("label") == LABELS
    assert open_catalog(classes, task="tag").groups == {}
    assert open_catalog(path, task="tag").notes[-1] == "the groups are left out: tags have none"


def test_groups_and_balance_are_for_classes(folder, refuses, tmp_path):
    path = written(folder, "csv")
    words = "several labels an image (tag)"
    with refuses(InputError, f"{path}: {words}; coarse_labels knows classify and read only"):
        open_catalog(path, task="tag", coarse_labels={"x": ["cat", "dog"]})
    assert apply_coarse_labels  # which knows one label an image
    with refuses(InputError, f"{path}: {words}; balance knows classify only"):
        balance(open_catalog(path, task="tag").with_column("split", ["train", "val", "test"]), method="weights")


def test_a_summary_counts_each_tag(folder):
    result = summary(written(folder, "csv"), task="tag")
    assert (result["images"], result["labels"], result["classes"]) == (3, 2, {"cat": 2, "dog": 1})


def test_a_notebook_counts_each_tag(folder):
    assert "<td>dog</td><td>1</td>" in open_catalog(written(folder, "csv"), task="tag")._repr_html_()


def test_a_later_source_corrects_tags_but_brings_no_new_ones_unasked(folder, tmp_path, table):
    first = written(folder, "csv")
    later = table(folder, "file,label\na.png,cat\nb.png,cat|dog\n", "later.csv")
    assert open_sources([first, later], task="tag").column("label") == ["cat", "cat|dog", "|"]
    other = table(folder, "file,label\na.png,cat|owl\n", "other.csv")
    with pytest.raises(CatalogError, match=r"other.csv: 1 tag that .*t.csv has not: owl; mend the label"):
        open_sources([first, other], task="tag")


@pytest.mark.parametrize(("label", "options", "note"), [
    ("animal|insect", {}, "1 label looks like several labels an image, joined (--task tag): animal|insect"),
    ('"animal, insect"', {"task": "tag"}, "1 tag holds ',' or ';': animal, insect; | stands between tags, so write "
     "animal|insect where these are several"),
    ("animal;insect", {"task": "tag"}, "1 tag holds ',' or ';': animal;insect; | stands between tags, so write "
     "animal|insect where these are several"),
    ("animal|insect", {"task": "tag"}, None),
    ('"animal, insect"', {"task": "classify"}, None),
])  # fmt: skip
def test_labels_that_look_like_several_are_noted(folder, label, options, note):
    path = folder / "t.csv"
    path.write_text(f"file,label\na.png,{label}\nb.png,animal\nc.png,animal\n")
    assert list(open_catalog(path, **options).notes) == [note] * (note is not None)
