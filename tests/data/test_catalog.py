"""The catalog: facts of every image, decisions as columns, groups, fingerprints; the user's files stay as they are."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tellapart.core.errors import CatalogError, ImageError
from tellapart.data.catalog import SCHEMA, Catalog
from tellapart.data.duplicates.hashing import picture_hash, thumbnail
from tellapart.data.opening import catalog, open_catalog


def table(folder, text, name="labels.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def shards(tmp_path, draw, encode):
    """Two shards of Hugging Face's layout, five pictures, one of which is none."""
    contents = [encode(draw(n)) for n in range(4)]
    contents.insert(3, b"no picture")
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    folder = tmp_path / "shards"
    folder.mkdir()
    for name, low, high in (("a", 0, 2), ("b", 2, 5)):
        images = pa.array([{"bytes": data, "path": f"{low}.png"} for data in contents[low:high]], kind)
        made = pa.table({"image": images, "label": [n % 2 for n in range(low, high)]})
        pq.write_table(made.replace_schema_metadata(about), folder / f"{name}.parquet", row_group_size=2)
    return folder, contents


# --- what a row says


def test_a_row_holds_the_facts_of_its_image(class_folders):
    opened = open_catalog(class_folders)
    assert opened.table.schema == SCHEMA
    assert (len(opened), opened.task, opened.root, opened.source) == (12, "classify", class_folders, str(class_folders))
    assert opened.labels == ("cat", "cup", "dog")
    assert opened.groups == {}
    assert opened.notes == ()
    assert opened.rows() == list(range(12))
    assert opened.rows("train") == []
    for row, file in enumerate(opened.column("file")):
        data = (class_folders / file).read_bytes()
        pixels = np.asarray(Image.open(class_folders / file))
        assert opened.column("sha256")[row] == hashlib.sha256(data).hexdigest()
        assert opened.column("hash")[row] == picture_hash(thumbnail(pixels))
    assert set(zip(opened.column("width"), opened.column("height"), strict=True)) == {(64, 48)}
    assert opened.column("keep") == [True] * 12
    assert opened.column("why") == opened.column("split") == opened.column("shard") == [None] * 12


def test_sizes_are_of_the_upright_picture(tmp_path, draw, encode):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.jpg").write_bytes(encode(draw(0), "JPEG", exif=exif))
    opened = open_catalog(tmp_path)
    assert (opened.column("width"), opened.column("height")) == ([48], [64])


def test_unreadable_images_keep_their_rows(class_folders, fill):
    (class_folders / "cat" / "0.png").write_bytes(b"")
    (class_folders / "cat" / "1.png").write_bytes(b"no picture")
    whole = (class_folders / "dog" / "3.png").read_bytes()
    (class_folders / "dog" / "3.png").write_bytes(whole[:1000])
    opened = open_catalog(class_folders)
    assert len(opened) == 12
    bad = {opened.column("file")[row]: row for row in range(12) if not opened.column("keep")[row]}
    known = "known: JPEG, PNG, BMP, TIFF, WEBP, GIF"
    reasons = {
        "cat/0.png": "unreadable: the file is empty",
        "cat/1.png": f"unreadable: not an image of a known kind ({known})",
        "dog/3.png": "unreadable: the image is truncated after 1,000 bytes",
    }
    assert {file: opened.column("why")[row] for file, row in bad.items()} == reasons
    assert opened.column("width")[bad["cat/0.png"]] is None
    assert opened.column("sha256")[bad["cat/1.png"]] == hashlib.sha256(b"no picture").hexdigest()
    assert set(opened.rows()) == set(range(12)) - set(bad.values())
    assert opened.notes == (
        "3 images cannot be used and are left out: " + ", ".join(f"{file} ({why})" for file, why in reasons.items()),
    )


def test_a_class_of_unreadable_images_is_no_class(tmp_path, fill):
    fill(tmp_path, ["cat/1.png", "dog/1.png"])
    (tmp_path / "dog" / "1.png").write_bytes(b"")
    assert open_catalog(tmp_path).labels == ("cat",)


def test_labels_that_differ_in_case_are_noted(tmp_path, fill):
    fill(tmp_path, ["A/1.png", "a/2.png", "STRASSE/4.png", "straße/5.png", "b/6.png"])
    assert open_catalog(tmp_path, task="classify").notes == (
        "2 labels differ from another only in case: A/a, STRASSE/straße",
    )
    assert open_catalog(tmp_path, task="read").notes == ()


