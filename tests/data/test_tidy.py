"""A tidy copy says what the data said, and the way back gives the old names; the user's own stays as it is."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import re
import shutil
import unicodedata
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tellapart.core.errors import CatalogError, ConfigError, ImageError
from tellapart.data.opening import open_catalog
from tellapart.data.tidy import folder_names, tidy


def facts(data, **options):
    """What a source says of each image, in any order and whatever the images are called."""
    opened = open_catalog(data, **options)
    return Counter(zip(*(opened.column(name) for name in ("sha256", "label", "group", "split")), strict=True))


def files(folder):
    """The bytes of every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def records(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def table(path, *rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def same_file(one, other):
    return one.stat().st_ino == other.stat().st_ino


def no_links(*args, **kwargs):
    raise OSError(errno.EXDEV, "Invalid cross-device link")


@pytest.fixture
def tidied(class_folders, tmp_path):
    """The class folders, laid out anew."""
    tidy(class_folders, out=tmp_path / "tidy")
    return tmp_path / "tidy"


# --- classes


def test_class_folders_become_clear_names(class_folders, tmp_path):
    out = tmp_path / "new" / "tidy"
    made = tidy(class_folders, out=out)
    assert made == {
        "out": str(out), "images": 12, "linked": 12, "copied": 0, "classes": 3,
        "mapping": str(out / "mapping.csv"), "notes": [],
    }  # fmt: skip
    assert sorted(files(out)) == sorted(
        [f"{label}/{label}_{n:04}.png" for label in ("cat", "cup", "dog") for n in range(1, 5)]
        + ["labels.csv", "mapping.csv"]
    )
    assert records(out / "mapping.csv")[5] == {
        "file": "cup/cup_0002.png",
        "original": "cup/1.png",
        "sha256": hashlib.sha256((class_folders / "cup" / "1.png").read_bytes()).hexdigest(),
    }
    assert records(out / "labels.csv")[0] == {"file": "cat/cat_0001.png", "label": "cat", "split": ""}
    assert facts(out) == facts(class_folders)
    assert [path.name for path in out.parent.iterdir()] == ["tidy"]


def test_numbers_follow_the_order_of_the_names_and_are_as_long_as_the_largest_class_needs(tmp_path, fill):
    fill(tmp_path / "set", ["cat/b.png", "cat/a.png", "cat/B.png", "dog/z.png"])
    many = tmp_path / "set" / "dog"
    for n in range(9999):
        os.link(many / "z.png", many / f"{n:05}.png")
    opened = open_catalog(tmp_path / "set", look=lambda draft: same_facts(draft))
    tidy(opened, out=tmp_path / "tidy")
    original = {row["file"]: row["original"] for row in records(tmp_path / "tidy" / "mapping.csv")}
    assert [original[f"cat/cat_0000{n}.png"] for n in (1, 2, 3)] == ["cat/B.png", "cat/a.png", "cat/b.png"]
    assert (original["dog/dog_00001.png"], original["dog/dog_10000.png"]) == ("dog/00000.png", "dog/z.png")


def same_facts(draft):
    """Facts of ten thousand images, without decoding ten thousand."""
    from tellapart.data.image_facts import FACTS

    digest = {}
    for row, file in enumerate(draft.column("file")):
        data = (draft.root / file).read_bytes()
        known = {"sha256": hashlib.sha256(data).hexdigest(), "keep": True}
        digest[row] = tuple(known.get(name) for name in FACTS)
    return digest


def test_the_content_gives_the_ending(tmp_path, draw, encode):
    kinds = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif", "WEBP": ".webp"}
    (tmp_path / "set" / "x").mkdir(parents=True)
    for n, kind in enumerate(kinds):
        (tmp_path / "set" / "x" / f"{n}.JPEG").write_bytes(encode(draw(n), kind))
    (tmp_path / "set" / "x" / "6.png").write_bytes(encode(draw(6), "MPO", save_all=True))
    big_endian = io.BytesIO()
    Image.fromarray(draw(7)).save(big_endian, "TIFF", big_tiff=True)
    (tmp_path / "set" / "x" / "7.png").write_bytes(big_endian.getvalue())
    tidy(tmp_path / "set", out=tmp_path / "tidy")
    assert sorted(path.suffix for path in (tmp_path / "tidy" / "x").iterdir()) == sorted(
        [*kinds.values(), ".jpg", ".tif"]
    )
    for row in records(tmp_path / "tidy" / "mapping.csv"):
        number = int(Path(row["original"]).stem)
        assert Path(row["file"]).suffix == [*kinds.values(), ".jpg", ".tif"][number]


def test_what_is_not_kept_stays_behind_and_is_counted(class_folders, tmp_path):
    (class_folders / "cat" / "0.png").write_bytes(b"no picture")
    opened = open_catalog(class_folders)
    keep = [kept and file[:3] != "cup" for kept, file in zip(opened.column("keep"), opened.column("file"), strict=True)]
    opened = opened.with_column("keep", keep)
    made = tidy(opened, out=tmp_path / "tidy")
    assert (made["images"], made["classes"]) == (7, 2)
    assert made["notes"] == [*opened.notes, "5 of 12 images are not kept and stay behind"]
    assert "cat/0.png" not in {row["original"] for row in records(tmp_path / "tidy" / "mapping.csv")}
    assert not (tmp_path / "tidy" / "cup").exists()


def test_a_catalog_gives_its_splits_and_groups(class_folders, tmp_path):
    groups = {"animal": ["cat", "dog"], "Thing?": ["cup"]}
    opened = open_catalog(class_folders, coarse_labels=groups).with_column("split", ["train", "val", "test"] * 4)
    path = opened.write(tmp_path / "catalog.parquet")
    out = tmp_path / "tidy"
    assert tidy(path, out=out)["classes"] == 3
    assert {path.parent.relative_to(out).as_posix() for path in out.rglob("*.png")} == {
        "animal/cat", "animal/dog", "Thing/cup",
    }  # fmt: skip
    assert (out / "animal" / "dog" / "dog_0004.png").is_file()
    assert set(records(out / "labels.csv")[0]) == {"file", "label", "split", "group"}
    assert facts(out) == facts(path)
    assert {group for _, _, group, _ in facts(out)} == {"animal", "Thing?"}


def test_what_stays_together_is_kept_too(class_folders, tmp_path):
    rows = [(f"{label}/{n}.png", label, f" site {n} ") for label in ("cat", "cup") for n in range(4)]
    path = table(class_folders / "labels.csv", ("file", "label", "site"), *rows)
    tidy(path, out=tmp_path / "tidy", group_by="site", task="classify")
    opened = open_catalog(tmp_path / "tidy", group_by="together", task="classify")
    assert opened.column("together") == [f"site {n}" for n in range(4)] * 2


def test_a_class_whose_folder_has_another_name_is_noted(tmp_path, fill):
    fill(tmp_path / "set", ["a/1.png", "A/1.png", "big dog/1.png", "cat/1.png", "con/1.png"])
    made = tidy(tmp_path / "set", out=tmp_path / "tidy")
    assert made["notes"][-1] == (
        "3 classes have a folder of another name, see labels.csv: A in A-upper, big dog in big-dog, con in con_"
    )
    assert facts(tmp_path / "tidy") == facts(tmp_path / "set")


# --- names that every system takes


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("dog", "dog"),
        ("Big Dog", "Big-Dog"),
        ("big_dog-2", "big_dog-2"),
        ("고양이", "고양이"),
        ("कुत्ता", "कुत्ता"),
        ("e\u0301te\u0301", "\u00e9t\u00e9"),  # one way to write an accent
        ("a/b\\c:d*e", "a-b-c-d-e"),
        ("v1.5.", "v1-5"),
        ("..", "u002e-u002e"),
        (".hidden", "hidden"),
        ("labels.csv", "labels-csv"),
        ("🐈", "u1f408"),
        ("?", "u003f"),
        ("CON", "CON_"),
        ("Lpt1", "Lpt1_"),
        ("com¹", "com¹_"),
        ("__MACOSX", "__MACOSX_"),
        ("console", "console"),
        ("x" * 300, "x" * 100),
        ("가" * 100, "가" * 33),
        ("a\nb\tc", "a-b-c"),
    ],
)
def test_a_folder_name(label, name):
    assert folder_names([label]) == {label: name}


