"""A table beside images is read, or offered by name; never passed over in silence."""

from __future__ import annotations

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.layouts import read_source


def put(root, text, name):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.csv", "file,label\ntrain_images/0.jpg,a\ntrain_images/13.jpg,b\n"),
        ("data.tsv", "image\tlabel\n0.jpg\ta\n13.jpg\tb\n"),
        ("Data.jsonl", '{"file_name": "0.jpg", "label": "a"}\n{"file_name": "13.jpg", "label": "b"}\n'),
        ("train.csv", "image_id,label\n0,a\n13,b\n"),
        ("gt.txt", "0.jpg a\n13.jpg b\n"),
        ("rec_gt_train.txt", "train_images/0.jpg\ta\ntrain_images/13.jpg\tb\n"),
        ("annotations.json", '{"images": [{"file_name": "0.jpg"}, {"file_name": "13.jpg"}]}'),
    ],
)
def test_a_table_beside_one_folder_of_images_is_offered(tmp_path, fill, name, text):
    fill(tmp_path, ["train_images/0.jpg", "train_images/13.jpg"])
    put(tmp_path, text, name)
    with pytest.raises(CatalogError) as caught:
        read_source(tmp_path)
    assert name in str(caught.value)
    assert "names these images" in str(caught.value)


def test_a_table_beside_named_images_is_offered(tmp_path, fill):
    fill(tmp_path, [f"dog_{n}.png" for n in range(6)])
    put(tmp_path, "file,label\n" + "".join(f"dog_{n}.png,{n % 2}\n" for n in range(6)), "data.csv")
    with pytest.raises(
        CatalogError, match=r"in file names or in a table: data\.csv names these images: give it as the data"
    ):
        read_source(tmp_path)
    assert {row.label for row in read_source(tmp_path, label_from="prefix").rows} == {"dog"}
    assert [row.label for row in read_source(tmp_path / "data.csv").rows] == list("010101")


def test_a_table_beside_class_folders_is_named(class_folders):
    put(class_folders, "file,label\ncat/0.png,x\ncat/1.png,x\ndog/1.png,y\n", "other.csv")
    put(class_folders, "epoch,loss\n0,1\n1,2\n2,3\n", "results.csv")
    listing = read_source(class_folders)
    assert {row.label for row in listing.rows} == {"cat", "cup", "dog"}
    assert listing.notes == [
        "2 files are not images by name and were left out: 2 .csv",
        f"not read: other.csv names these images: give it as the data ({class_folders / 'other.csv'}) instead",
    ]


@pytest.mark.parametrize("name", ["Labels.csv", "METADATA.CSV", "labels.csv"])
def test_the_usual_name_in_any_case_is_read(tmp_path, fill, name):
    fill(tmp_path, ["a.png", "b.png"])
    put(tmp_path, "file_name,label\na.png,x\nb.png,y\n", name)
    assert [(row.file, row.label) for row in read_source(tmp_path).rows] == [("a.png", "x"), ("b.png", "y")]


def test_a_table_in_the_folder_around_the_set_is_read(tmp_path, fill):
    fill(tmp_path, ["set/images/a.png", "set/images/b.png"])
    put(tmp_path, "file_name,label\nimages/a.png,x\nimages/b.png,y\n", "set/metadata.csv")
    assert [(row.file, row.label) for row in read_source(tmp_path).rows] == [
        ("set/images/a.png", "x"), ("set/images/b.png", "y"),
    ]  # fmt: skip


def test_a_table_in_each_part_is_read(tmp_path, fill):
    fill(tmp_path, ["train/a.png", "train/b.png", "test/a.png", "test/c.png"])
    put(tmp_path, "file_name,label\na.png,x\nb.png,y\n", "train/metadata.csv")
    put(tmp_path, '{"file_name": "a.png", "label": "x"}\n', "test/metadata.jsonl")
    listing = read_source(tmp_path)
    assert [(row.file, row.label, row.split) for row in listing.rows] == [
        ("test/a.png", "x", "test"), ("train/a.png", "x", "train"), ("train/b.png", "y", "train"),
    ]  # fmt: skip
    assert listing.notes == [
        "1 image is not named in test/metadata.jsonl, train/metadata.csv and was left out: test/c.png"
    ]  # fmt: skip


def test_a_table_of_all_parts_keeps_them(tmp_path, fill):
    fill(tmp_path, ["train/a.png", "test/b.png"])
    put(tmp_path, "file_name,label\ntrain/a.png,x\ntest/b.png,y\n", "metadata.csv")
    assert [(row.file, row.split) for row in read_source(tmp_path).rows] == [
        ("train/a.png", "train"), ("test/b.png", "test"),
    ]  # fmt: skip
