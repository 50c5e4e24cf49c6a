"""No comma and no quotation mark cuts a text: it is read whole, or the row is named."""

from __future__ import annotations

import csv
import io

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.columns import Columns
from tellapart.data.delimited import read_delimited, read_text


@pytest.fixture
def read(tmp_path):
    """Read a table that is written as bytes; headings, rows (number, file, label), notes."""

    def read(text, name="t.csv", columns=Columns(), encoding="utf-8"):  # noqa: B008
        (tmp_path / name).write_bytes(text.encode(encoding))
        table = read_delimited(tmp_path / name, columns.file_heading)
        rows = [(row.number, row.cells.get("file"), row.cells.get("label")) for row in table.records]
        return table.present, rows, table.notes

    return read


AB = [(2, "a.png", "x"), (3, "b.png", "y")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_signs_between_and_ends_of_lines(read, sign, end):
    text = end.join(sign.join(cells) for cells in (("file", "label"), ("a.png", "x"), ("b.png", '"y"')))
    for name in ("t.csv", "t.tsv"):
        assert read(text, name) == (["file", "label"], AB, [])
        assert read(text + end + end, name) == (["file", "label"], AB, [])
    said = f"sep={sign}{end}{text}"
    assert read(said) == (["file", "label"], [(3, "a.png", "x"), (4, "b.png", "y")], [])
    assert read(f'"sep={sign}"{end}{text}', encoding="utf-8-sig")[0] == ["file", "label"]


@pytest.mark.parametrize(
    ("heading", "present"),
    [
        ("file, label", ["file", "label"]),
        (' "file" ,label'.replace(" ,", ","), ["file", "label"]),
        ("file;label;size (w,h)", ["file", "label", "size (w,h)"]),
        ("file,label;of whom", ["file", "label;of whom"]),
        ('"file","label","a\nb"', ["file", "label", "a\nb"]),
        (",file,label", ["file", "label"]),
        ("file,label,,", ["file", "label"]),
    ],
)
def test_headings(read, heading, present):
    columns = Columns(label=present[1])
    assert read(heading + "\n", columns=columns)[0] == present


def test_of_two_signs_the_one_under_which_the_columns_are_there(read):
    heading = "bild;klasse,file\n"
    assert read(heading, columns=Columns("bild", "klasse,file"))[0] == ["bild", "klasse,file"]
    assert read(heading, columns=Columns(None, "bild;klasse"))[0] == ["bild;klasse", "file"]
    assert read("a;b;c,d\n")[0] == ["a", "b", "c,d"], "of unknown headings the most"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na.png,Hello, world\nb.png,plain\n",
         "row 2 has 3 cells, but the heading 2; put a text that holds a comma into quotation marks"),
        ("file,label\nb.png,plain\n\na.png,1,299.00\nc.png,1,2,3\n",
         "row 4 has 3 cells, but the heading 2 (1 other row too); put a text that holds a comma into quotation marks"),
        ("file,label\na.png,Hello,\n",
         "row 2 has 3 cells, but the heading 2; put a text that holds a comma into quotation marks"),
        ("file\tlabel\na.png\tHello\tworld\n",
         "row 2 has 3 cells, but the heading 2; put a text that holds a tab into quotation marks"),
        ("file,label,note\na.png,Hello, world\nb.png,plain,,\n",
         "row 3 has 4 cells, but the heading 3; put a text that holds a comma into quotation marks"),
        ("file,label,note\na.png,Hello, world\nb.png,plain\n",
         "row 3 has 2 cells, but the heading 3; fill it up, so that every cell has its heading"),
        ("file,label,\na.png,x,\nb.png,Hello, world\n",
         "row 3 has the cell 'world' below no heading; name its column, or put the text that it belongs to into "
         "quotation marks"),
    ],
)  # fmt: skip
def test_a_text_with_the_sign_is_never_cut(read, text, message, refuses, tmp_path):
    with refuses(CatalogError, f"{tmp_path}/t.csv: {message}"):
        read(text)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('"Hello, world"', "Hello, world"), (' "Hello, world"', "Hello, world"), ('"say ""hi"""', 'say "hi"'),
        ('5" disk', '5" disk'), ("it's", "it's"), ('a "b" c', 'a "b" c'), ("'Hello'", "'Hello'"), ("\\n", "\\n"),
        ('""', ""), ('"""Hello"""', '"Hello"'), ("Hello\\", "Hello\\"),
    ],
)  # fmt: skip
def test_texts_with_marks_that_fit_together(read, cell, text):
    assert read(f'file,label\na.png,{cell}\n"b.png",y\n')[1:] == ([(2, "a.png", text), (3, "b.png", "y")], [])