def test_folder_names_that_would_fall_together_are_told_apart():
    assert folder_names(["A", "a", "B"]) == {"A": "A-upper", "a": "a", "B": "B"}
    assert folder_names(["dog", "Dog", "DOG"]) == {"dog": "dog", "DOG": "DOG-upper", "Dog": "Dog-2"}
    assert folder_names(["C++", "C#", "C"]) == {"C": "C", "C#": "C-2", "C++": "C-3"}
    assert folder_names(["\u00e9", "e\u0301"]) == {"\u00e9": "\u00e9", "e\u0301": "\u00e9-2"}
    assert folder_names(["ß", "SS"]) == {"ß": "ß", "SS": "SS-upper"}
    assert folder_names(["u003f", "?"]) == {"u003f": "u003f", "?": "u003f-2"}
    assert folder_names(["con", "con_"]) == {"con_": "con_", "con": "con_-2"}
    assert folder_names(["c-2", "c", "c!", "C?"]) == {"c": "c", "c-2": "c-2", "c!": "c-3", "C?": "C-4"}


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


@given(st.lists(TEXT | st.sampled_from(["con", "CON", "a.", "a", "A", "aux.txt", "..", "/", "ﬁ", "fi", "İ", "i"])))
def test_any_labels_get_names_that_are_safe_and_distinct(labels):
    names = folder_names(labels)
    assert set(names) == set(labels)
    for name in names.values():
        assert not set(name) & set('<>:"/\\|?*.\0 \n\r\t')
        assert not re.fullmatch(r"(?i)con|prn|aux|nul|(com|lpt)[0-9¹²³]", name)
        assert name == unicodedata.normalize("NFC", name)
        assert 0 < len(name.encode()) < 120
    for fold in (str.casefold, str.upper, str.lower):
        assert len({unicodedata.normalize("NFD", fold(name)) for name in names.values()}) == len(names)


