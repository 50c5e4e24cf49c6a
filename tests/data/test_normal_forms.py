"""Labels that look the same are the same."""

from __future__ import annotations

import unicodedata

from tellapart.data.layouts import read_source
from tellapart.data.normal_forms import composed
from tellapart.data.rows import Row

CAFE, CAT = "café", "고양이"


def decomposed(text):
    return unicodedata.normalize("NFD", text)


def test_two_folders_that_differ_in_form_are_one_class(tmp_path, fill):
    fill(tmp_path, [f"{CAFE}/1.png", f"{decomposed(CAFE)}/2.png", f"{decomposed(CAT)}/3.png"])
    listing = read_source(tmp_path)
    assert sorted({row.label for row in listing.rows}) == [CAFE, CAT]
    assert {row.file for row in listing.rows} == {
        f"{CAFE}/1.png",
        f"{decomposed(CAFE)}/2.png",
        f"{decomposed(CAT)}/3.png",
    }
    assert listing.notes == [
        "1 label is written in two forms of Unicode that look the same, and count as one: 'café'"
    ]  # fmt: skip


def test_names_of_files_and_groups_are_composed(tmp_path, fill):
    fill(tmp_path / "names", [f"{decomposed(CAT)}_{n}.png" for n in range(3)])
    assert {row.label for row in read_source(tmp_path / "names").rows} == {CAT}
    fill(tmp_path / "groups", [f"{decomposed(CAFE)}/a/1.png", f"{CAFE}/a/2.png", "tea/b/3.png"])
    assert {row.group for row in read_source(tmp_path / "groups").rows} == {CAFE, "tea"}


def test_labels_of_a_table_stay_unless_two_look_the_same():
    rows = [Row("1.png", decomposed(CAFE)), Row("2.png", CAT)]
    assert composed(rows, names=False) == (rows, [])
    assert [row.label for row in composed([*rows, Row("3.png", CAFE)], names=False)[0]] == [CAFE, CAT, CAFE]
