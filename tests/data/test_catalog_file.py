"""A catalog's file: what was written is read back; what is damaged or badly edited is named."""

from __future__ import annotations

import io
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.catalog import SCHEMA
from tellapart.data.catalog_file import catalog_metadata, read_catalog
from tellapart.data.opening import catalog, open_catalog


def test_a_catalog_opens_as_it_was_written(class_folders, tmp_path):
    first = catalog(
        class_folders, out=tmp_path / "c.parquet", coarse_labels={"animal": ["cat", "dog"], "object": ["cup"]}
    )
    first = first.with_notes(["a note"]).with_meta(split={"seed": 3})
    again = open_catalog(first.write(tmp_path / "c.parquet"))
    assert again.table == first.table
    assert (again.root.resolve(), again.task) == (first.root, first.task)
    assert again.notes == first.notes
    assert again.meta == {"split": {"seed": 3}}
    assert again.source == str(tmp_path / "c.parquet")
    assert again.fingerprint == first.fingerprint


@pytest.mark.parametrize("inside", [True, False])
def test_a_catalog_moves_with_its_folder(tmp_path, class_folders, shards, inside):
    for data in (class_folders, shards[0]):
        work = tmp_path / f"work {data.name}"
        shutil.copytree(data, work / "images")
        out = work / ("images" if inside else "made here") / "c.parquet"
        opened = open_catalog(work / "images", task="classify")
        opened.write(out)
        before = dict(opened.read(opened.rows()))
        moved = work.rename(tmp_path / f"moved {data.name}")
        again = open_catalog(moved / out.relative_to(work))
        assert dict(again.read(again.rows())) == before


def test_a_catalog_that_moves_alone_finds_its_images(class_folders, tmp_path):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    (tmp_path / "far" / "away").mkdir(parents=True)
    again = open_catalog(path.rename(tmp_path / "far" / "away" / "c.parquet"))
    assert len(list(again.read(again.rows()))) == 12


def test_a_catalog_whose_images_are_gone_says_so(class_folders, tmp_path, refuses):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    class_folders.rename(tmp_path / "renamed")
    with refuses(CatalogError, f"{path}: its images were in {class_folders}, which is gone; catalog them again"):
        open_catalog(path)


def test_a_catalog_of_another_format_is_refused(class_folders, tmp_path, refuses):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    whole = pq.read_table(path)
    about = json.loads(whole.schema.metadata[b"tellapart"])
    pq.write_table(whole.replace_schema_metadata({"tellapart": json.dumps(about | {"format": 99})}), path)
    with refuses(CatalogError, f"{path}: in format 99; this version reads 2: catalog again"):
        open_catalog(path)


def test_a_damaged_catalog_is_named(class_folders, tmp_path):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    whole = path.read_bytes()
    broken = r"c\.parquet: cannot be read as Parquet: .*; write or fetch it again$"
    for data in (b"", b"PAR1", whole[:-1], whole[: len(whole) // 2], whole[len(whole) // 2 :]):
        path.write_bytes(data)
        with pytest.raises(CatalogError, match=broken):
            open_catalog(path)
    pages = [pq.ParquetFile(io.BytesIO(whole)).metadata.row_group(0).column(n) for n in range(len(SCHEMA))]
    for page in pages:
        start = page.dictionary_page_offset or page.data_page_offset
        path.write_bytes(
            whole[:start] + b"\xff" * page.total_compressed_size + whole[start + page.total_compressed_size :]
        )
        with pytest.raises(CatalogError, match=broken):
            open_catalog(path)


def test_a_page_that_passes_for_whole_is_looked_into(class_folders, tmp_path):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    pq.write_table(pq.read_table(path), path, compression="none")
    path.write_bytes(path.read_bytes().replace(b"cat/0.png", b"cat/\xff.png"))
    with pytest.raises(
        CatalogError, match=r"c\.parquet: cannot be read as Parquet: .*Invalid UTF8.*; write or fetch it"
    ):
        open_catalog(path)


@pytest.mark.parametrize("about", ["", "{", "[]", "null", "\xff", "[" * 100_000])
def test_metadata_that_is_none_is_refused(class_folders, tmp_path, refuses, about):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    pq.write_table(pq.read_table(path).replace_schema_metadata({"tellapart": about.encode("latin-1")}), path)
    with refuses(CatalogError, f"{path}: its metadata 'tellapart' is no JSON object; catalog again"):
        open_catalog(path)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"task": "detect"}, "task"),
        ({"task": ["read"]}, "task"),
        ({"root": None}, "root"),
        ({"root_from_here": 3}, "root_from_here"),
        ({"notes": "a note", "meta": None}, "notes, meta"),
    ],
)
def test_metadata_that_says_nothing_is_refused(class_folders, tmp_path, refuses, change, broken):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    whole = pq.read_table(path)
    about = json.loads(whole.schema.metadata[b"tellapart"]) | change
    pq.write_table(whole.replace_schema_metadata({"tellapart": json.dumps(about)}), path)
    with refuses(CatalogError, f"{path}: its metadata 'tellapart' has no usable {broken}; catalog again"):
        open_catalog(path)