# --- reading sets, tables, shards


def test_a_reading_set(tmp_path, fill):
    names = ["0042.png", "a b.png", "x/z.png", "x/가나.png"]
    fill(tmp_path / "set", names)
    texts = ["0042", "a, b", "a\rb", '"가나"']
    rows = [(name, text, part) for name, text, part in zip(names, texts, ["train", "", "test", "val"], strict=True)]
    path = table(tmp_path / "set" / "labels.csv", ("file", "label", "split"), *rows)
    out = tmp_path / "tidy"
    made = tidy(path, out=out, task="read")
    assert (made["images"], made["classes"], made["linked"]) == (4, 0, 4)
    assert sorted(files(out)) == [*(f"images/{n:06}.png" for n in range(1, 5)), "labels.csv", "mapping.csv"]
    assert [(row["file"], row["label"], row["split"]) for row in records(out / "labels.csv")] == [
        (f"images/{n:06}.png", text, part) for n, (_, text, part) in enumerate(rows, start=1)
    ]
    assert facts(out, task="read") == facts(path, task="read")
    tidy(out, out=tmp_path / "again", restore=True)
    assert sorted(files(tmp_path / "again")) == sorted(names)


def test_a_reading_set_without_splits_has_no_column_for_them(tmp_path, fill):
    fill(tmp_path / "set", ["ab3kz.png", "9x.png"])
    tidy(tmp_path / "set", out=tmp_path / "tidy", task="read")
    assert (tmp_path / "tidy" / "labels.csv").read_text() == (
        "file,label\nimages/000001.png,9x\nimages/000002.png,ab3kz\n"
    )