def test_notes_of_the_source_come_first(class_folders):
    (class_folders / "a.txt").touch()
    (class_folders / "cat" / "0.png").write_bytes(b"")
    assert open_catalog(class_folders).notes == (
        "1 files are not images by name and were left out: 1 .txt",
        "1 images cannot be used and are left out: cat/0.png (unreadable: the file is empty)",
    )


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        ([str(n) for n in range(30)], "read"),
        ([str(n // 2) for n in range(30)], "read"),
        ([str(n % 6) for n in range(30)], "classify"),
        ([str(n) for n in range(19)], "classify"),
    ],
)
def test_the_task_is_guessed_from_how_often_labels_repeat(tmp_path, fill, labels, task):
    fill(tmp_path, [f"{n}.png" for n in range(len(labels))], 8, 8)
    path = table(tmp_path, "file,label\n" + "".join(f"{n}.png,{label}\n" for n, label in enumerate(labels)))
    assert open_catalog(path).task == task
    assert open_catalog(path, task="read").task == "read"
    assert open_catalog(path, task="classify").task == "classify"


def test_an_unknown_task_is_refused(class_folders, refuses):
    with refuses(CatalogError, "task 'detect': known are classify, read"):
        open_catalog(class_folders, task="detect")


def test_labels_are_texts(tmp_path, fill):
    fill(tmp_path, ["a.png", "b.png", "c.png"])
    path = table(tmp_path, "file,label\na.png,0042\nb.png,1e5\nc.png,true\n")
    opened = open_catalog(path)
    assert opened.column("label") == ["0042", "1e5", "true"]
    again = open_catalog(opened.write(tmp_path / "out" / "c.parquet"))
    assert again.column("label") == ["0042", "1e5", "true"]


def test_names_and_labels_that_are_not_unicode_are_refused(tmp_path, fill, refuses):
    fill(tmp_path, ["a.png"])
    path = table(tmp_path, '{"file": "a.png", "label": "\\ud800"}', "l.jsonl")
    with refuses(CatalogError, r"'\ud800': not valid Unicode; rename the file or mend the table"):
        open_catalog(path)


def test_any_file_name_will_do(tmp_path, fill):
    names = ["고양이/사진 1.png", "고양이/🐈.png", "with space/a  b.png", "with space/#1?.png", "a'b\"/[x]*.png"]
    fill(tmp_path / "set", names)
    opened = open_catalog(tmp_path / "set")
    assert sorted(opened.column("file")) == sorted(names)
    again = open_catalog(opened.write(tmp_path / "목록.parquet"))
    assert dict(again.read(again.rows())) == {
        row: (tmp_path / "set" / file).read_bytes() for row, file in enumerate(again.column("file"))
    }


# --- reading bytes back


def test_files_come_in_the_order_asked_for(class_folders):
    opened = open_catalog(class_folders)
    wanted = [7, 0, 11, 3]
    files = opened.column("file")
    assert list(opened.read(wanted)) == [(row, (class_folders / files[row]).read_bytes()) for row in wanted]


def test_a_file_that_has_gone_is_an_image_error(class_folders, refuses):
    opened = open_catalog(class_folders)
    (class_folders / "cat" / "0.png").unlink()
    with refuses(ImageError, f"{class_folders}/cat/0.png: there is no such file"):
        list(opened.read([0]))


def test_shards_are_catalogued_with_their_class_names(shards):
    folder, contents = shards
    for data in (folder, f"{folder}/*.parquet"):
        opened = open_catalog(data, task="classify")
        assert opened.column("label") == ["cat", "dog", "cat", "dog", "cat"]
        assert opened.column("shard") == ["a.parquet"] * 2 + ["b.parquet"] * 3
        assert opened.column("row") == [0, 1, 0, 1, 2]
        assert opened.column("keep") == [True, True, True, False, True]
        assert opened.column("sha256") == [hashlib.sha256(data).hexdigest() for data in contents]
    one = open_catalog(folder / "b.parquet")
    assert one.column("file") == ["b.parquet#0/2.png", "b.parquet#1/2.png", "b.parquet#2/2.png"]


def test_shuffled_rows_of_shards_give_the_right_bytes(shards):
    folder, contents = shards
    opened = open_catalog(folder)
    for wanted in ([4, 0, 2, 1], [3], [1, 4], []):
        assert dict(opened.read(wanted)) == {row: contents[row] for row in wanted}


def test_a_shard_is_read_a_batch_at_a_time(tmp_path, draw, encode, monkeypatch):
    small = encode(draw(0, 8, 8))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"image": pa.array([small] * 700, pa.binary()), "label": ["x", "y"] * 350}), path)
    sizes = []
    iter_batches = pq.ParquetFile.iter_batches

    def spy(self, **options):
        for batch in iter_batches(self, **options):
            sizes.append((batch.schema.names, len(batch)))
            yield batch

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", spy)
    monkeypatch.setattr(pq, "read_table", None)
    assert len(open_catalog(path)) == 700
    assert {tuple(names) for names, _ in sizes} == {("label",), ("image",)}
    assert max(length for names, length in sizes if names == ["image"]) <= 128