@pytest.mark.parametrize("cell", ['"Hello', '"', '"Hello" she said', '"a" and "b', "\"it's"])
def test_marks_that_are_text_are_text_where_no_others_are(read, cell):
    rows = [(2, "a.png", cell), (3, "b.png", "y")]
    assert read(f"file,label\na.png,{cell}\nb.png,y\n")[1:] == (
        rows, ["read as: quotation marks are text (t.csv, as in row 2)"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('file,label\na.png,"Hello\n"b.png",y\n', "row 2: a text goes on behind the quotation mark that closes it"),
        ('file,label\n"b.png",y\na.png,"Hello\n', "row 3: a quotation mark opens a text and none closes it"),
        ('file,label\na.png,"Hello, world\nb.png,y\n', "row 2: a quotation mark opens a text and none closes it"),
        ('file,label\n"a.png","say \\"hi\\""\n', "row 2: a text goes on behind the quotation mark that closes it"),
        ('file,label\na.png,""Hello""\n', "row 2: a text goes on behind the quotation mark that closes it"),
        ('file,label\n"a.png","x\nb.png,y"\n',
         "row 2: a quotation mark opens a text that goes on in row 3, which names a file itself ('b.png')"),
        ('file,label\na.png,"Hello\nb.png,"\n',
         "row 2: a quotation mark opens a text that goes on in row 3, which names a file itself ('b.png')"),
        ('file,label,note\na.png,x,"see\nb.png,y,z\nc.png,y,""\n"\n',
         "row 2: a quotation mark opens a text that goes on in row 3, which names a file itself ('b.png')"),
        ('file,label\nhere,"x\nhere,y"\n',
         "row 2: a quotation mark opens a text that goes on in row 3, which names a file itself ('here')"),
    ],
)  # fmt: skip
def test_a_lone_mark_swallows_no_row(read, text, message, refuses, tmp_path):
    (tmp_path / "here").touch()
    advice = 'put a text that holds a quotation mark into quotation marks, and double the mark inside ("")'
    with refuses(CatalogError, f"{tmp_path}/t.csv: {message}; {advice}"):
        read(text)


def test_texts_of_several_lines(read):
    text = 'file,label,note\na.png,x,"first\nand second, and third"\nb.png,"y\nz",\n'
    assert read(text)[1] == [(2, "a.png", "x"), (4, "b.png", "y\nz")]


def test_rows_without_a_cell_filled_are_counted(read):
    text = "file,label\n,\na.png,x\n\n , \nb.png,y\n,\n,,,\n"
    assert read(text)[1:] == (
        [(3, "a.png", "x"), (6, "b.png", "y")],
        ["4 rows of t.csv without a cell filled: 2, 5, 7 and 1 more"],
    )


def test_tables_that_were_put_together(read):
    text = "file,label\na.png,x\nfile,label\nb.png,y\n"
    rows = [(2, "a.png", "x"), (4, "b.png", "y")]
    assert read(text)[1:] == (rows, ["1 row of t.csv with the heading again: 3"])


def test_a_table_without_a_heading(read, refuses, tmp_path):
    for text, columns in (("a.png,x\nb.png,y\n", "file and label"), ("x,a.png\ny,b.png\n", "label and file")):
        _, rows, notes = read(text)
        assert rows == [(1, "a.png", "x"), (2, "b.png", "y")]
        assert notes == [f"read as: no heading; the columns are {columns} (t.csv)"]
    for text in ("1,a.png,x\n2,b.png,y\n", "x,b.png,deep\\b.JPG\n"):
        first = "a.png" if text.startswith("1") else "b.png"
        message = f"its first row names an image, '{first}'; put a row above it that names the columns, as file,label"
        with refuses(CatalogError, f"{tmp_path}/t.csv: {message}"):
            read(text)
    for text in ("", "\n\n", "\ufeff", "sep=;\n"):
        message = "the table is empty; its first row names the columns, as file,label"
        with refuses(CatalogError, f"{tmp_path}/t.csv: {message}"):
            read(text)


def test_tables_that_are_no_files(tmp_path, refuses):
    (tmp_path / "d.csv").mkdir()
    with refuses(CatalogError, f"{tmp_path}/d.csv: cannot be read: Is a directory"):
        read_delimited(tmp_path / "d.csv", Columns().file_heading)
    with refuses(CatalogError, f"{tmp_path}/no.csv: cannot be read: No such file or directory"):
        read_delimited(tmp_path / "no.csv", Columns().file_heading)


@pytest.mark.parametrize("dialect", ["excel", "excel-tab", "unix"])
def test_what_the_standard_library_writes_is_read_back(read, dialect):
    labels = [
        "x",
        "Hello, world",
        '"',
        '""',
        'a"b',
        "",
        "a;b|c",
        "naïve\u2028x",
        "'",
        "\\",
        "two\nlines",
        "tab\there",
    ]
    stream = io.StringIO(newline="")
    csv.writer(stream, dialect).writerows([("file", "label"), *((f"{n}.png", each) for n, each in enumerate(labels))])
    _, rows, notes = read(stream.getvalue())
    assert ([row[1:] for row in rows], notes) == ([(f"{n}.png", each) for n, each in enumerate(labels)], [])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\3\4\x14\0\6\0", "a spreadsheet or an archive, no text; save the table as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a spreadsheet or an archive, no text; save the table as CSV"),
        (b"<!DOCTYPE html><html>", "a web page and not the table, as a failed download leaves it; fetch the table "
         "again"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer and not the table; fetch the tables "
         "with git lfs pull"),
        (b"\x1f\x8b\x08\0", "a gzip archive and not the table; unpack it"),
    ],
)  # fmt: skip
def test_what_lies_in_the_place_of_a_table(tmp_path, refuses, data, said):
    (tmp_path / "t.csv").write_bytes(data)
    with refuses(CatalogError, f"{tmp_path / 't.csv'}: {said}"):
        read_text(tmp_path / "t.csv")


def test_the_mark_by_which_dos_ends_a_text_is_no_row(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"file,label\r\na.png,x\r\n\x1a")
    assert read_text(tmp_path / "t.csv") == ("file,label\r\na.png,x\r\n", [])