def test_metadata_that_lacks_everything_but_the_format_is_refused(class_folders, tmp_path, refuses):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    pq.write_table(pq.read_table(path).replace_schema_metadata({"tellapart": '{"format": 2}'}), path)
    with refuses(
        CatalogError, f"{path}: its metadata 'tellapart' has no usable task, root, notes, meta; catalog again"
    ):
        open_catalog(path)


@pytest.fixture
def edited(class_folders, tmp_path):
    """Change a written catalog's table as a person would, with other tools."""
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")

    def edit(change):
        pq.write_table(change(pq.read_table(path)), path)
        return path

    return edit


def cell(name, row, value):
    """A change of one cell."""

    def change(table):
        values = table.column(name).to_pylist()
        values[row] = value
        place = table.schema.get_field_index(name)
        return table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))

    return change


def test_edits_that_a_catalog_can_hold_are_taken(edited, class_folders):
    path = edited(cell("label", 0, "owl"))
    edited(cell("split", 1, "train"))
    edited(cell("times", 1, 0))
    edited(cell("keep", 2, False))
    edited(lambda table: table.select(SCHEMA.names[::-1]).slice(0, 11))  # another order of columns, a row less
    opened = open_catalog(path)
    assert opened.table.schema == SCHEMA
    assert (opened.column("label")[0], opened.column("split")[1], opened.column("times")[1]) == ("owl", "train", 0)
    assert opened.rows() == [0, 1, *range(3, 11)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda table: table.drop_columns(["why", "keep"]),
            "no column keep, why; put it back as it was, or catalog again",
        ),
        (lambda table: table.append_column("rating", pa.array([1] * 12)), "a column too many: rating; drop it"),
        (lambda table: table.append_column("file", table.column("label")), "a column too many: file; drop it"),
        (
            lambda table: table.set_column(1, "label", pa.array([7] * 12)),
            "column label holds int64, not string; cast it to that, or catalog again",
        ),
        (
            lambda table: table.set_column(6, "times", table.column("times").cast(pa.float64())),
            "column times holds double, not int32; cast it to that, or catalog again",
        ),
    ],
)
def test_columns_that_are_no_catalogs_are_named(edited, refuses, change, words):
    path = edited(change)
    with refuses(CatalogError, f"{path}: {words}"):
        open_catalog(path)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("file", None, "row 5: file is None; name the image or drop the row"),
        ("file", "", "row 5: file is ''; name the image or drop the row"),
        ("label", None, "row 5 (cup/1.png): label is None; fill it or drop the row"),
        ("label", "", "row 5 (cup/1.png): label is ''; fill it or drop the row"),
        ("split", "held out", "row 5 (cup/1.png): split is 'held out'; write train, val, test or null"),
        ("split", "", "row 5 (cup/1.png): split is ''; write train, val, test or null"),
        ("keep", None, "row 5 (cup/1.png): keep is None; write true or false"),
        ("times", -1, "row 5 (cup/1.png): times is -1; write 0 or more, or null for once"),
        ("row", 3, "row 5 (cup/1.png): row is 3; fill shard and row, or neither"),
        ("shard", "a.parquet", "row 5 (cup/1.png): row is None; fill shard and row, or neither"),
        ("file", "cat/1.png", "rows 1 and 5 have the same file 'cat/1.png'; drop one of them"),
    ],
)
def test_values_that_no_catalog_holds_are_named(edited, refuses, name, value, words):
    path = edited(cell(name, 5, value))
    with refuses(CatalogError, f"{path}: {words}"):
        open_catalog(path)


@pytest.mark.parametrize("name", ["sha256", "pixels", "width", "height", "hash"])
def test_an_image_that_nobody_saw_cannot_be_kept(edited, refuses, name):
    path = edited(cell(name, 5, None))
    words = f"{name} is None; nobody saw this image: set keep to false, or catalog again"
    with refuses(CatalogError, f"{path}: row 5 (cup/1.png): {words}"):
        open_catalog(path)
    edited(cell("keep", 5, False))
    assert 5 not in open_catalog(path).rows()


def test_a_catalog_file_is_read_without_any_other_source(class_folders, tmp_path, refuses):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    assert read_catalog(path).table == open_catalog(path).table
    assert catalog_metadata(path)["task"] == "classify"
    with refuses(CatalogError, f"{tmp_path / 'no.parquet'}: there is no such file or folder"):
        read_catalog(tmp_path / "no.parquet")
    with refuses(CatalogError, f"{class_folders}: not a catalog; write one with tellapart catalog"):
        read_catalog(class_folders)
    pq.write_table(pa.table({"label": ["cat"]}), tmp_path / "other.parquet")
    assert catalog_metadata(tmp_path / "other.parquet") is None
