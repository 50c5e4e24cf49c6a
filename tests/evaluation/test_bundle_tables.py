"""The tables in a bundle: read whole, or refused in one sentence, whatever a stranger made of them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tellapart.core.errors import BundleError
from tellapart.evaluation.bundle_tables import numbers, read_bundle_table, texts
from tellapart.evaluation.drift import REFERENCE
from tellapart.evaluation.drift_reference import Reference
from tellapart.evaluation.training_images import TRAINING_IMAGES, TrainingImages
from tellapart.inference.base_model import small_reader

KEY = b"about"


def written(path, about='{"a": 1}', **columns):
    table = pa.table(columns or {"n": [1.0, 2.0]})
    pq.write_table(table if about is None else table.replace_schema_metadata({KEY: about}), path)
    return path


def test_a_table_and_what_it_says(tmp_path):
    path = written(tmp_path / "t.parquet", n=[1, 2], word=["a", "b"])
    table, about = read_bundle_table(path, KEY, 2)
    assert about == {"a": 1}
    assert numbers(table, "n", path).tolist() == [1, 2]
    assert texts(table, "word", path) == ["a", "b"]


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (None, "cannot be read: "),
        ("", "cannot be read: "),
        ("[1]", "not a table of a bundle"),
        ("3", "not a table of a bundle"),
        ("[" * 100_000, "cannot be read: nested too deep"),
    ],
)
def test_metadata_that_is_no_object_is_refused(about, words, tmp_path):
    path = written(tmp_path / "t.parquet", about)
    with pytest.raises(BundleError) as caught:
        read_bundle_table(path, KEY, 9)
    assert str(caught.value).startswith(f"{path}: {words}")
    assert str(caught.value).endswith("; export the run again")


def test_too_many_rows_and_no_table_are_refused(tmp_path, refuses):
    path = written(tmp_path / "t.parquet")
    with refuses(BundleError, f"{path}: 2 rows, more than 1; export the run again"):
        read_bundle_table(path, KEY, 1)
    for data in (b"", b"PAR1", path.read_bytes()[:-9]):
        path.write_bytes(data)
        with pytest.raises(BundleError, match="cannot be read: "):
            read_bundle_table(path, KEY, 9)


@pytest.mark.parametrize(
    "values", [["a"], [None], [1.0, None], [float("nan")], [float("inf")], [[1]], [b"1"], [True], [{"a": 1}]]
)
def test_columns_of_something_else_are_refused(values, tmp_path):
    path = written(tmp_path / "t.parquet", n=values)
    table, _ = read_bundle_table(path, KEY, 9)
    with pytest.raises(BundleError, match=r"column n holds something else than numbers; export the run again$"):
        numbers(table, "n", path)
    with pytest.raises(BundleError, match=r"no column m; export the run again$"):
        numbers(table, "m", path)
    if values != ["a"]:
        with pytest.raises(BundleError, match=r"column n holds something else than texts; export the run again$"):
            texts(table, "n", path)


@pytest.mark.parametrize(
    ("opened", "name"), [(TrainingImages.open, TRAINING_IMAGES), (Reference.open, REFERENCE)], ids=["images", "drift"]
)
def test_mutated_tables_are_refused_in_one_sentence(opened, name, shape_bundle, tmp_path):
    folder = shape_bundle if name == TRAINING_IMAGES else small_reader()
    data, path, ends = (folder / name).read_bytes(), tmp_path / name, []
    for seed in range(60):
        dice = np.random.default_rng(seed)
        changed = bytearray(data)
        for _ in range(dice.integers(1, 6)):
            changed[dice.integers(len(data))] = dice.integers(256)
        path.write_bytes(changed if seed % 10 else changed[: dice.integers(len(data))])
        try:
            opened(path)
            ends.append("")
        except BundleError as error:
            ends.append(str(error))
    assert [text for text in ends if "\n" in text] == []
    assert {bool(text) for text in ends} == {True, False}


def changed_table(folder, name, path, change):
    table = pq.read_table(folder / name)
    columns = {column: table[column].to_pylist() for column in table.column_names}
    about = {key: json.loads(value) for key, value in table.schema.metadata.items()}
    change(columns, next(iter(about.values())))
    schema = pa.schema([field for field in table.schema if field.name in columns])
    made = pa.table(columns, schema=schema if set(columns) <= set(table.column_names) else None)
    pq.write_table(made.replace_schema_metadata({key: json.dumps(value) for key, value in about.items()}), path)
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda columns, about: columns.pop("digest"), "no column digest"),
        (lambda columns, about: columns["digest"].reverse(), "not digests in their order, each of one part"),
        (lambda columns, about: columns["part"].__setitem__(0, "dev"), "not digests in their order, each of one part"),
        (lambda columns, about: columns["digest"].__setitem__(0, None), "column digest holds something else than"),
        (lambda columns, about: about.update(format=9), "format 9; this version reads 1"),
        (lambda columns, about: about.pop("unrecorded"), "unrecorded: not a text"),
    ],
)
def test_training_images_that_are_none(change, words, shape_bundle, tmp_path):
    path = changed_table(shape_bundle, TRAINING_IMAGES, tmp_path / "t.parquet", change)
    with pytest.raises(BundleError) as caught:
        TrainingImages.open(path)
    assert str(caught.value).startswith(f"{path}: {words}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda columns, about: columns.pop("light"), "no column light"),
        (lambda columns, about: columns.pop("feature0"), "kept by an earlier version"),
        (lambda columns, about: about.pop("axes"), "its reduction cannot be read"),
        (lambda columns, about: about.update(axes="%"), "its reduction cannot be read"),
        (lambda columns, about: about.update(shape=[3, 3]), "its reduction cannot be read"),
        (lambda columns, about: about.update(shape=[-1]), "kept by an earlier version"),
        (lambda columns, about: about.update(mean="AAAA"), "its reduction cannot be read"),
        (
            lambda columns, about: columns["answer"].__setitem__(0, None),
            "column answer holds something else",
        ),
    ],
)
def test_a_reference_that_is_none(change, words, tmp_path):
    path = changed_table(small_reader(), REFERENCE, tmp_path / "t.parquet", change)
    with pytest.raises(BundleError) as caught:
        Reference.open(path)
    assert str(caught.value).startswith(f"{path}: {words}")