def test_images_are_looked_at_in_a_bounded_window(tmp_path, fill, monkeypatch):
    fill(tmp_path, [f"x_{n}.png" for n in range(600)], 4, 4)
    from tellapart.core import image_io as images

    held, most, lock = set(), [0], threading.Lock()
    read_bytes, picture = images.read_bytes, images.picture

    def read(path):
        held.add(path.name)
        most[0] = max(most[0], len(held))
        return read_bytes(path)

    def look(data, file):
        time.sleep(0.001)  # slower than reading, so that an unbounded window would grow
        with lock:
            held.discard(file)
        return picture(data, file)

    monkeypatch.setattr(images, "read_bytes", read)
    monkeypatch.setattr(images, "picture", look)
    assert len(open_catalog(tmp_path)) == 600
    assert most[0] <= 256


# --- written and read again


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


def test_a_catalog_is_a_source_with_another_task_or_groups(class_folders, tmp_path):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    assert open_catalog(path, task="read").task == "read"
    assert open_catalog(path, coarse_labels={"all": ["cat", "cup", "dog"]}).groups == dict.fromkeys(
        ("cat", "cup", "dog"), "all"
    )
    opened = open_catalog(path)
    assert open_catalog(opened) is opened


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


# --- damaged, or edited by hand


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


# --- written whole, changed by copies


