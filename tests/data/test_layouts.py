"""Every layout becomes the same rows; what does not fit is refused in words that say what to do."""

from __future__ import annotations

import errno
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.core.errors import CatalogError
from tellapart.core.image_io import is_image_name
from tellapart.core.system_files import is_system_name
from tellapart.data.layouts import read_source
from tellapart.data.name_rules import label_in_name
from tellapart.data.opening import open_catalog


def facts(listing):
    return [(row.file, row.label) for row in listing.rows]


# --- folders


def test_class_folders(class_folders):
    listing = read_source(class_folders)
    assert listing.layout == "class folders"
    assert listing.root == class_folders
    assert facts(listing) == [(f"{label}/{n}.png", label) for label in ("cat", "cup", "dog") for n in range(4)]
    assert {(row.group, row.split, row.together, row.shard, row.row) for row in listing.rows} == {(None,) * 5}
    assert listing.notes == []


def test_group_and_class_folders(tmp_path, fill):
    fill(tmp_path, ["animal/cat/1.png", "animal/dog/1.jpg", "object/cup/1.png"])
    assert [(row.file, row.label, row.group) for row in read_source(tmp_path).rows] == [
        ("animal/cat/1.png", "cat", "animal"),
        ("animal/dog/1.jpg", "dog", "animal"),
        ("object/cup/1.png", "cup", "object"),
    ]


@pytest.mark.parametrize(("folder", "split"), [("val", "val"), ("Valid", "val"), ("validation", "val"), ("dev", "val")])
def test_split_folders(tmp_path, fill, folder, split):
    fill(tmp_path, ["Train/cat/1.png", f"{folder}/cat/2.png", "TEST/dog/3.png"])
    assert {(row.file, row.label, row.split) for row in read_source(tmp_path).rows} == {
        ("Train/cat/1.png", "cat", "train"),
        (f"{folder}/cat/2.png", "cat", split),
        ("TEST/dog/3.png", "dog", "test"),
    }


def test_split_folders_over_groups(tmp_path, fill):
    fill(tmp_path, ["train/animal/cat/1.png", "test/animal/cat/2.png"])
    assert [(row.label, row.group, row.split) for row in read_source(tmp_path).rows] == [
        ("cat", "animal", "test"),
        ("cat", "animal", "train"),
    ]


def test_split_folders_of_named_images(tmp_path, fill):
    fill(tmp_path, ["train/cat_1.png", "train/dog_1.png", "test/cat_2.png"])
    assert [(row.label, row.split) for row in read_source(tmp_path).rows] == [
        ("cat", "test"), ("cat", "train"), ("dog", "train"),
    ]  # fmt: skip
    fill(tmp_path, ["owl_1.png"])
    assert ("owl", None) in [(row.label, row.split) for row in read_source(tmp_path, label_from="prefix").rows]


def test_classes_that_are_called_like_one_part_are_classes(tmp_path, fill):
    fill(tmp_path, ["train/1.png", "bus/1.png", "test/1.png"])
    assert {(row.label, row.split) for row in read_source(tmp_path).rows} == {
        ("train", None), ("bus", None), ("test", None),
    }  # fmt: skip


def test_names_carry_labels_where_there_are_no_folders(tmp_path, fill):
    fill(tmp_path, ["dog_01.png", "dog_02.jpg", "cup (3).png", "2_10067.png"])
    assert facts(read_source(tmp_path)) == [
        ("2_10067.png", "2"), ("cup (3).png", "cup"), ("dog_01.png", "dog"), ("dog_02.jpg", "dog"),
    ]  # fmt: skip


def test_names_carry_texts_where_the_task_is_reading(tmp_path, fill):
    fill(tmp_path, ["0042.png", "0042.1.png", "ab3kz.png", "가나 다.png"])
    expected = [("0042.1.png", "0042"), ("0042.png", "0042"), ("ab3kz.png", "ab3kz"), ("가나 다.png", "가나 다")]
    assert facts(read_source(tmp_path, task="read")) == expected
    assert facts(read_source(tmp_path, label_from="text")) == expected


