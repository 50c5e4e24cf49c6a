"""A text beside each image is its label."""

from __future__ import annotations

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.layouts import read_source
from tellapart.data.opening import open_catalog


def texts(root, ending, **of):
    for name, text in of.items():
        (root / f"{name}{ending}").write_text(text, encoding="utf-8")


def facts(listing):
    return [(row.file, row.label) for row in listing.rows]


@pytest.mark.parametrize("ending", [".txt", ".gt.txt", ".GT.TXT"])
def test_texts_beside_images(tmp_path, fill, ending):
    fill(tmp_path, ["1.png", "2.png", "3.png"])
    texts(tmp_path, ending, **{"1": "abc\n", "2": " d e \r\n"})
    (tmp_path / "readme.md").touch()
    listing = read_source(tmp_path)
    assert facts(listing) == [("1.png", "abc"), ("2.png", "d e")]
    assert listing.notes == [
        f"1 image has no {ending.lower()} beside it and left out: 3.png",
        "1 file is no image by name and was left out: 1 .md",
    ]


def test_the_task(tmp_path, fill, capsys):
    fill(tmp_path, [f"{n}.png" for n in range(6)])
    texts(tmp_path, ".txt", **{str(n): "cat" if n % 2 else "dog" for n in range(6)})
    assert open_catalog(tmp_path).task == "classify"
    assert capsys.readouterr().err.startswith("read as: 2 classes of 3 images, from the .txt beside each image")
    texts(tmp_path, ".txt", **{str(n): f"text {n}" for n in range(6)})
    assert open_catalog(tmp_path).task == "read"


def test_class_folders_come_first_unless_the_task_is_reading(class_folders):
    for path in class_folders.rglob("*.png"):
        path.with_suffix(".txt").write_text(f"word {path.stem}")
    assert {row.label for row in read_source(class_folders).rows} == {"cat", "cup", "dog"}
    assert {row.label for row in read_source(class_folders, task="read").rows} == {f"word {n}" for n in range(4)}
    for path in class_folders.rglob("*.txt"):
        path.rename(path.with_suffix(".gt.txt"))
    assert len({row.label for row in read_source(class_folders).rows}) == 4


def test_parts_are_kept(tmp_path, fill):
    fill(tmp_path, ["train/1.png", "train/2.png", "test/3.png"])
    texts(tmp_path / "train", ".gt.txt", **{"1": "a", "2": "b"})
    texts(tmp_path / "test", ".gt.txt", **{"3": "c"})
    assert [(row.label, row.split) for row in read_source(tmp_path).rows] == [
        ("c", "test"), ("a", "train"), ("b", "train"),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "lines"), [("", "0 lines"), ("a\nb\n", "2 lines")])
def test_a_file_of_no_one_line(tmp_path, fill, refuses, text, lines):
    fill(tmp_path, ["1.png"])
    texts(tmp_path, ".txt", **{"1": text})
    with refuses(
        CatalogError,
        f"{tmp_path / '1.txt'}: holds {lines}; write the one text of its image there, or give a table of file and "
        "label",
    ):
        read_source(tmp_path)


def test_one_text_beside_many_images_and_boxes_are_none(tmp_path, fill):
    fill(tmp_path, [f"dog_{n}.png" for n in range(5)])
    texts(tmp_path, ".txt", dog_1="a note")
    assert {row.label for row in read_source(tmp_path).rows} == {"dog"}
    texts(tmp_path, ".txt", **{f"dog_{n}": "0 0.5 0.5 0.2 0.2\n" for n in range(5)})
    with pytest.raises(CatalogError, match="YOLO boxes"):
        read_source(tmp_path)
