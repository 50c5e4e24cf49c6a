"""A person's corrections have the last word."""

from __future__ import annotations

import csv

import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import CatalogError
from tellapart.data.opening import open_catalog


@pytest.fixture(scope="module")
def data(tmp_path_factory, draw, encode):
    """Class folders with a copy, a copy under another label, a mirrored one, and a blank one."""
    root = tmp_path_factory.mktemp("clean") / "set"
    for label, base in (("a", 0), ("b", 100)):
        (root / label).mkdir(parents=True)
        for number in range(12):
            (root / label / f"{number:02}.png").write_bytes(encode(draw(base + number, 96, 72)))
    (root / "a" / "copy.bmp").write_bytes(encode(draw(0, 96, 72), "BMP"))
    (root / "a" / "mirror.png").write_bytes(encode(draw(1, 96, 72)[:, ::-1].copy()))
    (root / "b" / "other.png").write_bytes(encode(draw(2, 96, 72)))
    (root / "b" / "blank.png").write_bytes(encode(Image.new("RGB", (96, 72), "grey")))
    (root / "b" / "broken.png").write_bytes(b"broken")
    return root


@pytest.fixture
def cleaned(data, tmp_path):
    def run(source=data, **options):
        options.setdefault("out", tmp_path / "clean.parquet")
        options.setdefault("audit", tmp_path / "audit")
        result = tellapart.clean(source, pretrained=False, **options)
        catalog = open_catalog(options["out"])
        columns = zip(catalog.column("file"), catalog.column("why"), catalog.column("keep"), strict=True)
        return result, {file: why for file, why, keep in columns if not keep}, catalog

    return run


def test_a_person_has_the_last_word(cleaned, tmp_path):
    corrections = tmp_path / "corrections.csv"
    with corrections.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(
            [["file", "keep", "label"], ["a/mirror.png", "true", ""], ["a/05.png", "false", ""], ["b/03.png", "", "a"]]
        )
    result, gone, catalog = cleaned(corrections=corrections)
    assert "a/mirror.png" not in gone
    assert gone["a/05.png"] == "by hand: corrections"
    assert catalog.column("label")[catalog.column("file").index("b/03.png")] == "a"
    assert (result["kept_by_hand"], result["dropped_by_hand"], result["relabelled"]) == (1, 1, 1)


def test_another_label_is_undone_too(cleaned, tmp_path):
    corrections = tmp_path / "corrections.csv"
    corrections.write_bytes(b"\xef\xbb\xbffile,label\r\nb/03.png,a\r\nb/03.png,a\r\n")
    _, _, catalog = cleaned(corrections=corrections)
    row = catalog.column("file").index("b/03.png")
    assert catalog.column("label")[row] == "a"
    _, _, again = cleaned(tmp_path / "clean.parquet", out=tmp_path / "again.parquet", audit=tmp_path / "b")
    assert again.column("label")[row] == "b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,keep\nx,true\n", "no column `file`; corrections have file,keep,label"),
        ("file,keep\nx.png,true\n", "1 row names no image of the data: 'x.png'"),
        ("file,keep\na/00.png,maybe\n", "row 2: keep is 'maybe'; write true or false"),
        ("file,keep\na/00.png,true\na/00.png,false\n", "row 3: 'a/00.png' again, decided otherwise; drop one row"),
        (
            "file,keep,label\na/00.png,,b,c\n",
            "row 2 has 4 cells, but the heading 3; put a text that holds a comma into quotation marks",
        ),
        (
            "file,keep,label\na\\00.png,,b\n",
            r"1 row names no image of the data: 'a\\00.png' (did you mean 'a/00.png'?)",
        ),
        (
            "file,keep\n00.PNG,true\na/oo.png,true\n",
            "2 rows name no image of the data: '00.PNG', 'a/oo.png' (did you mean 'a/00.png'?)",
        ),
        ("file,keep\noo.png,true\n", "1 row names no image of the data: 'oo.png'"),
        ("file,label,label\na/00.png,b,a\n", "2 columns are called 'label'; rename one"),
        (
            'file,label\na/00.png,"b\na/01.png,b"\n',
            "row 2: a quotation mark opens a text that goes on in row 3, which names a file itself ('a/01.png'); put a "
            'text that holds a quotation mark into quotation marks, and double the mark inside ("")',
        ),
        ("file,lable\na/00.png,b\n", "column 'lable' (did you mean 'label'?); corrections have file,keep,label"),
    ],
)
def test_corrections_that_cannot_be_used(cleaned, tmp_path, refuses, text, message):
    corrections = tmp_path / "corrections.csv"
    corrections.write_text(text, encoding="utf-8")
    with refuses(CatalogError, f"{corrections}: {message}"):
        cleaned(corrections=corrections)
    assert not (tmp_path / "clean.parquet").exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp949"])
@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_corrections_as_a_spreadsheet_saves_them(cleaned, tmp_path, encoding, sign):
    corrections = tmp_path / "corrections.csv"
    text = "\r\n".join([f"file{sign} label{sign}", f"b/03.png{sign}고양이{sign}", f"{sign}{sign}", ""])
    corrections.write_bytes(text.encode(encoding))
    _, _, catalog = cleaned(corrections=corrections)
    assert catalog.column("label")[catalog.column("file").index("b/03.png")] == "고양이"
