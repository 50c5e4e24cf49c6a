"""Cleaning: a policy decides, a person has the last word, and everything can be undone."""

from __future__ import annotations

import csv

import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import CatalogError, ConfigError
from tellapart.curation.clean import POLICY, read_policy
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


def test_a_policy_file_and_a_score(cleaned, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("near_duplicates: {drop_above: 1.01}\nlow_information: keep\n", encoding="utf-8")
    _, gone, _ = cleaned(policy=policy)
    assert "a/mirror.png" not in gone
    assert "b/blank.png" not in gone
    assert "a/copy.bmp" in gone


def test_a_person_has_the_last_word(cleaned, tmp_path):
    corrections = tmp_path / "corrections.csv"
    with corrections.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(
            [["file", "keep", "label"], ["a/mirror.png", "true", ""], ["a/05.png", "false", ""], ["b/03.png", "", "a"]]
        )
    result, gone, catalog = cleaned(corrections=corrections)
    assert "a/mirror.png" not in gone
    assert gone["a/05.png"] == "by hand: corrections"
    assert catalog.column("label")[catalog.column("file").index("b/03.png")] == "a"
    assert (result["kept_by_hand"], result["dropped_by_hand"], result["relabelled"]) == (1, 1, 1)


def test_another_label_is_undone_too(cleaned, tmp_path):
    corrections = tmp_path / "corrections.csv"
    corrections.write_bytes(b"\xef\xbb\xbffile,label\r\nb/03.png,a\r\nb/03.png,a\r\n")
    _, _, catalog = cleaned(corrections=corrections)
    row = catalog.column("file").index("b/03.png")
    assert catalog.column("label")[row] == "a"
    _, _, again = cleaned(tmp_path / "clean.parquet", out=tmp_path / "again.parquet", audit=tmp_path / "b")
    assert again.column("label")[row] == "b"


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("off_domian: keep", "no check 'off_domian' (did you mean 'off_domain'?); there are: "),
        ("off_domain: delete", "off_domain: 'delete'; write drop, keep, or {drop_above: 0.8}"),
        (
            "off_domain: {drop_above: much}",
            "off_domain: {'drop_above': 'much'}; write drop, keep, or {drop_above: 0.8}",
        ),
        ("off_domain: {drop_above: .nan}", "off_domain: {'drop_above': nan}; write drop, keep, or {drop_above: 0.8}"),
        ("[1, 2]", "write one line a check, such as `off_domain: keep`"),
        ("a: b: c", "not YAML: "),
    ],
)
def test_policies_that_say_nothing(tmp_path, text, message):
    policy = tmp_path / "policy.yaml"
    policy.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_policy(policy)
    assert str(refused.value).startswith(f"{policy}: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,keep\nx,true\n", "no column `file`; corrections have file,keep,label"),
        ("file,keep\nx.png,true\n", "1 line names no image of the data: 'x.png'"),
        ("file,keep\na/00.png,maybe\n", "line 2: keep is 'maybe'; write true or false"),
        ("file,keep\na/00.png,true\na/00.png,false\n", "line 3: 'a/00.png' again, decided otherwise; drop one line"),
        ("file,keep,label\na/00.png,,b,c\n", "line 2: more cells than columns; quote a value that holds a comma"),
        ("file,lable\na/00.png,b\n", "column 'lable' (did you mean 'label'?); corrections have file,keep,label"),
    ],
)
def test_corrections_that_cannot_be_used(cleaned, tmp_path, refuses, text, message):
    corrections = tmp_path / "corrections.csv"
    corrections.write_text(text, encoding="utf-8")
    with refuses(CatalogError, f"{corrections}: {message}"):
        cleaned(corrections=corrections)
    assert not (tmp_path / "clean.parquet").exists()


def test_a_policy_that_leaves_nothing_is_refused(tmp_path, draw, encode):
    (tmp_path / "set" / "a").mkdir(parents=True)
    (tmp_path / "set" / "a" / "0.png").write_bytes(encode(Image.new("RGB", (64, 64))))
    with pytest.raises(CatalogError, match=r"this policy leaves no image \(1 low_information\); loosen it"):
        tellapart.clean(tmp_path / "set", out=tmp_path / "c.parquet", audit=tmp_path / "a", pretrained=False)
