"""The bytes of images in Parquet: the rows that are asked for, in order, and no more is read than they need."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.core.errors import CatalogError
from tellapart.data.parquet import default_image_column, holds_images, is_bytes, is_struct, iter_shard, open_parquet

BROKEN = r": cannot be read as Parquet: .*; write or fetch it again$"


def shard(path, contents, *, plain=False, rows=1000):
    """A shard of plain bytes, or of structs."""
    if plain:
        images = pa.array(contents, pa.binary())
    else:
        images = pa.array([{"bytes": data} for data in contents], pa.struct({"bytes": pa.binary()}))
    pq.write_table(pa.table({"image": images, "label": ["x"] * len(contents)}), path, row_group_size=rows)
    return path


def test_rows_of_a_shard_come_in_order_and_only_what_they_need_is_read(tmp_path, monkeypatch):
    contents = [str(n).encode() for n in range(1000)]
    path = shard(tmp_path / "a.parquet", contents, plain=True, rows=300)
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
    return shard(path, [str(n).encode() for n in range(300)], plain=True, rows=140)


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
    path = shard(tmp_path / "a.parquet", [None, b"1"])
    assert list(iter_shard(path, [0, 1])) == [(0, b""), (1, b"1")]


def test_types_that_may_be_images():
    both = pa.struct({"bytes": pa.binary_view(), "path": pa.string()})
    for kind in (pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(4), pa.dictionary(pa.int8(), pa.binary())):
        assert is_bytes(kind)
        assert holds_images(kind)
        assert not is_struct(kind)
    for kind in (both, pa.struct({"bytes": pa.null(), "path": pa.string()}), pa.struct({"path": pa.string()})):
        assert is_struct(kind)
    for kind in (pa.string(), pa.list_(pa.uint8()), pa.struct({"x": pa.binary()}), pa.struct({"bytes": pa.string()})):
        assert not holds_images(kind)


def test_the_column_where_nothing_else_is_known():
    struct = pa.struct({"bytes": pa.binary()})
    assert default_image_column(pa.schema({"a": pa.binary(), "b": struct, "c": struct})) == "b"
    assert default_image_column(pa.schema({"x": pa.string(), "a": pa.binary(), "c": pa.binary()})) == "a"
    assert default_image_column(pa.schema({"x": pa.string()})) is None


def test_a_pointer_in_the_place_of_a_shard_is_named(tmp_path, refuses):
    path = tmp_path / "train.parquet"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    said = f"{path}: a Git LFS pointer and not the shard; fetch the shards with git lfs pull"
    with refuses(CatalogError, said), open_parquet(path):
        pass
