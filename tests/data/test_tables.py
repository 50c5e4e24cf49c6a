"""Every kind of table and shard becomes the same rows; what is damaged or missing is named."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.core.errors import CatalogError
from tellapart.data.layouts import read_source
from tellapart.data.tables import iter_shard

ROWS = [("a.png", "0042"), ("b.png", "Größe, 한글")]


def facts(listing):
    return [(row.file, row.label) for row in listing.rows]


@pytest.fixture
def pictures(tmp_path, fill):
    """Two pictures and a place for a table."""
    return fill(tmp_path / "set", ["a.png", "b.png"])


def table(folder, text, name="labels.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


# --- tables


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", 'file,label\na.png,0042\nb.png,"Größe, 한글"\n'),
        ("labels.csv", 'label,x,image\n0042,,a.png\n"Größe, 한글",,b.png\n'),
        ("labels.csv", "file;label\na.png;0042\nb.png;Größe, 한글\n"),
        ("labels.csv", "file\tlabel\na.png\t0042\nb.png\tGröße, 한글\n"),
        ("labels.tsv", "File_Name\tText\na.png\t0042\nb.png\tGröße, 한글\n"),
        ("labels.csv", 'file,label\r\na.png, 0042 \r\n\r\n./b.png,"Größe, 한글"'),
        ("labels.jsonl", '{"file": "a.png", "label": "0042"}\n\n{"file": "b.png", "label": "Größe, 한글"}'),
        ("labels.JSONL", '{"path": "a.png", "target": "0042"}\r\n{"path": "b.png", "target": "Größe, 한글"}\r\n'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_tables(pictures, name, text, encoding):
    listing = read_source(table(pictures, text, name, encoding))
    assert facts(listing) == ROWS
    assert listing.layout == name
    assert listing.root == pictures
    assert listing.notes == []


def test_parquet_tables(pictures):
    path = pictures / "labels.parquet"
    pq.write_table(pa.table({"file": ["a.png", "b.png"], "label": [r[1] for r in ROWS]}), path)
    assert facts(read_source(path)) == ROWS
    pq.write_table(pa.table({"file": ["a.png", "b.png"], "label": pa.array([3, 12])}), path)
    assert facts(read_source(path)) == [("a.png", "3"), ("b.png", "12")]


def test_a_table_in_its_folder_is_found(pictures, fill):
    table(pictures, "file,label\na.png,x\nb.png,y\n")
    fill(pictures, ["c.png", "more/d.png"])
    listing = read_source(pictures)
    assert facts(listing) == [("a.png", "x"), ("b.png", "y")]
    assert listing.notes == ["2 images are not named in labels.csv and were left out: c.png, more/d.png"]
    assert facts(read_source(pictures, label_from=r"(.).*"))[0] == ("a.png", "a"), "a rule is stronger than a table"


def test_group_split_and_together_columns(pictures):
    path = table(pictures, "file,label,group,split,who\na.png,x,g,Training,anna\nb.png,y,,, \n")
    first, second = read_source(path, group_by="who").rows
    assert (first.group, first.split, first.together) == ("g", "train", "anna")
    assert (second.group, second.split, second.together) == (None, None, None)
    assert [row.together for row in read_source(path).rows] == [None, None]


def test_columns_can_be_named(pictures, refuses):
    path = table(pictures, "file,label,mine,other\nno.png,no,a.png,x\nno.png,no,b.png,y\n")
    assert facts(read_source(path, file_column="mine", label_column="other")) == [("a.png", "x"), ("b.png", "y")]
    for option in ("file_column", "label_column"):
        with refuses(CatalogError, f"{path}: no column 'none'; it has: file, label, mine, other"):
            read_source(path, **{option: "none"})
    with refuses(CatalogError, f"{path}: no column 'none' (group_by); it has: file, label, mine, other"):
        read_source(path, group_by="none")


def test_columns_that_cannot_be_guessed(pictures, refuses):
    path = table(pictures, "bild,label\na.png,x\n")
    with refuses(CatalogError, f"{path}: no file column; it has: bild, label; name the right one with --file-column"):
        read_source(path)
    path = table(pictures, "file,klasse\na.png,x\n")
    with refuses(
        CatalogError, f"{path}: no label column; it has: file, klasse; name the right one with --label-column"
    ):
        read_source(path)


def test_missing_files_are_counted_and_named(pictures, refuses):
    names = ["a.png", *(f"{n}.png" for n in range(5)), "고양이.png"]
    path = table(pictures, "file,label\n" + "".join(f"{name},x\n" for name in names))
    with refuses(
        CatalogError,
        f"{path}: 6 of 7 files are missing: 0.png, 1.png, 2.png and 3 more; paths are relative to {pictures}",
    ):
        read_source(path)
    path = table(pictures, f"file,label\n{'x' * 300},x\n")
    with pytest.raises(CatalogError, match="1 of 1 files are missing"):
        read_source(path)


@pytest.mark.parametrize("empty", ["", "  ", '""'])
def test_empty_cells_are_named(pictures, refuses, empty):
    path = table(pictures, f"file,label\na.png,x\nb.png,{empty}\n")
    with refuses(CatalogError, f"{path}: row 3 (b.png) has an empty label; fill the 'label' column or drop the row"):
        read_source(path)
    path = table(pictures, f"file,label\n{empty},x\n")
    with refuses(CatalogError, f"{path}: row 2 names no file; fill the 'file' column or drop the row"):
        read_source(path)


@pytest.mark.parametrize("value", ['""', "null", '" "'])
def test_empty_values_of_json_are_named_by_line(pictures, refuses, value):
    path = table(pictures, f'{{"file": "a.png", "label": 0}}\n{{"file": "b.png", "label": {value}}}', "l.jsonl")
    with refuses(CatalogError, f"{path}: row 2 (b.png) has an empty label; fill the 'label' column or drop the row"):
        read_source(path)


def test_short_rows_have_empty_labels(pictures, refuses):
    path = table(pictures, "file,label\na.png\n")
    with refuses(CatalogError, f"{path}: row 2 (a.png) has an empty label; fill the 'label' column or drop the row"):
        read_source(path)


def test_repeated_rows_count_once(pictures, refuses):
    path = table(pictures, "file,label\na.png,x\nb.png,y\na.png,x\n./a.png,x\n")
    listing = read_source(path)
    assert facts(listing) == [("a.png", "x"), ("b.png", "y")]
    assert listing.notes == ["2 rows of labels.csv repeat another row and count once: a.png, ./a.png"]
    path = table(pictures, "file,label\na.png,x\na.png,X\n")
    with refuses(CatalogError, f"{path}: a.png is labelled both 'x' and 'X'; keep one of the rows"):
        read_source(path)


def test_two_spellings_of_a_name_are_one_image(pictures, fill, refuses):
    fill(pictures, ["x/c.png"])
    path = table(pictures, "file,label\na.png,x\nx/../a.png,x\n.//x/./../a.png,x\nx/../b.png,y\nx//c.png,y\n")
    for data in (path, pictures):
        listing = read_source(data)
        assert facts(listing) == [("a.png", "x"), ("x/../b.png", "y"), ("x/c.png", "y")]
        assert listing.notes == [
            "2 rows of labels.csv repeat another row and count once: x/../a.png, .//x/./../a.png"
        ]  # fmt: skip
    path = table(pictures, "file,label\na.png,x\nx/../a.png,X\n")
    with refuses(CatalogError, f"{path}: x/../a.png is labelled both 'x' and 'X'; keep one of the rows"):
        read_source(path)


def test_an_unknown_split_is_named(pictures, refuses):
    path = table(pictures, "file,label,split\na.png,x,train\nb.png,x,held out\n")
    with refuses(CatalogError, f"{path}: row 3 has the split 'held out'; known: train, val, test"):
        read_source(path)


def test_tables_that_cannot_be_read(pictures, refuses):
    path = table(pictures, "file,label\na.png,é\n", encoding="latin-1")
    with refuses(CatalogError, f"{path}: not UTF-8 text (byte 17); save the table as UTF-8"):
        read_source(path)
    path = table(pictures, "")
    with refuses(CatalogError, f"{path}: the table is empty; its first row names the columns, as file,label"):
        read_source(path)
    path = table(pictures, f"file,label\na.png,{'x' * 140_000}\n")
    with refuses(CatalogError, f"{path}: not a readable table: field larger than field limit (131072)"):
        read_source(path)
    path = table(pictures, '{"file": "a.png", "label": "x"}\n{"file": ', "l.jsonl")
    with refuses(CatalogError, f"{path}: line 2 is not JSON: Expecting value; mend or drop it"):
        read_source(path)
    for text in ("[" * 100_000, '{"file": ' + "1" * 5000 + "}"):
        path = table(pictures, text, "l.jsonl")
        with pytest.raises(CatalogError, match=r"l\.jsonl: line 1 is not JSON: .*; mend or drop it$"):
            read_source(path)
    path = table(pictures, "[1]", "l.jsonl")
    with refuses(CatalogError, f"{path}: line 1 is not a JSON object"):
        read_source(path)


def test_the_byte_that_is_no_text_is_counted_in_the_whole_file(pictures, refuses):
    path = table(pictures, "\ufefffile,label\n" + "a.png,x\n" * 5000)
    length = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"a.png,\xff\n")
    with refuses(CatalogError, f"{path}: not UTF-8 text (byte {length + 6}); save the table as UTF-8"):
        read_source(path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(("name", "text"), [("l.csv", "file,label\na.png,x\n"), ("l.jsonl", '{"file": "a.png"}\n')])
def test_tables_of_sixteen_bits_are_refused(pictures, refuses, name, text, encoding):
    path = table(pictures, text, name, encoding)
    with refuses(CatalogError, f"{path}: its first line holds NULs, as UTF-16 does; save the table as UTF-8"):
        read_source(path)


def test_a_table_that_was_not_written_to_its_end(pictures, refuses):
    path = table(pictures, "file,label\na.png,x\n" + "\0" * 4096)
    with pytest.raises(CatalogError, match=r"row 3 .* has an empty label"):
        read_source(path)
    path = table(pictures, "file,label\na.png,x\nb\0.png,y\n")
    with pytest.raises(CatalogError, match="1 of 2 files are missing"):
        read_source(path)
    path = table(pictures, '{"file": "a.png", "label": "x"}\n' + "\0" * 4096, "l.jsonl")
    with refuses(CatalogError, f"{path}: line 2 is not JSON: Expecting value; mend or drop it"):
        read_source(path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_json_end_as_every_system_ends_them(pictures, end):
    text = end.join(json.dumps({"file": file, "label": label}, ensure_ascii=False) for file, label in ROWS)
    assert facts(read_source(table(pictures, text, "l.jsonl"))) == ROWS


DAMAGE = {
    "empty": lambda data: b"",
    "no Parquet": lambda data: b"file,label\n",
    "truncated": lambda data: data[: len(data) // 2],
    "without its head": lambda data: data[len(data) // 2 :],
    "overwritten": lambda data: data[:4] + b"\xff" * 100 + data[104:],
}
BROKEN = r": cannot be read as Parquet: .*; write or fetch it again$"


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_parquet_tables_are_named(pictures, damage):
    path = pictures / "labels.parquet"
    names = [f"{n}.png" for n in range(100)]
    pq.write_table(pa.table({"file": names, "label": names, "more": names}), path)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    for data in (path, pictures):
        with pytest.raises(CatalogError, match=rf"labels\.parquet{BROKEN}"):
            read_source(data)


def test_only_the_columns_that_are_asked_for_are_read(pictures):
    path = pictures / "labels.parquet"
    taken = pa.array([2**31 - 1] * 2, pa.date32())  # Python knows no such day
    pq.write_table(pa.table({"taken": taken, "split": ["val", ""], "file": ["a.png", "b.png"], "label": [1, 2]}), path)
    assert [(row.file, row.label, row.split) for row in read_source(path).rows] == [
        ("a.png", "1", "val"), ("b.png", "2", None),
    ]  # fmt: skip
    with pytest.raises(CatalogError, match=rf"labels\.parquet{BROKEN}"):
        read_source(path, label_column="taken")


def test_a_table_of_no_rows_has_no_images(pictures, refuses):
    path = table(pictures, "file,label\n")
    for data in (path, pictures):
        with refuses(CatalogError, f"{data}: no images found"):
            read_source(data)


def test_json_texts_may_hold_line_separators(pictures):
    path = table(pictures, json.dumps({"file": "a.png", "label": "a\u2028b\x85c"}, ensure_ascii=False), "l.jsonl")
    assert facts(read_source(path)) == [("a.png", "a\u2028b\x85c")]


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1).map(str.strip).filter(bool), min_size=1, max_size=5))
def test_any_label_survives_every_kind_of_table(tmp_path_factory, labels):
    folder = tmp_path_factory.mktemp("labels")
    names = [f"{n}.png" for n in range(len(labels))]
    for name in names:
        (folder / name).touch()
    with (folder / "l.jsonl").open("w", encoding="utf-8") as stream:
        for name, label in zip(names, labels, strict=True):
            stream.write(json.dumps({"file": name, "label": label}, ensure_ascii=False) + "\n")
    pq.write_table(pa.table({"file": names, "label": labels}), folder / "l.parquet")
    expected = list(zip(names, labels, strict=True))
    assert facts(read_source(folder / "l.jsonl")) == expected
    assert facts(read_source(folder / "l.parquet")) == expected


# --- Parquet shards


def shard(path, contents, labels, *, paths=None, names=None, plain=False, column="image", rows=1000, **more):
    """A shard as Hugging Face's datasets writes it, or with plain bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if plain:
        images = pa.array(contents, pa.binary())
    else:
        values = [{"bytes": data, "path": name} for data, name in zip(contents, paths or [None] * 99, strict=False)]
        images = pa.array(values, pa.struct({"bytes": pa.binary(), "path": pa.string()}))
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


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_shards_are_named(tmp_path, damage):
    shard(tmp_path / "a.parquet", [b"1"], ["x"])
    path = shard(tmp_path / "b.parquet", [b"1" * 50] * 50, [str(n) for n in range(50)], plain=True)
    data = path.read_bytes()
    path.write_bytes(DAMAGE[damage](data))
    with pytest.raises(CatalogError, match=rf"b\.parquet{BROKEN}"):
        list(iter_shard(path, [0]))
    if damage == "overwritten":  # and not the images, but the labels
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


