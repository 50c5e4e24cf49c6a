"""A name that can mean one file alone is that file; any other is missing, with the nearest as a hint."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from tellapart.data import file_names
from tellapart.data.file_names import find_files


@pytest.fixture
def folder(tmp_path):
    """A place for the files of a table, with some there."""

    def folder(*names):
        for name in names:
            path = tmp_path / "set" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / "set"

    return folder


@pytest.mark.parametrize(
    ("files", "name", "path"),
    [
        (["train/cat/a.png"], r"train\cat\a.png", "train/cat/a.png"),
        (["train/cat/a.png"], r"C:\set\train\cat\a.png", "train/cat/a.png"),
        (["train/cat/a.png"], r".\train\cat\a.png", "train/cat/a.png"),
        (["train/cat/a.png"], r"\\server\share\train\cat\a.png", "train/cat/a.png"),
        (["train/cat/a.png"], "/kaggle/input/set/train/cat/a.png", "train/cat/a.png"),
        (["train/cat/a.png"], "train/cat/a", "train/cat/a.png"),
        (["images/z.png", "images/y.png"], "z.png", "images/z.png"),
        (["images/z.png", "images/y.png"], "z", "images/z.png"),
        (["z.png"], "images/z.png", "z.png"),
        (["IMG_1.JPG"], "IMG_1.jpg", "IMG_1.JPG"),
        (["img_1.jpeg"], "IMG_1.JPG", "img_1.jpeg"),
        (["Cat/1.png"], "cat/1.png", "Cat/1.png"),
        (["deep/er/v1.2.png"], "v1.2", "deep/er/v1.2.png"),
        ([unicodedata.normalize("NFD", "größe.png")], "größe.png", unicodedata.normalize("NFD", "größe.png")),
        (["größe.png"], unicodedata.normalize("NFD", "größe.png"), "größe.png"),
        (["a b.png"], "x/a b.png", "a b.png"),
        (["0042"], "d/0042", "0042"),
        (["a b#1.png"], "a%20b%231.png", "a b#1.png"),
        (["a/b/c/abc12.jpg"], "abc12", "a/b/c/abc12.jpg"),
    ],
)
def test_names_that_mean_one_file(folder, files, name, path):
    root = folder(*files)
    found = find_files(root, [name])
    assert (found.paths, found.guessed, found.missing) == ({name: path}, {name: path}, [])
    assert (root / path).is_file()
    assert found.notes("t.csv") == [f"read as: 1 of 1 files are called otherwise in t.csv: {name} is {path}"]


@pytest.mark.parametrize(
    ("files", "name", "hint"),
    [
        (["a/1.png", "b/1.png"], "1.png", " (did you mean 'a/1.png' or 'b/1.png'?)"),
        (["a/1.png"], "b/1.png", " (did you mean 'a/1.png'?)"),
        (["1.png", "1.jpg"], "1", " (did you mean '1.jpg' or '1.png'?)"),
        (["IMG.png", "img.PNG"], "Img.png", " (did you mean 'IMG.png' or 'img.PNG'?)"),
        (["cat.png"], "cat.jpg", " (did you mean 'cat.png'?)"),
        (["x/00042.png"], "42", " (did you mean 'x/00042.png'?)"),
        (["x/00042.png"], "0042.png", " (did you mean 'x/00042.png'?)"),
        (["portrait_12.png"], "portrait-12.png", " (did you mean 'portrait_12.png'?)"),
        (["cat/a.png"], "cat", " (a folder)"),
        ([".hidden/a.png"], "a.png", ""),
        (["cat.txt"], "cat", ""),
        ([], "b.png", ""),
        ([], "https://example.org/a.png", " (a web address: nothing is fetched; save the images beside the table)"),
        ([], "data:image/png;base64,iVBORw0", " (an image as text: save it as a file, or as bytes in Parquet)"),
        ([], "iVBORw0KGgo" * 100, " (an image as text: save it as a file, or as bytes in Parquet)"),
        ([], "a\0.png", ""),
        ([], "../up/a.png", ""),
        ([], "/", " (a folder)"),
    ],
)
def test_names_that_mean_no_file_or_several(folder, files, name, hint):
    found = find_files(folder("one.gif", *files), [name])
    assert (found.paths, found.missing) == ({}, [name])
    assert found.hints.get(name, "") == hint


def test_exact_names_come_first(folder):
    root = folder("a.png", "x/a.png", "A.png", r"x\a.png")
    names = ["a.png", "x/a.png", "A.png", r"x\a.png", "./x/../a.png", str(root / "a.png")]
    found = find_files(root, names)
    assert found.paths == {name: Path(name).as_posix() for name in names}
    assert found.notes("t.csv") == []


def test_no_two_names_are_one_file_by_a_guess(folder):
    root = folder("1.png", "2.png")
    assert find_files(root, ["train/1.png", "test/2.png"]).missing == []
    assert find_files(root, ["train/1.png", "test/1.png"]).missing == ["train/1.png", "test/1.png"]
    assert find_files(root, ["1.png", "test/1.png"]).missing == ["test/1.png"]
    assert find_files(root, ["1.png", "1", "1.PNG"]).paths == {"1.png": "1.png", "1": "1.png", "1.PNG": "1.png"}


def test_a_table_beside_the_folder_of_its_images(folder):
    root = folder("images/a.png", "tables/x.txt") / "tables"
    assert find_files(root, ["images/a.png", r"images\a.png"]).paths == {
        "images/a.png": "../images/a.png", r"images\a.png": "../images/a.png",
    }  # fmt: skip
    assert find_files(root, ["a.png"]).missing == ["a.png"]


def test_names_from_the_current_folder_are_a_hint(folder, monkeypatch):
    root = folder("images/a.png", "tables/deep/x.txt")
    monkeypatch.chdir(root)
    found = find_files(root / "tables" / "deep", ["images/a.png"])
    assert found.hints == {"images/a.png": " (did you mean '../../images/a.png'?)"}


def test_what_is_missing_is_counted(folder):
    root = folder("deep/3.png")
    found = find_files(root, ["deep/3.png", "x/3.png", *"abcd"])
    assert found.complaint(root) == (
        f"5 of 6 files are missing: x/3.png (did you mean 'deep/3.png'?), a, b and 2 more; paths are relative to {root}"
    )


def test_folders_by_links_are_looked_through_once(folder, tmp_path):
    root = folder("deep/a.png")
    (root / "deep" / "again").symlink_to(root)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.png").touch()
    (root / "linked").symlink_to(outside)
    assert find_files(root, ["a.png", "b"]).paths == {"a.png": "deep/a.png", "b": "linked/b.png"}


def test_too_many_files_are_not_guessed_among(folder, monkeypatch):
    root = folder("deep/a.png", "deep/b.png")
    monkeypatch.setattr(file_names, "MOST_FILES", 1)
    found = find_files(root, ["a.png"])
    assert (found.missing, found.hints) == (["a.png"], {})
