"""Parquet that holds the images: the right column, rows in order, bytes or paths; what is damaged is named."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tellapart.core.errors import CatalogError
from tellapart.data.layouts import read_source
from tellapart.data.opening import open_catalog
from tellapart.data.parquet import iter_shard

BROKEN = r": cannot be read as Parquet: .*; write or fetch it again$"
HF = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def shard(path, contents, labels, *, paths=None, names=None, plain=False, column="image", rows=1000, **more):
    """A shard as Hugging Face's datasets writes it, or with plain bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if plain:
        images = pa.array(contents, pa.binary())
    else:
        values = [{"bytes": data, "path": name} for data, name in zip(contents, paths or [None] * 99, strict=False)]
        images = pa.array(values, HF)
    made = pa.table({column: images, "label": labels, **more})
    if names:
        features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(made, path, row_group_size=rows)
    return path


def test_one_shard(tmp_path):
    path = shard(tmp_path / "a.parquet", [b"1", b"2"], ["x", "0042"], paths=["one.png", None])
    listing = read_source(path)
    assert listing.layout == "Parquet shards"
    assert [(row.file, row.label, row.shard, row.row) for row in listing.rows] == [
        ("a.parquet#0/one.png", "x", "a.parquet", 0),
        ("a.parquet#1", "0042", "a.parquet", 1),
    ]


def test_shards_of_plain_bytes_and_other_columns(tmp_path):
    path = shard(
        tmp_path / "a.parquet", [b"1", b"2"], [7, 8], plain=True, column="picture",
        text=["p", "q"], group=["g", "h"], split=["train", "test"], who=["anna", ""],
    )  # fmt: skip
    rows = read_source(path, group_by="who").rows
    assert [(row.label, row.group, row.split, row.together) for row in rows] == [
        ("7", "g", "train", "anna"),
        ("8", "h", "test", None),
    ]
    assert [row.label for row in read_source(path, label_column="text").rows] == ["p", "q"]


def test_class_names_of_hugging_face(tmp_path, refuses):
    path = shard(tmp_path / "a.parquet", [b"1", b"2"], [1, 0], names=["cat", "dog"])
    assert [row.label for row in read_source(path).rows] == ["dog", "cat"]
    path = shard(tmp_path / "a.parquet", [b"1", b"2"], [1, -1], names=["cat", "dog"])
    with refuses(CatalogError, f"{path}: row 1 has an empty label; fill the 'label' column or drop the row"):
        read_source(path)


@pytest.mark.parametrize(
    "about", ["{", "[]", '{"info": null}', '{"info": {"features": []}}', '{"info": {"features": {"label": [1]}}}']
)
def test_metadata_that_says_nothing_of_class_names(tmp_path, about):
    path = shard(tmp_path / "a.parquet", [b"1"], [1])
    pq.write_table(pq.read_table(path).replace_schema_metadata({"huggingface": about}), path)
    assert [row.label for row in read_source(path).rows] == ["1"]


def test_damaged_shards_are_named(tmp_path, parquet_damage):
    shard(tmp_path / "a.parquet", [b"1"], ["x"])
    path = shard(tmp_path / "b.parquet", [b"1" * 50] * 50, [str(n) for n in range(50)], plain=True)
    data = path.read_bytes()
    path.write_bytes(parquet_damage(data))
    with pytest.raises(CatalogError, match=rf"b\.parquet{BROKEN}"):
        list(iter_shard(path, [0]))
    if len(path.read_bytes()) == len(data):  # and not the images, but the labels
        labels = pq.read_metadata(shard(path, [b"1"] * 50, [str(n) for n in range(50)])).row_group(0).column(2)
        start = labels.dictionary_page_offset
        data = path.read_bytes()
        path.write_bytes(data[:start] + b"\xff" * 100 + data[start + 100 :])
    for source in (tmp_path, f"{tmp_path}/*.parquet"):
        with pytest.raises(CatalogError, match=rf"b\.parquet{BROKEN}"):
            read_source(source)


def test_shards_of_any_case_and_not_the_hidden(tmp_path):
    for name in ("a.parquet", "b.PARQUET", ".c.parquet", ".cache/d.parquet", "e.parquet/f.parquet"):
        shard(tmp_path / name, [b"1"], ["x"])
    assert [row.shard for row in read_source(tmp_path).rows] == ["a.parquet", "b.PARQUET", "e.parquet/f.parquet"]