def test_writing_fails_whole(class_folders, tmp_path, monkeypatch):
    opened = open_catalog(class_folders)
    path = opened.write(tmp_path / "out" / "c.parquet")
    before = path.read_bytes()

    def half(made, where):
        where.write_bytes(before[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", half)
    with pytest.raises(OSError, match="No space left"):
        opened.write(path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["c.parquet"]


def test_a_decision_is_a_column_of_a_copy(class_folders):
    opened = open_catalog(class_folders)
    left = opened.with_column("keep", [label != "cup" for label in opened.column("label")])
    assert left.labels == ("cat", "dog")
    assert len(left.rows()) == 8
    assert len(left) == 12
    assert opened.labels == ("cat", "cup", "dog"), "the first is as it was"
    parts = left.with_column("split", ["train", "val", "test"] * 4)
    assert parts.rows("val") == [row for row in left.rows() if row % 3 == 1]


# --- groups


GROUPS = {"animal": ["cat", "dog"], "object": ["cup"]}


def test_groups_from_a_mapping_or_a_file(class_folders, tmp_path):
    path = table(tmp_path, "animal: [cat, dog]\nobject:\n  - cup\n", "groups.yaml")
    for groups in (GROUPS, path, str(path)):
        opened = open_catalog(class_folders, coarse_labels=groups)
        assert opened.groups == {"cat": "animal", "dog": "animal", "cup": "object"}
        assert opened.column("group") == ["animal"] * 4 + ["object"] * 4 + ["animal"] * 4
        assert opened.notes == ()


def test_a_class_in_no_group_is_named(class_folders, tmp_path, refuses):
    path = table(tmp_path, "animal: [cat]\n", "groups.yaml")
    with refuses(
        CatalogError,
        f"{path}: in no group: cup, dog; every class belongs to exactly one (quote names like '0042')",
    ):
        open_catalog(class_folders, coarse_labels=path)


def test_a_class_in_two_groups_is_named(class_folders, refuses):
    with refuses(CatalogError, "groups: in more than one group: cat; every class belongs to exactly one"):
        open_catalog(class_folders, coarse_labels={"animal": ["cat", "dog"], "pet": ["cat"], "object": ["cup"]})
    with refuses(CatalogError, "groups: in more than one group: cup; every class belongs to exactly one"):
        open_catalog(class_folders, coarse_labels={"animal": ["cat", "dog"], "object": ["cup", "cup"]})


def test_a_class_without_images_is_noted(class_folders, tmp_path):
    path = table(tmp_path, "animal: [cat, dog, owl]\nobject: [cup, hat]\n", "groups.yaml")
    assert open_catalog(class_folders, coarse_labels=path).notes == (f"2 classes of {path} have no image: hat, owl",)


def test_numbers_in_a_groups_file_must_be_quoted(tmp_path, fill, refuses):
    fill(tmp_path / "set", ["0042/1.png", "7/1.png"])
    path = table(tmp_path, "all: [0042, 7]\n", "groups.yaml")
    with refuses(
        CatalogError, f"{path}: in no group: 0042; every class belongs to exactly one (quote names like '0042')"
    ):
        open_catalog(tmp_path / "set", coarse_labels=path)
    table(tmp_path, "all: ['0042', 7]\n", "groups.yaml")
    assert open_catalog(tmp_path / "set", coarse_labels=path).groups == {"0042": "all", "7": "all"}


def test_groups_files_that_cannot_be_used(class_folders, tmp_path, refuses):
    path = tmp_path / "groups.yaml"
    with refuses(CatalogError, f"{path}: the groups file cannot be read: No such file or directory"):
        open_catalog(class_folders, coarse_labels=path)
    for data in (b"a: [", b"a: [\xff]"):
        path.write_bytes(data)
        with pytest.raises(CatalogError, match=r"groups\.yaml: not YAML: "):
            open_catalog(class_folders, coarse_labels=path)
    for text in ("", "- cat\n", "animal: cat\n", "animal: {cat: 1}\n"):
        path.write_text(text)
        with refuses(CatalogError, f"{path}: write one line a group: its name, then its classes in brackets"):
            open_catalog(class_folders, coarse_labels=path)


def test_groups_from_folders_and_tables(tmp_path, fill, refuses):
    root = fill(tmp_path / "set", ["animal/cat/1.png", "animal/dog/1.png", "object/cup/1.png"])
    assert open_catalog(root).groups == {"cat": "animal", "dog": "animal", "cup": "object"}
    fill(root, ["object/cat/1.png"])
    with refuses(CatalogError, f"{root}: in more than one group: cat; every class belongs to exactly one"):
        open_catalog(root)
    assert set(open_catalog(root, coarse_labels=GROUPS).groups) == {"cat", "dog", "cup"}, "the file decides"
    head = "file,label,group\nanimal/cat/1.png,cat,animal\n"
    path = table(root, head + "object/cup/1.png,cup,\n")
    with refuses(CatalogError, f"{path}: in no group: cup; every class belongs to exactly one"):
        open_catalog(path)
    path = table(root, head + "object/cup/1.png,cup,object\n")
    assert open_catalog(path).groups == {"cat": "animal", "cup": "object"}


# --- the fingerprint


def test_the_fingerprint_ignores_order_and_names(class_folders, tmp_path):
    first = open_catalog(class_folders, task="classify")
    shuffled = Catalog(first.table.take(np.random.default_rng(0).permutation(12)), first.root, first.task, "x")
    assert shuffled.fingerprint == first.fingerprint
    for n, path in enumerate(sorted(class_folders.glob("*/*.png"))):
        path.rename(path.with_name(f"renamed {12 - n}.png"))
    assert open_catalog(class_folders).fingerprint == first.fingerprint
    rows = "".join(f"{path},{path.parent.name}\n" for path in class_folders.glob("*/*.png"))
    assert open_catalog(table(tmp_path, "file,label\n" + rows), task="classify").fingerprint == first.fingerprint


def test_the_fingerprint_sees_bytes_labels_groups_splits_and_keep(class_folders, draw, encode):
    first = open_catalog(class_folders)
    prints = {first.fingerprint}
    for name, value in (
        ("label", "owl"),
        ("group", "animal"),
        ("split", "test"),
        ("keep", False),
        ("sha256", "0" * 64),
    ):
        prints.add(first.with_column(name, [value, *first.column(name)[1:]]).fingerprint)
    (class_folders / "cat" / "0.png").write_bytes(encode(draw(99)))
    prints.add(open_catalog(class_folders).fingerprint)
    (class_folders / "cat" / "0.png").unlink()
    prints.add(open_catalog(class_folders).fingerprint)
    assert len(prints) == 8


# --- exact copies


def test_the_same_picture_in_two_encodings_has_one_digest(tmp_path, draw, encode):
    pixels = draw(0, 64, 48)
    (tmp_path / "x_0.png").write_bytes(encode(pixels))
    (tmp_path / "x_1.bmp").write_bytes(encode(pixels, "BMP"))
    (tmp_path / "x_2.png").write_bytes(encode(pixels.transpose(1, 0, 2)))
    opened = open_catalog(tmp_path)
    one, same, turned = opened.column("pixels")
    assert one == same != turned
    assert len(set(opened.column("sha256"))) == 3


# --- the user's own


def test_nothing_of_the_users_is_changed(class_folders, shards, tmp_path, tree):
    (class_folders / "cat" / "0.png").write_bytes(b"no picture")
    for data in (class_folders, shards[0]):
        before = tree(data)
        catalog(data, out=tmp_path / "out" / "c.parquet", task="classify")
        assert tree(data) == before