def test_rows_of_a_shard_come_in_order_and_only_what_they_need_is_read(tmp_path, monkeypatch):
    contents = [str(n).encode() for n in range(1000)]
    path = shard(tmp_path / "a.parquet", contents, ["x"] * 1000, plain=True, rows=300)
    asked = []
    iter_batches = pq.ParquetFile.iter_batches

    def spy(self, batch_size, row_groups, columns):
        asked.append((row_groups, columns))
        for batch in iter_batches(self, batch_size=batch_size, row_groups=row_groups, columns=columns):
            assert len(batch) <= 128
            yield batch

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", spy)
    wanted = [999, 5, 301, 0, 299, 300]
    assert list(iter_shard(path, wanted)) == [(n, contents[n]) for n in sorted(wanted)]
    assert asked == [([0], ["image"]), ([1], ["image"]), ([3], ["image"])]
    asked.clear()
    assert list(iter_shard(path, [600])) == [(600, b"600")]
    assert asked == [([2], ["image"])]


@given(st.sets(st.integers(0, 299)).flatmap(lambda rows: st.permutations(sorted(rows))))
def test_any_rows_of_a_shard_are_the_right_ones(many, rows):
    assert list(iter_shard(many, rows)) == [(n, str(n).encode()) for n in sorted(rows)]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    path = tmp_path_factory.mktemp("shards") / "a.parquet"
    return shard(path, [str(n).encode() for n in range(300)], ["x"] * 300, plain=True, rows=140)


def test_a_shard_that_has_gone_or_shrunk(tmp_path, many, refuses):
    with refuses(CatalogError, f"{many}: no row 300; the shard has changed since it was catalogued"):
        list(iter_shard(many, [1, 300]))
    with pytest.raises(CatalogError, match=rf"no\.parquet{BROKEN}"):
        list(iter_shard(tmp_path / "no.parquet", [0]))
    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    with refuses(
        CatalogError,
        f"{tmp_path}/a.parquet: no column with image bytes; the shard has changed since it was catalogued",
    ):
        list(iter_shard(tmp_path / "a.parquet", [0]))


def test_a_row_without_bytes_is_empty(tmp_path):
    path = shard(tmp_path / "a.parquet", [None, b"1"], ["x", "y"])
    assert list(iter_shard(path, [0, 1])) == [(0, b""), (1, b"1")]
