"""Cleaning: a policy decides, a person has the last word, and everything can be undone."""

from __future__ import annotations

import pytest
from PIL import Image

import tellapart
from tellapart.curation.policy import POLICY
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


def test_the_default_policy(cleaned):
    result, gone, _ = cleaned()
    assert {file: why.split(":")[0] for file, why in gone.items()} == {
        "a/copy.bmp": "exact_duplicates",
        "a/mirror.png": "near_duplicates",
        "a/02.png": "conflicting_labels",
        "b/other.png": "exact_duplicates",
        "b/blank.png": "low_information",
        "b/broken.png": "unreadable",
    }
    assert gone["a/copy.bmp"] == "exact_duplicates: the same pixels as a/00.png"
    assert result["kept"] == 23
    assert result["images"] == 29
    assert sum(result["dropped"].values()) == 6


def test_nothing_of_the_users_is_changed(cleaned, data, tree):
    before = tree(data)
    cleaned()
    assert tree(data) == before


def test_another_policy_undoes_it(cleaned, tmp_path):
    cleaned()
    keep_all = dict.fromkeys(POLICY, "keep")
    _, gone, _ = cleaned(
        tmp_path / "clean.parquet", out=tmp_path / "again.parquet", audit=tmp_path / "b", policy=keep_all
    )
    assert set(gone) == {"b/broken.png"}


def test_cleaning_twice_is_cleaning_once(cleaned, tmp_path):
    _, once, _ = cleaned()
    _, twice, _ = cleaned(tmp_path / "clean.parquet", out=tmp_path / "again.parquet", audit=tmp_path / "b")
    assert twice == once


def test_thresholds_are_those_of_the_audit(cleaned):
    _, gone, _ = cleaned(thresholds={"near_duplicates": 1.0})
    assert "a/mirror.png" not in gone


def test_what_cannot_be_decoded_stays_out_whoever_asks(cleaned, tmp_path):
    corrections = tmp_path / "corrections.csv"
    corrections.write_text("file,keep\nb/broken.png,true\n", encoding="utf-8")
    assert "b/broken.png" in cleaned(corrections=corrections)[1]


def test_training_leaves_out_what_was_put_aside(cleaned):
    _, gone, catalog = cleaned()
    split = tellapart.split(catalog)
    assert {
        file for file, part in zip(split.column("file"), split.column("split"), strict=True) if part is None
    } == set(gone)