@pytest.fixture
def shards(tmp_path, draw, encode):
    """Two shards of Hugging Face's layout with eleven and one pictures."""
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    about = {"huggingface": json.dumps({"info": {"features": {"label": {"names": ["cat", "dog"]}}}})}
    paths = [None, "one.jpeg", "../up.png", "/root.png", "sub/x.png", "..", *[None] * 5]
    folder = tmp_path / "shards"
    folder.mkdir()
    for name, numbers in (("a", range(11)), ("b", range(11, 12))):
        values = [{"bytes": encode(draw(n)), "path": paths[n] if n < 11 else "last.png"} for n in numbers]
        made = pa.table({"image": pa.array(values, kind), "label": [n % 2 for n in numbers]})
        pq.write_table(made.replace_schema_metadata(about), folder / f"{name}.parquet", row_group_size=4)
    return folder


def test_shards_are_written_out_in_the_order_of_their_rows(shards, tmp_path, draw, encode, tree):
    before = tree(shards)
    out = tmp_path / "tidy"
    made = tidy(shards, out=out)
    assert (made["images"], made["linked"], made["copied"], made["classes"]) == (12, 0, 12, 2)
    assert tree(shards) == before
    for n in range(12):
        label = ("cat", "dog")[n % 2]
        assert (out / label / f"{label}_{n // 2 + 1:04}.png").read_bytes() == encode(draw(n))
    assert facts(out) == facts(shards)
    originals = [row["original"] for row in records(out / "mapping.csv")]
    assert originals == [
        "a.parquet#0.png", "a.parquet#1/one.jpeg", "a.parquet#2/up.png", "a.parquet#3/root.png",
        "a.parquet#4/sub/x.png", "a.parquet#5.png", *(f"a.parquet#{n}.png" for n in range(6, 11)),
        "b.parquet#0/last.png",
    ]  # fmt: skip
    tidy(out, out=tmp_path / "again", restore=True)
    assert sorted(files(tmp_path / "again")) == sorted(originals)


def test_beside_a_single_shard_there_is_room(shards, refuses):
    made = tidy(shards / "a.parquet", out=shards / "tidy")
    assert made["images"] == 11
    shutil.rmtree(shards / "tidy")
    for data in (shards, f"{shards}/*.parquet"):
        with refuses(ConfigError, f"{shards / 'tidy'} lies inside the data ({shards}); name a folder outside of it"):
            tidy(data, out=shards / "tidy")


def test_a_table_whose_images_lie_elsewhere(tmp_path, fill):
    fill(tmp_path / "far" / "pool", ["x/1.png", "1.png", "y.png"])
    (tmp_path / "far" / "tables").mkdir()
    absolute = str(tmp_path / "far" / "pool" / "y.png")
    rows = [("../pool/x/1.png", "cat"), ("../pool/1.png", "dog"), (absolute, "dog")]
    path = table(tmp_path / "far" / "tables" / "labels.csv", ("file", "label"), *rows)
    tidy(path, out=tmp_path / "tidy")
    assert [row["original"] for row in records(tmp_path / "tidy" / "mapping.csv")] == ["1.png", "x/1.png", "y.png"]
    assert facts(tmp_path / "tidy") == Counter(
        {(digest, label, None, None): n for (digest, label, *_), n in facts(path).items()}
    )
    tidy(tmp_path / "tidy", out=tmp_path / "again", restore=True)
    assert files(tmp_path / "again") == files(tmp_path / "far" / "pool")


def test_a_file_that_a_table_names_in_two_ways_comes_back_once(tmp_path, fill):
    fill(tmp_path / "set", ["a.png", "x/b.png"])
    rows = [("a.png", "cat"), ("x/../a.png", "cat"), ("x/b.png", "cat")]
    tidy(table(tmp_path / "set" / "labels.csv", ("file", "label"), *rows), out=tmp_path / "tidy")
    assert tidy(tmp_path / "tidy", out=tmp_path / "again", restore=True)["images"] == 2
    assert sorted(files(tmp_path / "again")) == ["a.png", "x/b.png"]