def test_names_carry_labels_by_an_expression(tmp_path, fill):
    fill(tmp_path, ["x-red-7.png", "y/x-blue-8.png"])
    assert facts(read_source(tmp_path, label_from=r"x-([a-z]+)-\d")) == [
        ("x-red-7.png", "red"),
        ("y/x-blue-8.png", "blue"),
    ]


def test_class_folders_may_be_passed_over_for_names(class_folders, fill):
    fill(class_folders, ["cat/dog_7.png"])
    assert ("cat/dog_7.png", "cat") in facts(read_source(class_folders))
    for path in class_folders.glob("*/?.png"):
        path.unlink()
    assert facts(read_source(class_folders, label_from="prefix")) == [("cat/dog_7.png", "dog")]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("dog_01", "dog"),
        ("cat.12", "cat"),
        ("cup (3)", "cup"),
        ("big dog-7", "big dog"),
        ("a_1_2", "a_1"),
        ("고양이 3", "고양이"),
    ],
)
def test_prefixes(name, label):
    assert label_in_name(f"{name}.png", "prefix") == label


@given(st.text("abc0123456789 .()-_", min_size=1).filter(lambda text: text.strip(" .") == text))
def test_a_text_name_is_its_text_or_a_copy_of_it(text):
    label = label_in_name(f"folder/{text}.png", "text")
    counter = text.removeprefix(label)
    assert text.startswith(label)
    assert label
    assert counter == "" or counter.startswith(".") or (counter.startswith(" (") and counter.endswith(")"))
    assert counter.strip(" .()").isdigit() or counter == ""


@pytest.mark.parametrize("name", ["dog.png", "123.png", "_1.png"])
def test_a_name_without_a_label_is_named(refuses, name):
    with refuses(
        CatalogError,
        f"set/{name}: the name holds no label by the rule 'prefix'; sort the images into class folders, or give a rule "
        "that fits (--label-from)",
    ):
        label_in_name(f"set/{name}", "prefix")


def test_rules_that_are_no_rules(refuses):
    with refuses(CatalogError, "label rule '(': not a regular expression: missing ) at position 1"):
        label_in_name("a.png", "(")
    for rule in ("folders", "(a)(b)", "a"):
        with refuses(
            CatalogError,
            f"label rule {rule!r}: give folder, prefix, text, text-number, text-hash, number-text, hash-text, "
            "number-text-number, or a regular expression with exactly one group"
            + (" (did you mean 'folder'?)" if rule == "folders" else ""),
        ):
            label_in_name("a.png", rule)


def test_what_is_no_image_is_counted(class_folders):
    for name in ("notes.txt", "cat/more.txt", "cat/a.pdf", ".DS_Store", "cat/._0.png", "Thumbs.db", "cat/README"):
        (class_folders / name).write_bytes(b"x")
    (class_folders / "__MACOSX").mkdir()
    (class_folders / "__MACOSX" / "0.png").write_bytes(b"x")
    listing = read_source(class_folders)
    assert len(listing.rows) == 12
    assert listing.notes == [
        "4 files are not images by name and were left out: 2 .txt, 1 without an ending, 1 .pdf",
        "hidden, or left behind by a system, and left out: 1 .DS_Store, 1 ._ (AppleDouble), 1 Thumbs.db, 1 __MACOSX",
    ]


def test_images_beside_class_folders_are_named(class_folders, fill, refuses):
    words = (
        "images must all lie in class folders (class/image) or all in group/class folders (group/class/image); "
        "move this one, or label by name (--label-from prefix)"
    )
    fill(class_folders, ["odd.png"])
    with refuses(CatalogError, f"odd.png: {words}"):
        read_source(class_folders)
    (class_folders / "odd.png").rename(class_folders / "cat" / "odd.png")
    fill(class_folders, ["cat/deep/odd.png"])
    with refuses(CatalogError, f"cat/deep/odd.png: {words}"):
        read_source(class_folders)


