"""The verb `prepare`: the steps audit, clean, split and balance, each as its own verb does it."""

from __future__ import annotations

import shutil

import pytest

import tellapart
from tellapart.core.errors import CatalogError, ConfigError
from tellapart.data.opening import open_catalog
from tellapart.training.recipes import recipe_part


@pytest.fixture
def data(fill, tmp_path):
    """Ten cats and six dogs, and a copy of one of the cats."""
    names = [*(f"cat/{index}.png" for index in range(10)), *(f"dog/{index}.png" for index in range(6))]
    root = fill(tmp_path / "set", names)
    (root / "cat" / "copy.png").write_bytes((root / "cat" / "0.png").read_bytes())
    return root


def test_it_is_its_steps_one_after_the_other(data, tmp_path):
    out = tmp_path / "prepared"
    result = tellapart.prepare(data, out=out, pretrained=False, seed=3)
    assert sorted(path.name for path in out.iterdir()) == ["audit", "prepared.parquet", "report.html", "review.html"]
    cleaned = tellapart.clean(data, out=tmp_path / "c.parquet", pretrained=False, audit=out / "audit")
    assert {**result["clean"], "out": ""} == {**cleaned, "out": ""}
    parts = tellapart.split(tmp_path / "c.parquet", seed=3)
    assert open_catalog(result["catalog"]).column("split") == parts.column("split")
    assert result["split"] == {part: len(parts.rows(part)) for part in ("train", "val", "test")}
    assert result["classes"] is None


def test_balancing_evens_out_the_train_part(data, tmp_path):
    result = tellapart.prepare(data, out=tmp_path / "p", pretrained=False, balance="target", count=5)
    assert {name: value["epoch"] for name, value in result["classes"].items()} == {"cat": 5, "dog": 5}
    catalog = open_catalog(result["catalog"])
    assert len(catalog.training_rows()) == 10


def test_a_recipe_prepares_and_options_override_it(data, tmp_path, refuses):
    part = recipe_part("illustrations", "prepare")
    result = tellapart.prepare(data, out=tmp_path / "p", recipe="illustrations", pretrained=False, policy={})
    assert (result["classes"] is not None) == bool(part.get("balance"))
    with refuses(ConfigError, "recipe 'captcha-text': prepares no data; name another one, or none"):
        tellapart.prepare(data, out=tmp_path / "q", recipe="captcha-text")


def test_where_it_cannot_write(data, tmp_path, refuses):
    (tmp_path / "file").touch()
    with refuses(ConfigError, f"{tmp_path / 'file'}: a file; name a folder (--out)"):
        tellapart.prepare(data, out=tmp_path / "file")
    with refuses(ConfigError, f"{data}: the data itself; name another folder (--out)"):
        tellapart.prepare(data, out=data)


def test_a_prepared_catalog_is_written_once_all_is_decided(tmp_path, fill):
    fill(tmp_path / "set", ["a/0.png", "b/0.png"])
    with pytest.raises(CatalogError, match="cannot be split"):
        tellapart.prepare(tmp_path / "set", out=tmp_path / "p", pretrained=False)
    assert not (tmp_path / "p" / "prepared.parquet").exists()


def test_preparing_is_auditing_cleaning_splitting_and_balancing(tmp_path, fill):
    fill(tmp_path / "set", [*(f"a/{n}.png" for n in range(20)), *(f"b/{n}.png" for n in range(8))])
    shutil.copy(tmp_path / "set" / "a" / "0.png", tmp_path / "set" / "a" / "copy.png")
    result = tellapart.prepare(tmp_path / "set", out=tmp_path / "p", pretrained=False, balance="over")
    catalog = open_catalog(result["catalog"])
    assert result["clean"]["dropped"] == {"exact_duplicates": 1}
    assert sum(result["split"].values()) == result["clean"]["kept"] == 28
    assert {name: value["epoch"] for name, value in result["classes"].items()} == {"a": 14, "b": 14}
    assert len(catalog.training_rows()) == 28