def test_labels_with_blanks_around_them(tmp_path, fill, refuses):
    fill(tmp_path / "set", [" dog /1.png", "cat/1.png"])
    tidy(tmp_path / "set", out=tmp_path / "tidy")
    assert open_catalog(tmp_path / "tidy").labels == ("cat", "dog")
    assert [row["label"] for row in records(tmp_path / "tidy" / "labels.csv")] == ["dog", "cat"]
    fill(tmp_path / "set", ["dog/1.png"])
    with refuses(
        CatalogError,
        "dog/1.png: labels ' dog ' and 'dog' differ only in the blanks around them, which no table keeps; rename one",
    ):
        tidy(tmp_path / "set", out=tmp_path / "other")
    shutil.rmtree(tmp_path / "set" / "dog")
    fill(tmp_path / "set", ["  /1.png"])
    with refuses(CatalogError, "'  ': a class folder without a name; rename it"):
        tidy(tmp_path / "set", out=tmp_path / "other")
    assert not (tmp_path / "other").exists()


@settings(max_examples=40)
@given(
    st.lists(TEXT.map(lambda text: text.replace("\0", "").strip()).filter(bool), min_size=1, max_size=5),
    st.sampled_from(["classify", "read"]),
)
@example(["a\rb", 'a"b', "a,b", "\x01", "=1"], "classify")
def test_any_label_is_said_again(tmp_path_factory, labels, task):
    folder = tmp_path_factory.mktemp("labels")
    lines = []
    for n, label in enumerate(labels):
        (folder / f"{n}.png").write_bytes(PNG + bytes([n]))
        lines.append(json.dumps({"file": f"{n}.png", "label": label}))
    (folder / "all.jsonl").write_text("\n".join(lines))
    tidy(folder / "all.jsonl", out=folder.with_name(f"{folder.name} tidy"), task=task)
    assert facts(folder.with_name(f"{folder.name} tidy"), task=task) == facts(folder / "all.jsonl", task=task)


def test_a_label_with_a_nul_is_refused(tmp_path, refuses):
    (tmp_path / "0.png").write_bytes(PNG)
    (tmp_path / "all.jsonl").write_text(json.dumps({"file": "0.png", "label": "a\0b"}))
    with refuses(CatalogError, "0.png: its label holds a NUL, which no table keeps; rename it"):
        tidy(tmp_path / "all.jsonl", out=tmp_path.with_name("tidied"))


# --- there and back


def _png():
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2)).save(buffer, "PNG")
    return buffer.getvalue()


PNG = _png()  # what follows a PNG's end is no part of the picture, and makes other bytes
NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12).filter(
    lambda name: not name.startswith(".")
)
ODD = st.sampled_from(["a", "A", "a.b", " ", "a ", "a.", "con", "IMG 1", "가나", "e\u0301", "é"])
SUFFIX = st.sampled_from([".png", ".PNG", ".jpg", ".Jpeg", ".tar.gif"])


@settings(max_examples=60)
@given(
    st.integers(1, 2),
    st.dictionaries(
        st.tuples(NAME | ODD, NAME | ODD), st.lists(st.tuples(NAME | ODD, SUFFIX), min_size=1, max_size=4), min_size=1
    ),
    st.booleans(),
)
@example(1, {("x", "a"): [("1", ".png"), ("1", ".PNG"), ("1", ".jpg")], ("x", "A"): [("1", ".png")]}, False)
def test_there_and_back_again(tmp_path_factory, tree, depth, folders, copy):
    top = tmp_path_factory.mktemp("round")
    tops = {}
    n = 0
    for (group, label), names in folders.items():
        # A class belongs to one group, and a table keeps no blanks around its name; two forms of Unicode are one name.
        plain = unicodedata.normalize("NFC", label.strip())
        if not plain or not group.strip() or tops.setdefault(plain, (group, label)) != (group, label):
            continue
        for stem, suffix in names:
            path = top / "set" / (f"{group}/{label}" if depth == 2 else label) / (stem + suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PNG + n.to_bytes(4))
            n += 1
    if not n:
        return
    paths = [path for path in (top / "set").rglob("*") if path.is_file()]
    before = tree(top / "set")
    made = tidy(top / "set", out=top / "tidy", copy=copy, task="classify", label_from="folder")
    assert made["images"] == len(paths)
    assert (made["copied"] if copy else made["linked"]) == len(paths)
    expected = Counter()
    for (digest, label, above, part), times in facts(top / "set", task="classify", label_from="folder").items():
        expected[digest, label.strip(), above and above.strip(), part] += times
    assert facts(top / "tidy", task="classify") == expected
    again = tidy(top / "tidy", out=top / "again", restore=True, copy=copy)
    assert again["images"] == len(paths)
    assert files(top / "again") == files(top / "set")
    assert tree(top / "set") == before
    for path in paths:
        assert same_file(path, top / "again" / path.relative_to(top / "set")) != copy


