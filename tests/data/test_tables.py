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


def test_short_rows_are_named(pictures, refuses):
    path = table(pictures, "file,label\n\na.png\nb.png\n")
    with refuses(
        CatalogError,
        f"{path}: row 3 has 1 cell, but the heading 2 (1 other row too); fill it up, so that every cell has its "
        "heading",
    ):
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
    path = pictures / "labels.csv"
    path.write_bytes(b"file,label\na.png,\xff\xfe\xfd\n")
    with refuses(
        CatalogError, f"{path}: not UTF-8 text (byte 17), and no older encoding fits either; save it as UTF-8"
    ):
        read_source(path)
    path = table(pictures, "")
    with refuses(CatalogError, f"{path}: the table is empty; its first row names the columns, as file,label"):
        read_source(path)
    path = table(pictures, f"file,label\na.png,{'x' * 140_000}\n")
    with pytest.raises(
        CatalogError, match="row 2: a cell holds more than 131,072 characters: is a quotation mark left"
    ):
        read_source(path)
    path = table(pictures, '{"file": "a.png", "label": "x"}\n{"file": ', "l.jsonl")
    with refuses(CatalogError, f"{path}: line 2 is not JSON: Expecting value; mend or drop it"):
        read_source(path)
    for text in ("[" * 100_000, '{"file": ' + "1" * 5000 + "}"):
        path = table(pictures, text, "l.jsonl")
        with pytest.raises(CatalogError, match=r"l\.jsonl: line 1 is not JSON: .*; mend or drop it$"):
            read_source(path)
    path = table(pictures, "[1]", "l.jsonl")
    with refuses(
        CatalogError, f"{path}: line 1 is not a JSON object; a list is a table too, in a file that ends in .json"
    ):
        read_source(path)


