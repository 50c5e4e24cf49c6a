"""The features of images: in parts, joined as a table, or as an array; the same numbers everywhere."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

import tellapart
from tellapart.core.errors import ConfigError


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "d"
    tellapart.generate("digits", 5, folder, seed=3)
    (folder / "images" / "00002.png").write_bytes(b"no image")
    return folder


def table(path):
    return pq.read_table(path).to_pydict()


def test_parts_a_table_and_an_array_say_the_same(pictures, tmp_path):
    parts = tellapart.embed("base", pictures, out=tmp_path / "parts")
    assert (parts["parts"], parts["images"], parts["broken"]) == (1, 5, 1)
    (part,) = (tmp_path / "parts").glob("part-*.parquet")
    tellapart.embed("base", pictures, out=tmp_path / "all.parquet")
    tellapart.embed("base", pictures, out=tmp_path / "all.npy")
    assert str(table(part)) == str(table(tmp_path / "all.parquet"))  # nan is not nan
    array = np.load(tmp_path / "all.npy")
    np.testing.assert_array_equal(array, np.array(table(part)["vector"], np.float32))
    assert np.isnan(array).any(axis=1).tolist() == [False, False, True, False, False]
    names = table(tmp_path / "all.files.parquet")
    assert names == {name: values for name, values in table(part).items() if name != "vector"}
    assert [bool(error) for error in names["error"]] == [False, False, True, False, False]
    assert names["file"][0] == "images/00000.png"
    assert names["label"][0].isdigit()
    predictor = tellapart.load("base", threads=1)
    (_, pixels) = predictor.prepare("a", pictures / "images" / "00000.png")
    np.testing.assert_allclose(array[0], predictor.features(pixels[None])[0], rtol=1e-5, atol=1e-6)
    assert not list(tmp_path.glob("*.parts"))


def test_the_same_command_computes_nothing_and_a_changed_set_is_done_anew(pictures, tmp_path, tree):
    first = tellapart.embed("base", pictures, out=tmp_path / "v.npy", dtype="float16")
    assert np.load(tmp_path / "v.npy").dtype == np.float16
    before = tree(tmp_path)
    again = tellapart.embed("base", pictures, out=tmp_path / "v.npy", dtype="float16")
    assert (again["done_before"], again["images"]) == (first["parts"], 0)
    assert tree(tmp_path) == before
    assert tellapart.embed("base", pictures, out=tmp_path / "v.npy")["images"] == 5


def test_refusals(pictures, tmp_path, refuses):
    with refuses(ConfigError, "dtype 'int8': give float32 or float16"):
        tellapart.embed("base", pictures, out=tmp_path / "v.npy", dtype="int8")
    pq.write_table(pq.read_table(next(iter(_any(tmp_path)))), tmp_path / "mine.parquet")
    with refuses(ConfigError, f"{tmp_path / 'mine.parquet'}: there already and not of embed; name another --out"):
        tellapart.embed("base", pictures, out=tmp_path / "mine.parquet")


def _any(folder):
    tellapart.generate("digits", 2, folder / "any.parquet")
    return folder.glob("any.parquet")