def test_the_way_back_says_what_it_did(class_folders, tidied, tmp_path):
    (tidied / "new.png").write_bytes(b"x")
    out = tmp_path / "again"
    assert tidy(tidied, out=out, restore=True) == {
        "out": str(out), "images": 12, "linked": 12, "copied": 0, "classes": 0,
        "mapping": str(tidied / "mapping.csv"),
        "notes": ["1 image stays behind, not in mapping.csv: new.png"],
    }  # fmt: skip
    assert files(out) == files(class_folders)


def test_what_is_missing_or_changed_stops_the_way_back(tidied, tmp_path, refuses):
    (tidied / "cat" / "cat_0001.png").unlink()
    for n in range(1, 5):
        path = tidied / "dog" / f"dog_000{n}.png"
        data = path.read_bytes()
        path.unlink()  # the link, and not what it links to
        path.write_bytes(data + b"!")
    with refuses(
        CatalogError,
        f"{tidied}: 5 of 12 images are not as tidy left them (missing or unreadable: cat/cat_0001.png; changed: "
        "dog/dog_0001.png, dog/dog_0002.png, dog/dog_0003.png and 1 more); put them back or drop their rows from "
        "mapping.csv; nothing was written",
    ):
        tidy(tidied, out=tmp_path / "again", restore=True)
    assert not (tmp_path / "again").exists()
    kept = [row for row in records(tidied / "mapping.csv") if row["file"].startswith("cup")]
    table(tidied / "mapping.csv", ("file", "original", "sha256"), *(row.values() for row in kept))
    assert tidy(tidied, out=tmp_path / "again", restore=True)["images"] == 4


@pytest.mark.parametrize("column", ["file", "original"])
@pytest.mark.parametrize("name", ["../x.png", "a/../../x.png", "/x.png", "..", "", ".", "a\0b"])
def test_a_mapping_that_leads_out_of_its_folder(tidied, tmp_path, refuses, tree, column, name):
    row = {**records(tidied / "mapping.csv")[0], column: name}
    table(tidied / "mapping.csv", row.keys(), row.values())
    (tmp_path / "x.png").write_bytes(b"x")
    before = tree(tmp_path)
    with refuses(
        CatalogError,
        f"{tidied}/mapping.csv: row 2 names {name!r}, which is no file within the folder; nothing outside of it is "
        "read or written",
    ):
        tidy(tidied, out=tmp_path / "again", restore=True)
    assert tree(tmp_path) == before


def test_two_images_for_one_place(tidied, tmp_path, refuses):
    path = tidied / "mapping.csv"
    one, two, *_ = records(path)
    table(path, one.keys(), one.values(), {**two, "original": one["original"]}.values())
    with refuses(CatalogError, f"{path}: row 3 names 'cat/0.png' again, for another image; drop one"):
        tidy(tidied, out=tmp_path / "again", restore=True)
    for original in ("cat/0.png/x.png", "cat/./0.png"):
        table(path, one.keys(), one.values(), {**two, "original": original}.values())
        with refuses(
            CatalogError,
            f"{path}: another image has the place of {original!r} (this file system may not tell upper from lower "
            "case); change its name in the column original",
        ):
            tidy(tidied, out=tmp_path / "again", restore=True)
    assert not (tmp_path / "again").exists()