def test_the_byte_that_is_no_text_is_counted_in_the_whole_file(pictures, refuses):
    path = table(pictures, "\ufefffile,label\n" + "a.png,x\n" * 5000)
    length = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"a.png,\xff\n")
    with refuses(CatalogError, f"{path}: not UTF-8 text (byte {length + 6}), though it begins so"):
        read_source(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize(
    ("name", "text"),
    [("l.csv", "file,label\na.png,0042\n"), ("l.jsonl", '{"file": "a.png", "label": "0042"}\n')],
)
def test_tables_of_wide_characters(pictures, name, text, encoding):
    listing = read_source(table(pictures, text, name, encoding))
    assert facts(listing) == [("a.png", "0042")]
    assert listing.notes == [
        f"read as: UTF-{'32' if '32' in encoding else '16'} text ({name})",
        f"1 image beside them is not named in {name} and was left out: b.png",
    ]


def test_tables_in_an_older_encoding(pictures):
    listing = read_source(table(pictures, "file,label\na.png,고양이\nb.png,강아지\n", encoding="cp949"))
    assert facts(listing) == [("a.png", "고양이"), ("b.png", "강아지")]
    assert listing.notes == ["read as: cp949 text (labels.csv)"]


def test_a_table_that_was_not_written_to_its_end(pictures, refuses):
    path = table(pictures, "file,label\na.png,x\n" + "\0" * 4096)
    with pytest.raises(CatalogError, match=r"row 3 holds NULs: the table was not written to its end; write it again"):
        read_source(path)
    path = table(pictures, "file,label\na.png,x\nb\0.png,y\n")
    with pytest.raises(CatalogError, match=r"row 3 holds NULs: the table was not written to its end; write it again"):
        read_source(path)
    path = table(pictures, '{"file": "a.png", "label": "x"}\n' + "\0" * 4096, "l.jsonl")
    with refuses(CatalogError, f"{path}: line 2 is not JSON: Expecting value; mend or drop it"):
        read_source(path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_json_end_as_every_system_ends_them(pictures, end):
    text = end.join(json.dumps({"file": file, "label": label}, ensure_ascii=False) for file, label in ROWS)
    assert facts(read_source(table(pictures, text, "l.jsonl"))) == ROWS


def test_damaged_parquet_tables_are_named(pictures, parquet_damage):
    path = pictures / "labels.parquet"
    names = [f"{n}.png" for n in range(100)]
    pq.write_table(pa.table({"file": names, "label": names, "more": names}), path)
    path.write_bytes(parquet_damage(path.read_bytes()))
    for data in (path, pictures):
        with pytest.raises(
            CatalogError, match=r"labels\.parquet: cannot be read as Parquet: .*; write or fetch it again$"
        ):
            read_source(data)


def test_only_the_columns_that_are_asked_for_are_read(pictures):
    path = pictures / "labels.parquet"
    taken = pa.array([2**31 - 1] * 2, pa.date32())  # Python knows no such day
    pq.write_table(pa.table({"taken": taken, "split": ["val", ""], "file": ["a.png", "b.png"], "label": [1, 2]}), path)
    assert [(row.file, row.label, row.split) for row in read_source(path).rows] == [
        ("a.png", "1", "val"), ("b.png", "2", None),
    ]  # fmt: skip
    with pytest.raises(CatalogError, match=r"labels\.parquet: cannot be read as Parquet: .*; write or fetch it again$"):
        read_source(path, label_column="taken")


def test_a_table_of_no_rows_has_no_images(pictures, refuses):
    path = table(pictures, "file,label\n")
    for data in (path, pictures):
        with refuses(CatalogError, f"{data}: no images found (looked for JPEG, PNG, BMP, TIFF, WEBP, GIF)"):
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


@pytest.mark.parametrize(
    ("heading", "rows"),
    [
        ("name,label", "a.png,0\nb.png,1"),
        ("id,breed", "a,boston_bull\nb,dingo"),
        ("lesion_id,image_id,dx", "HAM_1,a,bkl\nHAM_2,b,nv"),
        ("id_code,diagnosis", "a,2\nb,4"),
        (
            "annotation_id,annotator,choice,created_at,id,image,lead_time",
            "1,1,Cat,2024,7,set/a.png,1.5\n2,1,Dog,2024,8,b.png,2",
        ),
        ("filename,words", 'a.png,"Hello, world"\nb.png,x'),
        ("Unnamed: 0,image,class", "0,a.png,x\n1,b.png,y"),
        ("FileName;Label", "a.png;x\nb.png;y"),
    ],
)
def test_tables_of_published_sets_and_tools(pictures, heading, rows):
    listing = read_source(table(pictures, f"{heading}\n{rows}\n"))
    assert [row.file for row in listing.rows] == ["a.png", "b.png"]
    assert all(row.label in rows for row in listing.rows)


def test_one_hot_tables_of_tools(pictures, refuses):
    path = table(pictures, "filename, cat, dog\na.png, 1, 0\nb.png, 0, 1\n", "_classes.csv")
    with refuses(
        CatalogError,
        f"{path}: no label column; the columns cat, dog hold 0 and 1, as for several labels an image; write the one "
        "label of each image into a column 'label', or all of them, and say --task tag",
    ):
        read_source(path)


@pytest.mark.parametrize(
    ("labels", "notes"),
    [
        (["cat|dog", "cat", "dog"], ["1 label looks like several labels an image, joined (--task tag): cat|dog"]),
        (
            ["haze primary", "primary", "haze"],
            ["1 label looks like several labels an image, joined (--task tag): haze primary"],
        ),
        (["cat|bird", "cat", "dog"], ["1 label looks like several labels an image, joined (--task tag): cat|bird"]),
        (["cat|bird", "dog", "two words"], []),
        (["nan", "cat", "None"], ["2 rows with a label as programs write an empty cell: None, nan"]),
        (["1.23E+12", "1E+05", "1e5"], ["2 labels as spreadsheets rewrite long numbers: 1.23E+12, 1E+05"]),
    ],
)
def test_labels_that_may_mean_something_else_are_said(pictures, fill, labels, notes):
    fill(pictures, ["c.png"])
    rows = "".join(f"{name}.png,{label}\n" for name, label in zip("abc", labels, strict=True))
    listing = read_source(table(pictures, f"file,label\n{rows}"))
    assert [row.label for row in listing.rows] == labels
    assert listing.notes == notes


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_rule_takes_the_label_out_of_a_column(pictures, kind):
    path = pictures / f"t.{kind}"
    texts = ["This is 'abc'", "This is 'x y'"]
    if kind == "parquet":
        pq.write_table(pa.table({"file": ["a.png", "b.png"], "text": texts}), path)
    elif kind == "jsonl":
        path.write_text(
            "\n".join(json.dumps({"file": f"{n}.png", "text": t}) for n, t in zip("ab", texts, strict=True))
        )
    else:
        path.write_text("file,text\n" + "\n".join(f"{n}.png,{t}" for n, t in zip("ab", texts, strict=True)))
    assert [row.label for row in read_source(path, label_from="This is '(.+)'").rows] == ["abc", "x y"]
    with pytest.raises(CatalogError, match=r"row \d \(b\.png\): the label .* holds nothing by the rule"):
        read_source(path, label_from=r"This is '(\w+)'")
    for rule in ("folder", "prefix", "text"):
        with pytest.raises(CatalogError, match=f"^--label-from {rule}: reads names of files, and here a column holds"):
            read_source(path, label_from=rule)


def test_options_of_columns_are_refused_where_there_are_none(pictures):
    for name, value in (("file_column", "f"), ("label_column", "l"), ("group_by", "g")):
        with pytest.raises(
            CatalogError, match=f"--{name.replace('_', '-')} {value}: cannot be used with folders of images"
        ):
            read_source(pictures, label_from="text", **{name: value})


def test_images_that_wait_for_a_label_are_passed_over(pictures, refuses):
    path = table(pictures, "file,predicted,confidence,label\na.png,cat,0.5,dog\nb.png,cat,0.4,\n")
    listing = read_source(path)
    assert facts(listing) == [("a.png", "dog")]
    assert listing.notes == ["1 row of labels.csv without a label yet left out"]
    path = table(pictures, "file,predicted,confidence,label\na.png,cat,0.5,\nb.png,cat,0.4,\n")
    with refuses(CatalogError, f"{path}: none of its 2 rows has a label yet; fill the 'label' column"):
        read_source(path)
    path = table(pictures, "file,label\na.png,dog\nb.png,\n")  # of any other table an empty label is a mistake
    with pytest.raises(CatalogError, match=r"row 3 \(.* has an empty label"):
        read_source(path)


@pytest.mark.parametrize("label", ['{"choices": ["cat", "dog"]}', '{"gt_parse": {"text": "abc"}}'])
def test_an_object_in_the_place_of_a_label_is_refused(pictures, label):
    rows = [json.dumps({"file": "a.png", "label": label}), json.dumps({"file": "b.png", "label": "cat"})]
    path = table(pictures, "\n".join(rows), "l.jsonl")
    with pytest.raises(CatalogError, match=r"the column 'label' holds JSON objects, as .*--label-from"):
        read_source(path)
    assert len(read_source(path, label_from="(.+)").rows) == 2


def test_whole_numbers_that_became_fractions_are_noted(pictures):
    listing = read_source(table(pictures, "file,label\na.png,1.0\nb.png,2.0\n"))
    assert listing.notes == ["labels as programs write whole numbers where some cells are empty: 1.0, 2.0"]


def test_ids_are_looked_for_in_the_part_that_the_name_of_the_table_says(tmp_path, fill):
    fill(tmp_path, ["train/1.png", "test/1.png"])
    (tmp_path / "trainLabels.csv").write_text("id,label\n1,x\n")
    assert facts(read_source(tmp_path / "trainLabels.csv")) == [("train/1.png", "x")]
    (tmp_path / "other.csv").write_text("id,label\n1,x\n")
    with pytest.raises(CatalogError, match=r"did you mean 'test/1.png' or 'train/1.png'"):
        read_source(tmp_path / "other.csv")
