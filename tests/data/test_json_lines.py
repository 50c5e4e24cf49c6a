"""Lines of JSON become rows by their numbers; what is none, or says a thing twice, is named."""

from __future__ import annotations

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.json_lines import read_json_lines


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "l.jsonl"
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_rows_by_their_lines(write, encoding):
    table = read_json_lines(write('{"file": "a", " label ": "고양이"}\r\n\r\n{"file": "b", "x": [1]}\r\n', encoding))
    assert table.present == ["file", "label", "x"]
    assert [(row.number, row.cells) for row in table.records] == [
        (1, {"file": "a", "label": "고양이"}), (3, {"file": "b", "x": [1]}),
    ]  # fmt: skip
    assert table.notes == ([] if encoding.startswith("utf-8") else [
        f"read as: {'UTF-16' if encoding == 'utf-16' else encoding} text (l.jsonl)"
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"file": "a"}\n{"label": "x", "label": "y"}', "line 2 gives 'label' twice; keep one"),
        ('{"label": "x", "label ": "y"}', "line 1 gives 'label' twice; keep one"),
        ('\n[{"file": "a"}]', "line 2 is not a JSON object; a list is a table too, in a file that ends in .json"),
        ('"a"', "line 1 is not a JSON object"),
        ('{"file": ', "line 1 is not JSON: Expecting value; mend or drop it"),
        ("file,label\n", "line 1 is not JSON: Expecting value; mend or drop it"),
    ],
)
def test_lines_that_are_no_rows(write, text, message, refuses):
    path = write(text)
    with refuses(CatalogError, f"{path}: {message}"):
        read_json_lines(path)