def test_mappings_that_are_none(class_folders, tidied, tmp_path, refuses):
    out, path = tmp_path / "again", tidied / "mapping.csv"
    with refuses(
        CatalogError, f"{class_folders}: no mapping.csv in it; the way back starts from a folder that tidy wrote"
    ):
        tidy(class_folders, out=out, restore=True)
    with refuses(ConfigError, "the way back starts from a folder that tidy wrote, not from a catalog"):
        tidy(open_catalog(class_folders), out=out, restore=True)
    path.write_text("file,old\nx,y\n")
    with refuses(CatalogError, f"{path}: no column original, sha256; give the mapping.csv that tidy wrote"):
        tidy(tidied, out=out, restore=True)
    path.write_text("file,original,sha256\n")
    with refuses(CatalogError, f"{path}: the table names no image"):
        tidy(tidied, out=out, restore=True)
    path.write_bytes(b"file,original,sha256\n\xff,x,y\n")
    with refuses(CatalogError, f"{path}: not UTF-8 text (byte 21); save the table as UTF-8"):
        tidy(tidied, out=out, restore=True)
    path.write_text(f"file,original,sha256\n{'x' * 140_000},x,y\n")
    with refuses(CatalogError, f"{path}: not a readable table: field larger than field limit (131072)"):
        tidy(tidied, out=out, restore=True)


# --- links and copies


def test_links_share_their_bytes_and_copies_do_not(class_folders, tmp_path, tree):
    before = tree(class_folders)
    for copy in (False, True):
        out = tmp_path / f"copy {copy}"
        made = tidy(class_folders, out=out, copy=copy)
        assert (made["linked"], made["copied"]) == ((0, 12) if copy else (12, 0))
        for row in records(out / "mapping.csv"):
            new, old = out / row["file"], class_folders / row["original"]
            assert same_file(new, old) != copy
            assert new.stat().st_mtime_ns == old.stat().st_mtime_ns
    assert tree(class_folders) == before


def test_where_links_cannot_be_made_images_are_copied(class_folders, tmp_path, tree, monkeypatch):
    monkeypatch.setattr(os, "link", no_links)
    before = tree(class_folders)
    made = tidy(class_folders, out=tmp_path / "tidy")
    assert (made["linked"], made["copied"]) == (0, 12)
    assert tidy(tmp_path / "tidy", out=tmp_path / "again", restore=True)["copied"] == 12
    assert files(tmp_path / "again") == files(class_folders)
    assert tree(class_folders) == before


def test_a_name_that_is_taken_is_never_written_through(tidied, class_folders, tmp_path, tree, monkeypatch):
    """On a file system that folds cases the second name is the first, and the first is the user's own image."""
    path = tidied / "mapping.csv"
    one, two, *_ = records(path)
    table(path, one.keys(), one.values(), {**two, "original": "CAT/0.png"}.values())
    before, link = tree(class_folders), os.link
    places = set()

    def folding(source, target):
        if str(target).lower() in places:
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                link(class_folders / "cat" / "0.png", target)
            raise FileExistsError(errno.EEXIST, "File exists", str(target))
        places.add(str(target).lower())
        link(source, target)

    monkeypatch.setattr(os, "link", folding)
    with pytest.raises(CatalogError, match=r"another image has the place of 'CAT/0\.png'"):
        tidy(tidied, out=tmp_path / "again", restore=True)
    assert tree(class_folders) == before
    assert not (tmp_path / "again").exists()


def test_a_symbolic_link_is_followed(class_folders, tmp_path, fill):
    fill(tmp_path / "pool", ["real.png"])
    (class_folders / "cat" / "linked.png").symlink_to("../../pool/real.png")
    tidy(class_folders, out=tmp_path / "tidy")
    path = next(path for path in (tmp_path / "tidy").rglob("*.png") if same_file(path, tmp_path / "pool" / "real.png"))
    assert not path.is_symlink()


# --- refusals, and whole or not at all