def test_many_shards(tmp_path):
    for name in ("b/1.parquet", "b/0.parquet", "a/0.parquet"):
        shard(tmp_path / name, [name.encode()], [name])
    expected = [("a/0.parquet", "a/0.parquet"), ("b/0.parquet", "b/0.parquet"), ("b/1.parquet", "b/1.parquet")]
    for data in (tmp_path, f"{tmp_path}/*/*.parquet", f"{tmp_path}/**/*.parquet"):
        listing = read_source(data)
        assert listing.root == tmp_path
        assert [(row.shard, row.label) for row in listing.rows] == expected
    assert [row.shard for row in read_source(f"{tmp_path}/b/*.parquet").rows] == ["0.parquet", "1.parquet"]


def test_relative_patterns_of_shards_in_several_folders(tmp_path, monkeypatch):
    shard(tmp_path / "a" / "0.parquet", [b"1"], ["x"])
    shard(tmp_path / "b" / "0.parquet", [b"2"], ["y"])
    monkeypatch.chdir(tmp_path)
    listing = read_source("*/0.parquet")
    assert all((listing.root / row.shard).is_file() for row in listing.rows)


def test_shards_that_are_none(tmp_path, refuses):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(CatalogError, match=rf"a\.parquet{BROKEN}"):
        read_source(tmp_path)
    pq.write_table(pa.table({"x": [1], "y": [2]}), tmp_path / "a.parquet")
    with refuses(CatalogError, f"{tmp_path}/a.parquet: no column with image bytes; it has: x, y"):
        read_source(tmp_path)
    path = shard(tmp_path / "a.parquet", [b"1", b"2"], ["x", ""])
    with refuses(CatalogError, f"{path}: row 1 has an empty label; fill the 'label' column or drop the row"):
        read_source(tmp_path)


# --- which column


def png(seed, size=8):
    buffer = io.BytesIO()
    Image.new("L", (size, size), seed).save(buffer, "PNG")
    return buffer.getvalue()


PNGS = [png(n) for n in range(4)]
BYTES = {
    "binary": lambda data: pa.array(data, pa.binary()),
    "large": lambda data: pa.array(data, pa.large_binary()),
    "view": lambda data: pa.array(data, pa.binary_view()),
    "dictionary": lambda data: pa.array(data, pa.binary()).dictionary_encode(),
    "large dictionary": lambda data: pa.array(data, pa.large_binary()).dictionary_encode(),
    "fixed": lambda data: pa.array([each.ljust(100, b"\0") for each in data], pa.binary(100)),
    "struct of large": lambda data: pa.array(
        [{"bytes": each, "path": None} for each in data], pa.struct({"bytes": pa.large_binary(), "path": pa.string()})
    ),
    "struct of bytes alone": lambda data: pa.array(
        [{"bytes": each} for each in data], pa.struct({"bytes": pa.binary()})
    ),
}


@pytest.mark.parametrize("kind", BYTES)
def test_bytes_of_every_type_of_arrow(tmp_path, kind):
    path = tmp_path / "a.parquet"
    labels = pa.array(list("abab")).dictionary_encode()
    pq.write_table(pa.table({"label": labels, "image": BYTES[kind](PNGS)}), path)
    for source in (path, tmp_path):
        catalog = open_catalog(source, task="classify")
        assert catalog.column("keep") == [True] * 4
        assert catalog.column("label") == list("abab")
        assert len(set(catalog.column("pixels"))) == 4
    assert [data[:4] for _, data in iter_shard(path, [0, 3])] == [b"\x89PNG"] * 2


def two(path, **columns):
    columns = {"mask": PNGS[3:] * 3, "image": PNGS[:3], "hash": [b"\xff\1"] * 3} | columns
    pq.write_table(pa.table({**columns, "label": list("aba"), "file": ["x.png"] * 3}), path)
    return path


def test_of_several_columns_of_images_one_is_asked_for(tmp_path, refuses):
    path = two(tmp_path / "m.parquet")
    for source in (path, tmp_path):
        with refuses(
            CatalogError, f"{path}: 2 columns hold images: mask, image; name the right one with --file-column"
        ):
            open_catalog(source)
        catalog = open_catalog(source, file_column="image")
        assert len(set(catalog.column("pixels"))) == 3
        kept = open_catalog(catalog.write(tmp_path.with_suffix(".parquet")))
        assert dict(kept.read(range(3))) == dict(enumerate(PNGS[:3]))
        assert len(set(open_catalog(source, file_column="mask").column("pixels"))) == 1
    with refuses(
        CatalogError,
        f"{path}: no column 'imag' (did you mean 'image'?); it has: mask, image, hash, label, file",
    ):
        open_catalog(path, file_column="imag")
    with refuses(CatalogError, f"{tmp_path}/m.parquet: the column 'label' holds no images; it has: mask, image, hash, "
                 "label, file"):  # fmt: skip
        open_catalog(tmp_path, file_column="label")