def test_folders_that_are_too_deep_or_too_flat_are_named(tmp_path, fill):
    fill(tmp_path / "deep", ["a/b/c/1.png"])
    with pytest.raises(CatalogError, match=r"^a/b/c/1\.png: images must all lie in class folders"):
        read_source(tmp_path / "deep")
    fill(tmp_path / "flat", ["1.png"])
    with pytest.raises(CatalogError, match=r"^1\.png: images must all lie in class folders"):
        read_source(tmp_path / "flat", label_from="folder")


def test_nothing_there(tmp_path, refuses):
    with refuses(CatalogError, f"{tmp_path}/no: there is no such file or folder"):
        read_source(tmp_path / "no")
    with refuses(CatalogError, f"{tmp_path}/*.parquet: no file matches this pattern"):
        read_source(f"{tmp_path}/*.parquet")
    with refuses(CatalogError, f"{tmp_path}: no images found (looked for JPEG, PNG, BMP, TIFF, WEBP, GIF)"):
        read_source(tmp_path)
    (tmp_path / "a.txt").touch()
    with refuses(
        CatalogError,
        f"{tmp_path}: no images found (looked for JPEG, PNG, BMP, TIFF, WEBP, GIF); "
        "1 file is no image by name and was left out: 1 .txt",
    ):
        read_source(tmp_path)
    (tmp_path / "a.md").touch()
    with refuses(
        CatalogError,
        f"{tmp_path}/a.md: not a data set; give a folder of images, a table (.csv, .tsv, .jsonl, .ndjson, .parquet, "
        ".json, .txt) or Parquet shards",
    ):
        read_source(tmp_path / "a.md")


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path, fill):
    fill(tmp_path / "set [1]", ["cat/1.png"])
    assert facts(read_source(tmp_path / "set [1]")) == [("cat/1.png", "cat")]


def test_class_folders_that_differ_in_blanks_are_noted(tmp_path, fill):
    fill(tmp_path, [" dog/1.png", "dog/2.png", "dog\t/3.png", "cat/4.png", " cup/5.png"])
    listing = open_catalog(tmp_path)
    assert set(listing.labels) == {" dog", "dog", "dog\t", "cat", " cup"}
    assert list(listing.notes) == [r"1 label differs from another only in the blanks around them: ' dog'/dog/'dog\t'"]


PART = st.sampled_from(
    ["a", "A", "a b", "a.b", "a-", "é", "e\u0301", "\udcff", " ", "new\nline", "train", "con", "__MACOSX", ".hidden"]
)
NAME = st.sampled_from(
    ["a.png", "A.PNG", "a b.jpg", "a.tar.gif", "a.png.", "a.txt", "README", ".png", "..png", "._a.png", "Thumbs.db",
     "__MACOSX", "desktop.ini", "\udcff.png", "new\nline.bmp", " .webp"]
)  # fmt: skip


