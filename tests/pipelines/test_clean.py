"""The verb `clean`: what an audit finds and a policy decides becomes a catalog and a page."""

from __future__ import annotations

import pytest

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.data.opening import open_catalog


@pytest.fixture
def data(fill, tmp_path):
    """Two classes of six pictures, and a copy of one of them."""
    root = fill(tmp_path / "set", [f"{name}/{index}.png" for name in ("cat", "dog") for index in range(6)])
    (root / "cat" / "copy.png").write_bytes((root / "cat" / "0.png").read_bytes())
    return root


def test_the_catalog_the_counts_and_the_page_agree(data, tmp_path):
    options = {"audit": tmp_path / "audit", "pretrained": False}
    result = tellapart.clean(data, out=tmp_path / "c.parquet", review=tmp_path / "review.html", **options)
    assert (result["out"], result["images"], result["kept"]) == (str(tmp_path / "c.parquet"), 13, 12)
    catalog = open_catalog(tmp_path / "c.parquet")
    [gone] = [row for row in range(len(catalog)) if row not in catalog.rows()]
    assert catalog.column("why")[gone].startswith("exact_duplicates")
    assert (tmp_path / "review.html").is_file()
    again = tellapart.clean(
        tmp_path / "c.parquet", out=tmp_path / "d.parquet", policy={"exact_duplicates": "keep"}, **options
    )
    assert again["kept"] == 13


def test_bad_options_are_refused_before_any_image_is_read(tmp_path, refuses):
    with pytest.raises(ConfigError, match="exact_copies"):
        tellapart.clean("no-data", out=tmp_path / "c.parquet", policy={"exact_copies": "drop"})
    with pytest.raises(ConfigError, match=r"c\.csv"):
        tellapart.clean("no-data", out=tmp_path / "c.csv")
    with pytest.raises(ConfigError, match=r"review\.txt"):
        tellapart.clean("no-data", out=tmp_path / "c.parquet", review=tmp_path / "review.txt")
    assert list(tmp_path.iterdir()) == []
