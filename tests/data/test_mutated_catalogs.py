"""Catalogs that people and disks have damaged: opened as they stand, or refused in one sentence; never a traceback."""

from __future__ import annotations

import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tellapart.core.errors import CatalogError, ImageError
from tellapart.data.opening import catalog, open_catalog


@pytest.fixture
def written(class_folders):
    """A catalog of twelve pictures, some with groups and decisions."""
    path = class_folders.parent / "catalog.parquet"
    catalog(class_folders, out=path, task="classify")
    return path


def use(path):
    """What a command does with a catalog, or the sentence that refuses it."""
    try:
        opened = open_catalog(path)
        list(opened.read(opened.rows()))
        return opened.labels, opened.fingerprint, len(opened.rows("train"))
    except (CatalogError, ImageError) as error:
        return str(error)


def assert_one_sentence(text):
    assert "\n" not in text
    assert len(text) < 1500
    assert "Traceback" not in text


def test_flipped_bytes(written):
    whole, refused = written.read_bytes(), 0
    for seed in range(300):
        dice = random.Random(seed)
        data = bytearray(whole)
        for _ in range(dice.choice([1, 1, 5, 50])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        written.write_bytes(bytes(data[: dice.choice([len(data), len(data), dice.randrange(len(data))])]))
        found = use(written)
        if isinstance(found, str):
            refused += 1
            assert_one_sentence(found)
    assert refused > 100


ODD = {
    "nulls": lambda column: pa.nulls(len(column)),
    "no texts": lambda column: pa.array([1.5] * len(column)),
    "bytes": lambda column: pa.array([b"\xff\x00"] * len(column)),
    "lists": lambda column: pa.array([["a", "b"]] * len(column)),
    "objects": lambda column: pa.array([{"a": 1}] * len(column)),
    "long numbers": lambda column: pa.array([2**63 - 1] * len(column)),
    "negative numbers": lambda column: pa.array([-1] * len(column), column.type)
    if pa.types.is_integer(column.type) else pa.array(["../../etc/passwd"] * len(column)),
    "a dictionary": lambda column: column.cast(pa.string()).dictionary_encode()
    if column.type in (pa.string(), pa.int32(), pa.int64(), pa.bool_()) else column.dictionary_encode(),
}  # fmt: skip


@pytest.mark.parametrize("how", ODD)
def test_columns_of_other_kinds(written, how):
    table = pq.read_table(written)
    for name in table.column_names:
        place = table.column_names.index(name)
        pq.write_table(table.set_column(place, name, ODD[how](table[name].combine_chunks())), written)
        found = use(written)
        if isinstance(found, str):
            assert_one_sentence(found)
            assert found.startswith(f"{written}: ") or "passwd" in found


def renamed(table, names):
    """Without the metadata that pyarrow drops when it renames."""
    return table.rename_columns(names).replace_schema_metadata(table.schema.metadata)


def test_dropped_doubled_and_renamed_columns_are_named(written):
    table = pq.read_table(written)
    for name in table.column_names:
        changes = {
            f"no column {name}": table.drop_columns(name),
            f"a column too many: {name}": table.append_column(name, table[name]),
            f"no column {name};": renamed(table, [other + "2" * (other == name) for other in table.column_names]),
        }
        for said, changed in changes.items():
            pq.write_table(changed, written)
            found = use(written)
            assert isinstance(found, str)
            assert found.startswith(f"{written}: {said}")


def test_metadata_of_anybody(written):
    table = pq.read_table(written)
    about = json.loads(table.schema.metadata[b"tellapart"])
    odd = [None, 1, -1, "", "x" * 100_000, [], {}, [[]], {"a": {}}, True, 1e308, "../..", "/dev"]
    texts = [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"1" * 10_000]
    texts += [json.dumps({**about, name: value}).encode() for name in about for value in odd]
    texts += [json.dumps({key: value for key, value in about.items() if key != name}).encode() for name in about]
    refused = 0
    for text in texts:
        pq.write_table(table.replace_schema_metadata({b"tellapart": text}), written)
        found = use(written)
        if isinstance(found, str):
            refused += 1
            assert_one_sentence(found)
    assert refused > 40
