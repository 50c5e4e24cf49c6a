"""Classes and texts are told apart by what the source says; where both are plausible, a person is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.opening import open_catalog
from tellapart.data.rows import Listing, Row
from tellapart.data.task_guess import describe, guess_task


def listing(labels, *, layout="t.csv", column="label", **more):
    rows = [Row(f"{number}.png", label) for number, label in enumerate(labels)]
    return Listing(Path(), rows, layout, labelled_by=f"the column {column!r}", label_column=column, **more)


def repeated(classes, each):
    return [f"c{number % classes}" for number in range(classes * each)]


@pytest.mark.parametrize(("classes", "each"), [(25, 4), (200, 3), (60, 1), (2, 1), (30, 2)])
def test_class_folders_are_classes_however_few_images(classes, each):
    assert guess_task(listing(repeated(classes, each), layout="class folders"), "x") == "classify"
    assert guess_task(listing(repeated(classes, each), layout="shards", class_names=True), "x") == "classify"


def test_groups_make_classes():
    made = listing([])
    made.rows = [Row(f"{n}.png", f"c{n}", "group") for n in range(40)]
    assert guess_task(made, "x") == "classify"


@pytest.mark.parametrize(
    ("labels", "column", "task"),
    [
        (repeated(25, 4), "label", "classify"),
        (repeated(200, 3), "label", "classify"),
        (repeated(6, 5), "label", "classify"),
        (repeated(60, 1), "label", "read"),
        ([*repeated(10, 2), *map(str, range(40))], "label", "read"),
        (repeated(60, 1), "text", "read"),
        (repeated(60, 2), "Transcription", "read"),
        (repeated(60, 2), "class", "classify"),
        (repeated(60, 2), "Class Name", "classify"),
        (["ab3k", "kk2p", "9xya"], "text", "read"),
        (["ab3k", "kk2p", "9xya"], "label", "classify"),
        (["cat", "cat", "dog", "dog"], "text", "classify"),
        (repeated(1, 19), "label", "classify"),
    ],
)
def test_headings_and_repetition_speak(labels, column, task):
    assert guess_task(listing(labels, column=column), "x") == task


@pytest.mark.parametrize(
    ("labels", "column"),
    [
        (repeated(15, 2), "label"),
        ([*repeated(15, 2), *map(str, range(12))], "label"),
        (repeated(6, 5), "text"),
        (repeated(60, 1), "class"),
    ],
)
def test_where_both_are_plausible_a_person_is_asked(labels, column):
    with pytest.raises(CatalogError, match=r"^x: \d+ labels of \d+ images, from the column .* may be classes or texts"):
        guess_task(listing(labels, column=column), "x")


def test_the_question_names_labels_and_both_answers(refuses):
    with refuses(
        CatalogError,
        "x: 10 labels of 20 images, from the column 'label', may be classes or texts ('c0', 'c1', 'c2' and 7 more); "
        "say which: --task classify or --task read",
    ):
        guess_task(listing(repeated(10, 2)), "x")


@pytest.mark.parametrize(
    ("rows", "task", "line"),
    [
        ([Row("a", "cat"), Row("b", "cat"), Row("c", "dog")], "classify", "2 classes of 1 to 2 images, from t.csv"),
        ([Row("a", "cat", "x"), Row("b", "dog", "y")], "classify", "2 classes of 1 image in 2 groups, from t.csv"),
        ([Row("a", "ab"), Row("b", "abcd")], "read", "texts of 2 to 4 characters of 2 images, from t.csv"),
        (
            [Row("a", "x", split="train"), Row("b", "x", split="test"), Row("c", "x")],
            "classify",
            "1 class of 3 images, from t.csv; train 1, test 1, without a part 1",
        ),
    ],
)
def test_a_line_says_what_was_read(rows, task, line):
    made = Listing(Path(), rows, "t.csv", labelled_by="t.csv")
    assert describe(made, task, guessed=False) == f"read as: {line}"
    other = "read if they are texts" if task == "classify" else "classify if they are classes"
    assert describe(made, task, guessed=True) == f"read as: {line} (--task {other})"


def test_opening_a_source_says_what_was_guessed(tmp_path, fill, capsys):
    fill(tmp_path, [f"flower {c}/{n}.png" for c in range(25) for n in range(4)], 8, 8)
    assert open_catalog(tmp_path).task == "classify"
    assert capsys.readouterr().err == "read as: 25 classes of 4 images, from folder names\n"
    assert open_catalog(tmp_path, task="read", label_from="folder").task == "read"
    assert capsys.readouterr().err == ""


def test_class_labels_of_hugging_face_are_classes(tmp_path, draw, encode, capsys):
    about = {"huggingface": json.dumps({"info": {"features": {"label": {"names": [f"c{n}" for n in range(30)]}}}})}
    made = pa.table({"image": [encode(draw(n, 8, 8)) for n in range(30)], "label": list(range(30))})
    pq.write_table(made.replace_schema_metadata(about), tmp_path / "a.parquet")
    assert open_catalog(tmp_path).task == "classify"
    assert capsys.readouterr().err == "read as: 30 classes of 1 image, from the column 'label' of Parquet shards\n"