@given(st.lists(st.tuples(st.lists(PART | NAME, max_size=3), NAME), max_size=30))
def test_any_tree_is_listed_as_pathlib_lists_it(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("tree")
    for folders, name in names:
        path = root.joinpath(*folders, name)
        if not any(above.is_file() for above in path.parents) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    inside = [path.relative_to(root) for path in sorted(root.rglob("*")) if path.is_file()]
    inside = [path for path in inside if not any(map(is_system_name, path.parts))]
    expected = [(path.as_posix(), path.stem) for path in inside if is_image_name(path)]
    others = [path for path in inside if not is_image_name(path)]
    if expected:
        listing = read_source(root, label_from="(?s)(.+)")
        assert facts(listing) == expected
        assert [note.split()[0] for note in listing.notes if "by name" in note] == [str(len(others))] * bool(others)
    else:
        with pytest.raises(CatalogError, match="no images found"):
            read_source(root)


# --- links, and folders that cannot be read


def test_links_to_folders_are_followed(tmp_path, fill):
    fill(tmp_path / "pool", ["cat/1.png", "cat/2.png", "more/owl/3.png"])
    fill(tmp_path / "set", ["dog/1.png"])
    for name, target in (("cat", "../pool/cat"), ("puss", "../pool/cat"), ("same", "dog"), ("owl", "../pool/more/owl")):
        (tmp_path / "set" / name).symlink_to(target)
    (tmp_path / "set" / "dog" / "2.png").symlink_to("../../pool/cat/1.png")
    (tmp_path / "linked").symlink_to("set")
    for root in (tmp_path / "set", tmp_path / "linked"):
        listing = read_source(root)
        assert facts(listing) == [
            ("cat/1.png", "cat"), ("cat/2.png", "cat"), ("dog/1.png", "dog"), ("dog/2.png", "dog"),
            ("owl/3.png", "owl"), ("puss/1.png", "puss"), ("puss/2.png", "puss"), ("same/1.png", "same"),
            ("same/2.png", "same"),
        ]  # fmt: skip
        assert listing.notes == []


def test_shards_behind_a_link_are_found(tmp_path):
    for name in ("pool", "set"):
        (tmp_path / name).mkdir()
    pq.write_table(pa.table({"image": [b"1"], "label": ["x"]}), tmp_path / "pool" / "0.parquet")
    (tmp_path / "set" / "data").symlink_to("../pool")
    (tmp_path / "set" / "gone").symlink_to("../nowhere")
    listing = read_source(tmp_path / "set")
    assert [(row.shard, row.label) for row in listing.rows] == [("data/0.parquet", "x")]
    assert listing.notes == ["1 links cannot be followed and were left out: gone"]


def test_a_link_to_a_folder_that_it_lies_in_is_noted_and_not_followed(tmp_path, fill):
    root = fill(tmp_path / "set", ["cat/x_1.png", "dog/x_2.png"])
    fill(tmp_path / "pool", ["in/x_3.png", "x_4.png"])
    (root / "cat" / "here").symlink_to(".")
    (root / "cat" / "root").symlink_to("..")
    (root / "cat" / "above").symlink_to("../..")
    (root / "dog" / "far").symlink_to("../../pool/in")
    (tmp_path / "pool" / "in" / "back").symlink_to(root / "dog")
    (tmp_path / "pool" / "in" / "out").symlink_to("..")  # above it on the disk, though not on the way to it
    (tmp_path / "linked").symlink_to("set")
    for data in (root, tmp_path / "linked"):
        listing = read_source(data, label_from="prefix")
        assert [row.file for row in listing.rows] == ["cat/x_1.png", "dog/far/x_3.png", "dog/x_2.png"]
        assert listing.notes == [
            "5 links lead back to a folder that they lie in and were not followed: cat/above, cat/here, cat/root and "
            "2 more"
        ]


def test_folders_that_link_to_each_other_end(tmp_path, fill):
    fill(tmp_path, ["a/x_1.png", "b/x_2.png"])
    (tmp_path / "a" / "to").symlink_to("../b")
    (tmp_path / "b" / "to").symlink_to("../a")
    listing = read_source(tmp_path, label_from="prefix")
    assert [row.file for row in listing.rows] == ["a/to/x_2.png", "a/x_1.png", "b/to/x_1.png", "b/x_2.png"]
    assert listing.notes == [
        "2 links lead back to a folder that they lie in and were not followed: a/to/to, b/to/to"
    ]  # fmt: skip


def test_links_that_lead_nowhere_are_not_lost(class_folders):
    (class_folders / "cat" / "gone.png").symlink_to("nowhere.png")
    (class_folders / "dog" / "self.png").symlink_to("self.png")
    (class_folders / "owl").symlink_to("nowhere")
    (class_folders / "cat" / ".hidden").symlink_to("nowhere")
    listing = read_source(class_folders)
    assert len(listing.rows) == 14
    assert listing.notes == [
        "1 links cannot be followed and were left out: owl",
        "hidden, or left behind by a system, and left out: 1 .hidden",
    ]
    opened = open_catalog(class_folders)
    assert {file: why for file, why in zip(opened.column("file"), opened.column("why"), strict=True) if why} == {
        "cat/gone.png": "unreadable: there is no such file",
        "dog/self.png": "unreadable: the file cannot be read: Too many levels of symbolic links",
    }


@pytest.fixture
def closed(monkeypatch):
    """Take the right to list a folder away, even from the superuser."""
    folders = set()
    scandir = os.scandir

    def guarded(folder):
        if os.fspath(folder) in folders:
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    return lambda folder: folders.add(os.fspath(folder))


def test_a_folder_that_cannot_be_read_is_named(class_folders, closed):
    closed(class_folders / "cup")
    note = "1 folders cannot be read and were left out: cup (Permission denied)"
    listing = read_source(class_folders)
    assert facts(listing) == [(f"{label}/{n}.png", label) for label in ("cat", "dog") for n in range(4)]
    assert listing.notes == ["1 class folder without a usable image: cup (cannot be read)", note]
    assert listing.lost_classes == {"cup": "cannot be read"}
    (class_folders / "labels.csv").write_text("file,label\ncat/0.png,x\n")
    assert read_source(class_folders).notes == [
        "7 images are not named in labels.csv and were left out: cat/1.png, cat/2.png, cat/3.png and 4 more", note,
    ]  # fmt: skip


def test_a_source_that_cannot_be_read_is_refused(class_folders, closed, refuses, monkeypatch):
    for label in ("cat", "cup", "dog"):
        closed(class_folders / label)
    reasons = ", ".join(f"{label} (Permission denied)" for label in ("cat", "cup", "dog"))
    with refuses(
        CatalogError,
        f"{class_folders}: no images found (looked for JPEG, PNG, BMP, TIFF, WEBP, GIF); "
        f"3 folders cannot be read and were left out: {reasons}",
    ):
        read_source(class_folders)
    closed(class_folders)
    with refuses(CatalogError, f"{class_folders}: cannot be read: Permission denied"):
        read_source(class_folders)
    with refuses(CatalogError, f"{'x' * 300}: cannot be read: File name too long"):
        read_source("x" * 300)


# --- the user's own


def test_listing_changes_nothing(class_folders, tree):
    os.utime(class_folders / "cat" / "0.png", ns=(0, 10**18))
    before = tree(class_folders)
    read_source(class_folders)
    read_source(class_folders, label_from="(.)")
    assert tree(class_folders) == before


def test_tables_named_by_the_parts_are_read_together(tmp_path, fill, refuses):
    fill(tmp_path, [f"images/{n}.png" for n in range(6)])
    for part, numbers in (("train", (0, 1)), ("val", (2, 3)), ("test", (4,))):
        text = "file,label\n" + "".join(f"images/{n}.png,{'cat' if n % 2 else 'dog'}\n" for n in numbers)
        (tmp_path / f"{part}.csv").write_text(text)
    listing = read_source(tmp_path)
    assert {(row.file[7], row.label, row.split) for row in listing.rows} == {
        ("0", "dog", "train"), ("1", "cat", "train"), ("2", "dog", "val"), ("3", "cat", "val"), ("4", "dog", "test"),
    }  # fmt: skip
    assert "1 image is not named in test.csv, train.csv, val.csv and was left out: images/5.png" in listing.notes
    (tmp_path / "test.csv").write_text("file\nimages/4.png\n")  # a contest's: it has no labels
    with pytest.raises(
        CatalogError, match=r"the name holds no label by the rule 'prefix'.*; the labels may stand in test"
    ):
        read_source(tmp_path)
    with refuses(
        CatalogError,
        f"{tmp_path}/*.csv: test.csv is no Parquet shard, and only those are taken by a pattern; give the folder, or "
        "one table",
    ):
        read_source(f"{tmp_path}/*.csv")


def test_images_beside_those_that_a_table_names_are_counted(tmp_path, fill):
    fill(tmp_path, ["a/1.png", "a/2.png", "a/.3.png", "b/4.png", "5.png"])
    (tmp_path / "t.csv").write_text("file,label\na/1.png,x\n")
    assert read_source(tmp_path / "t.csv").notes == [
        "1 image beside them is not named in t.csv and was left out: a/2.png"
    ]