def test_bytes_that_are_no_images_are_no_choice(tmp_path, fill):
    path = two(tmp_path / "m.parquet", mask=[b"\0\1"] * 3)
    assert open_catalog(path).column("sha256") == open_catalog(path, file_column="image").column("sha256")
    fill(tmp_path, ["x.png"])
    names = open_catalog(path, file_column="file", label_column="file")
    assert names.column("file") == ["x.png"], "a column of texts names files"


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_names_and_labels_that_a_program_wrote_as_bytes(tmp_path, fill, kind):
    fill(tmp_path, ["a.png", "b.png"])
    names, labels = pa.array([b"a.png", b"b.png"], kind), pa.array(["고양이".encode(), b"dog"], kind)
    pq.write_table(pa.table({"file": names, "label": labels}), tmp_path / "labels.parquet")
    for source in (tmp_path, tmp_path / "labels.parquet"):
        rows = read_source(source).rows
        assert [(row.file, row.label) for row in rows] == [("a.png", "고양이"), ("b.png", "dog")]


def test_bytes_never_stand_in_a_message(tmp_path):
    path = tmp_path / "m.parquet"
    data = [each * 100 for each in PNGS]
    pq.write_table(pa.table({"image": data, "label": data, "group": data, "file": data}), path)
    for options in ({"file_column": "image"}, {"file_column": "image", "label_column": "group"}, {}):
        with pytest.raises(CatalogError) as caught:
            read_source(path, **options)
        assert "PNG" not in str(caught.value)
        assert len(str(caught.value)) < 400
    with pytest.raises(CatalogError, match=r"row 0: its 'label' holds [\d,]+ bytes that are no text, not a label"):
        read_source(path, file_column="image")


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.list_(pa.string(), 1), pa.large_list(pa.string())])
def test_lists_are_several_labels(tmp_path, kind):
    path = tmp_path / "m.parquet"
    for images in ({"image": PNGS[:2]}, {"file": ["a.png", "b.png"]}):
        pq.write_table(pa.table({**images, "label": pa.array([["a"], ["b"]], kind)}), path)
        with pytest.raises(
            CatalogError,
            match=r"row [01].*: its 'label' holds a list: several labels an image; say --task tag, give each",
        ):
            read_source(path)


def test_one_hot_columns_are_several_labels(tmp_path, refuses):
    path = tmp_path / "m.parquet"
    for images in ({"image": PNGS[:2]}, {"file": ["a.png", "b.png"]}):
        pq.write_table(pa.table({**images, "cat": [1.0, 0.0], "dog": [0, 1], "sure": [True, False], "n": [3, 4]}), path)
        with refuses(
            CatalogError,
            f"{path}: no label column; the columns cat, dog, sure hold 0 and 1, as for several labels an image; write "
            "the one label of each image into a column 'label', or all of them, and say --task tag",
        ):
            read_source(path)


# --- paths in the place of bytes


def test_paths_in_the_place_of_bytes(tmp_path, fill):
    fill(tmp_path, ["data/a.png", "data/deep/b.png"])
    for kind in (HF, pa.struct({"bytes": pa.null(), "path": pa.string()}), pa.struct({"path": pa.string()})):
        names = [{"path": "a.png"}, {"path": str(tmp_path / "data/deep/b.png")}, {"path": "a.png"}]
        images = pa.array([dict.fromkeys(names[0]) | name for name in names], kind)
        pq.write_table(pa.table({"image": images, "label": list("aba")}), tmp_path / "data" / "s.parquet")
        listing = read_source(f"{tmp_path}/*/s.parquet")
        assert listing.notes == ["1 row of s.parquet repeats another row and counts once: a.png"]
        catalog = open_catalog(tmp_path / "data" / "s.parquet")
        assert catalog.column("keep") == [True, True]
        assert (catalog.column("file")[0], catalog.column("shard")) == ("a.png", [None, None])


def test_paths_among_bytes_and_rows_with_neither(tmp_path, fill, refuses):
    fill(tmp_path, ["b.png"])
    path = tmp_path / "s.parquet"
    cells = [{"bytes": PNGS[0], "path": "x"}, {"bytes": None, "path": "b.png"}, {"bytes": None, "path": None}]
    for statistics in (True, False):
        made = pa.table({"image": pa.array(cells, HF), "label": list("aba")})
        pq.write_table(made, path, write_statistics=statistics)
        catalog = open_catalog(path)
        assert catalog.column("file") == ["s.parquet#0/x", "b.png", "s.parquet#2"]
        assert catalog.column("keep") == [True, True, False]
        assert catalog.column("why")[2] == "unreadable: the file is empty"
    (tmp_path / "b.png").rename(tmp_path / "c.png")
    with refuses(CatalogError, f"{path}: 1 of 1 files are missing: b.png; paths are relative to {tmp_path}"):
        open_catalog(path)