def test_a_folder_that_holds_something_is_refused(class_folders, tidied, tmp_path, refuses, tree):
    out = tmp_path / "there"
    fill_in = out / "mine.png"
    out.mkdir()
    assert tidy(class_folders, out=out)["images"] == 12, "an empty one is as good as none"
    shutil.rmtree(out)
    out.mkdir()
    fill_in.write_bytes(b"x")
    before = tree(out)
    for data, back in ((class_folders, False), (tidied, True)):
        with refuses(ConfigError, f"{out} is not empty: name another folder, or remove this one first"):
            tidy(data, out=out, restore=back)
        with refuses(ConfigError, f"{fill_in} is a file; name a new folder"):
            tidy(data, out=fill_in, restore=back)
    assert tree(out) == before


def test_neither_inside_the_data_nor_around_it(class_folders, tidied, tmp_path, refuses, fill):
    for data, back in ((class_folders, False), (tidied, True)):
        for out in (data, data / "new", data / "cat" / "new", data / "x" / ".." / "new"):
            with refuses(ConfigError, f"{out} lies inside the data ({data}); name a folder outside of it"):
                tidy(data, out=out, restore=back)
        with refuses(ConfigError, f"{tmp_path} holds the data ({data}); name a new folder beside it"):
            tidy(data, out=tmp_path, restore=back)
    catalog = open_catalog(class_folders)
    with refuses(
        ConfigError, f"{class_folders / 'new'} lies inside the data ({class_folders}); name a folder outside of it"
    ):
        tidy(catalog, out=class_folders / "new")
    (tmp_path / "link").symlink_to(class_folders)
    with pytest.raises(ConfigError, match="lies inside the data"):
        tidy(class_folders, out=tmp_path / "link" / "new")
    assert len(files(class_folders)) == 12


def test_not_inside_a_folder_that_a_table_points_to(tmp_path, fill, refuses):
    fill(tmp_path / "pool", ["1.png"])
    (tmp_path / "tables").mkdir()
    path = table(tmp_path / "tables" / "labels.csv", ("file", "label"), ("../pool/1.png", "cat"))
    out = tmp_path / "pool" / "tidy"
    with refuses(ConfigError, f"{out} lies inside the data ({tmp_path}/tables/../pool); name a folder outside of it"):
        tidy(path, out=out)


def test_what_cannot_be_used(class_folders, tmp_path, refuses):
    out = tmp_path / "tidy"
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    (class_folders / "cup" / "0.png").write_bytes(PNG)
    with refuses(CatalogError, f"cup/0.png: changed since it was catalogued in {path}; catalog the data again"):
        tidy(path, out=out)
    (class_folders / "cup" / "0.png").unlink()
    with refuses(ImageError, f"{class_folders}/cup/0.png: there is no such file"):
        tidy(path, out=out)
    opened = open_catalog(class_folders)
    with refuses(CatalogError, f"{class_folders}: none of its 11 images can be used; see the catalog's why"):
        tidy(opened.with_column("keep", [False] * 11), out=out)
    (class_folders / "cat" / "0.png").write_bytes(b"no picture")
    opened = open_catalog(class_folders)
    with refuses(ImageError, "cat/0.png: not an image of a known kind; drop it from the catalog (keep)"):
        tidy(opened.with_column("keep", [True] * 11), out=out)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c.parquet", "set"]


def test_a_failure_on_the_way_leaves_nothing(class_folders, tmp_path, monkeypatch, tree):
    before, link = tree(class_folders), os.link
    left = iter(range(5))

    def full(source, target):
        if next(left, None) is None:
            raise KeyboardInterrupt
        link(source, target)

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(KeyboardInterrupt):
        tidy(class_folders, out=tmp_path / "tidy")
    assert [each.name for each in tmp_path.iterdir()] == ["set"]
    assert tree(class_folders) == before


def test_what_comes_into_an_empty_folder_meanwhile_is_not_replaced(class_folders, tmp_path, monkeypatch, refuses):
    out, link = tmp_path / "tidy", os.link
    out.mkdir()

    def busy(source, target):
        (out / "mine.png").write_bytes(b"mine")
        link(source, target)

    monkeypatch.setattr(os, "link", busy)
    with refuses(ConfigError, f"{out} is not empty: name another folder, or remove this one first"):
        tidy(class_folders, out=out)
    assert files(out) == {"mine.png": b"mine"}