def test_a_file_that_goes_while_its_shard_stays_is_one_unreadable_image(tmp_path, fill):
    fill(tmp_path, ["b.png"])
    path = tmp_path / "s.parquet"
    cells = [{"bytes": PNGS[0], "path": "x"}, {"bytes": None, "path": "b.png"}]
    pq.write_table(pa.table({"image": pa.array(cells, HF), "label": list("ab")}), path)
    listed = {}

    def look(draft):
        (tmp_path / "b.png").unlink()
        from tellapart.data.catalog import encoded
        from tellapart.data.image_facts import image_facts

        listed.update({row: image_facts(data, "x")[0] for row, data in encoded(draft, range(2))})
        return listed

    assert open_catalog(path, look=look).column("keep") == [True, False]


def test_a_rule_takes_the_label_out_of_a_column_of_shards(tmp_path, refuses):
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"image": PNGS[:2], "label": ["This is 'abc'", "This is 'x y'"]}), path)
    for source in (path, tmp_path):
        assert [row.label for row in read_source(source, label_from="This is '(.+)'").rows] == ["abc", "x y"]
    with pytest.raises(CatalogError, match=r"row 1: the label \"This is 'x y'\" holds nothing by the rule"):
        read_source(path, label_from=r"This is '(\w+)'")
    for rule in ("folder", "prefix", "text"):
        with pytest.raises(CatalogError, match=f"^--label-from {rule}: reads names of files, and here a column holds"):
            read_source(path, label_from=rule)


def test_columns_of_one_name_and_lists_of_images(tmp_path, refuses):
    path = tmp_path / "m.parquet"
    names = ["image", "image", "label", "set", "set"]
    made = pa.table(
        [pa.array(PNGS), pa.array(PNGS), pa.array(list("abab")), pa.array(["x"] * 4), pa.array(["x"] * 4)], names
    )
    pq.write_table(made, path)
    for options in ({}, {"file_column": "image"}):
        with refuses(CatalogError, f"{path}: 2 columns are called 'image'; rename one"):
            read_source(path, **options)
    pq.write_table(made.select([0, 2, 3, 4]), path)
    assert len(read_source(path).rows) == 4
    pq.write_table(pa.table({"images": [[each] for each in PNGS], "label": list("abab")}), path)
    with refuses(CatalogError, f"{path}: the column 'images' holds several images a row; give each image its own row"):
        read_source(path)


def test_sounds_are_no_images(tmp_path):
    sounds = [{"bytes": b"RIFF\x24\0\0\0WAVEfmt ", "path": "a.wav"}] * 4
    images = [{"bytes": each, "path": "a.png"} for each in PNGS]
    path = tmp_path / "m.parquet"
    made = pa.table({"audio": pa.array(sounds, HF), "image": pa.array(images, HF), "label": list("abab")})
    pq.write_table(made, path)
    assert open_catalog(path).column("keep") == [True] * 4


@pytest.mark.parametrize("hidden", [-1, None, "without"])
def test_a_part_whose_labels_are_kept_secret_is_left_out_and_named(tmp_path, encode, draw, hidden):
    contents = [encode(draw(n)) for n in range(4)]
    shard(tmp_path / "train-00000-of-00001.parquet", contents, [0, 1, 0, 1])
    path = shard(
        tmp_path / "test-00000-of-00001.parquet",
        contents,
        pa.array([hidden if hidden != "without" else 0] * 4, pa.int64()),
    )
    if hidden == "without":
        pq.write_table(pq.read_table(path).drop_columns(["label"]), path)
    listing = read_source(tmp_path)
    assert [row.label for row in listing.rows] == ["0", "1", "0", "1"]
    assert listing.notes == ["shards whose images have no labels were left out: test-00000-of-00001.parquet"]


def test_shards_of_which_some_declare_their_classes_are_refused(tmp_path, refuses):
    shard(tmp_path / "a.parquet", [b"1"], [0], names=["cat", "dog"])
    shard(tmp_path / "b.parquet", [b"2"], [0])
    with refuses(
        CatalogError,
        f"{tmp_path}: a.parquet declares the names of its classes, and b.parquet does not, so that one class would be "
        "two; give shards that were written alike",
    ):
        read_source(tmp_path)


def test_flags_say_the_parts(tmp_path):
    path = shard(tmp_path / "a.parquet", [b"1", b"2"], ["x", "y"], is_valid=[False, True])
    listing = read_source(path)
    assert [row.split for row in listing.rows] == ["train", "val"]
    assert listing.notes == ["read as: the part val from 'is_valid'; train where that is not true"]
