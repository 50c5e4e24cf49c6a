"""The audit: each known defect is found and named, nothing is changed, and a stopped one goes on."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import CatalogError, ConfigError, GateError
from tellapart.curation.audit import default_out, run_audit
from tellapart.curation.findings import Findings
from tellapart.data.opening import open_catalog


@pytest.fixture(scope="module")
def found(golden, tmp_path_factory):
    return run_audit(golden, out=tmp_path_factory.mktemp("audit") / "a")


def flagged(findings, check):
    files = findings.catalog.column("file")
    return {files[row] for row in findings.checks[check].why}


@pytest.mark.parametrize(
    ("check", "file", "why"),
    [
        ("unreadable", "disc/broken.png", "truncated"),
        ("unreadable", "disc/empty.png", "the file is empty"),
        ("exact_duplicates", "disc/exact.bmp", "the same pixels as disc/00.png"),
        ("near_duplicates", "disc/turned.png", "turned 4°"),
        ("near_duplicates", "disc/mirrored.png", "like disc/01.png: mirrored"),
        ("conflicting_labels", "box/conflict.png", "labelled 'box', a copy of it 'disc'"),
        ("conflicting_labels", "disc/02.png", "labelled 'disc', a copy of it 'box'"),
        ("off_domain", "box/photo_0.jpg", "photos among drawings"),
        ("odd_size", "disc/huge.png", "1600 x 1200 px, where 200 x 150 is usual"),
        ("odd_aspect", "disc/wide.png", "20.00 times as wide as tall, where 1.33 is usual"),
        ("dark", "disc/dark.png", "mean brightness 2%"),
        ("bright", "disc/blank.png", "brightness 100%, hardly any contrast"),
        ("low_information", "disc/blank.png", "0.00 bits a pixel: blank"),
        ("hardly_any_content", "disc/blank.png", "0.00% of it stands out from its ground"),
        ("blurry", "disc/blurred.png", "times less detail than usual"),
        ("grey_among_colour", "disc/grey.png", "no colour, where"),
    ],
)
def test_each_known_defect_is_found_and_told(found, check, file, why):
    row = found.catalog.column("file").index(file)
    assert why in found.checks[check].why[row]


@pytest.mark.parametrize(
    ("check", "only"),
    [
        ("unreadable", {"disc/broken.png", "disc/empty.png"}),
        ("exact_duplicates", {"disc/exact.bmp", "disc/02.png"} - {"disc/02.png"} | {"disc/02.png"}),
        ("off_domain", {f"box/photo_{number}.jpg" for number in range(6)}),
        ("odd_size", {"disc/huge.png"}),
        ("dark", {"disc/dark.png"}),
        ("blurry", {"disc/blurred.png"}),
    ],
)
def test_and_nothing_else_is(found, check, only):
    assert flagged(found, check) == only


def test_nothing_of_the_users_is_changed(golden, tmp_path, tree):
    before = tree(golden)
    run_audit(golden, out=tmp_path / "a")
    assert tree(golden) == before


def test_shards_are_audited(tmp_path, drawing, encode):
    images = [
        {"bytes": encode(drawing(number // 2 if number < 6 else number, "disc")), "path": None} for number in range(30)
    ]
    table = pa.table({"image": images, "label": [number % 2 for number in range(30)]})
    pq.write_table(table, tmp_path / "set.parquet", row_group_size=4)
    found = run_audit(tmp_path / "set.parquet", out=tmp_path / "a")
    assert len(found.checks["exact_duplicates"].groups) == 3
    assert len(found.checks["conflicting_labels"].groups) == 3


def test_one_image_and_one_class_are_fine(tmp_path, drawing):
    (tmp_path / "set" / "disc").mkdir(parents=True)
    drawing(0).save(tmp_path / "set" / "disc" / "0.png")
    found = run_audit(tmp_path / "set", out=tmp_path / "a")
    assert found.summary()["n"] == 1
    assert found.checks["label_errors"].sentence.startswith("not judged")


def test_a_set_without_one_good_image_is_told(tmp_path):
    (tmp_path / "set" / "disc").mkdir(parents=True)
    for number in range(3):
        (tmp_path / "set" / "disc" / f"{number}.png").write_bytes(b"no image")
    found = run_audit(tmp_path / "set", out=tmp_path / "a")
    assert len(found.checks["unreadable"].why) == 3


def test_a_picture_that_is_too_large_is_told(tmp_path, drawing):
    (tmp_path / "set" / "disc").mkdir(parents=True)
    drawing(0).save(tmp_path / "set" / "disc" / "0.png")
    Image.new("1", (20000, 10000)).save(tmp_path / "set" / "disc" / "bomb.png")
    found = run_audit(tmp_path / "set", out=tmp_path / "a")
    assert flagged(found, "unreadable") == {"disc/bomb.png"}


def test_refusals(golden, tmp_path, refuses):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    with refuses(ConfigError, f"{tmp_path / 'full'}: not empty and not an audit; give another --out"):
        run_audit(golden, out=tmp_path / "full")
    with pytest.raises(
        ConfigError, match=r"^no check 'near_duplicate' \(did you mean 'near_duplicates'\?\); there are: "
    ):
        run_audit(golden, out=tmp_path / "a", thresholds={"near_duplicate": 1})
    with refuses(CatalogError, f"{tmp_path}: no audit here (findings.parquet is missing); run tellapart audit first"):
        Findings.read(tmp_path)
    with pytest.raises(GateError, match=r"^\d+ images are flagged, more than 3; see "):
        tellapart.audit(golden, out=tmp_path / "b", pretrained=False, fail_above=3)


def test_a_catalog_is_audited_with_its_decisions(golden, tmp_path):
    catalog = open_catalog(golden)
    keep = [not file.startswith("box/photo") and kept for file, kept in
            zip(catalog.column("file"), catalog.column("keep"), strict=True)]  # fmt: skip
    catalog.with_column("keep", keep).write(tmp_path / "c.parquet")
    found = run_audit(tmp_path / "c.parquet", out=tmp_path / "a")
    assert flagged(found, "off_domain") == set()
    assert len(found.catalog) == len(catalog)


def test_an_audit_is_no_shard_of_its_data(tmp_path, draw, encode, refuses, tree):
    root = tmp_path / "shards"
    root.mkdir()
    pictures = [{"bytes": encode(draw(number)), "path": f"{number}.png"} for number in range(6)]
    pq.write_table(pa.table({"image": pictures, "label": ["a", "b"] * 3}), root / "0.parquet")
    before = tree(root)
    with refuses(
        ConfigError, f"{root / 'audit'}: its tables would be taken for shards of {root}; name a folder outside of it"
    ):
        tellapart.audit(root, out=root / "audit", pretrained=False)
    assert tree(root) == before
    assert tellapart.audit(root, out=tmp_path / "audit", pretrained=False)["n"] == 6


@pytest.mark.parametrize(
    ("thresholds", "text"),
    [
        ({"dark": "much"}, "threshold of dark: 'much'; give a number, e.g. 0.95"),
        ({"dark": float("nan")}, "threshold of dark: nan; give a number, e.g. 0.95"),
        ({"unreadable": 1}, "check 'unreadable' has no threshold"),
    ],
)
def test_thresholds_that_are_none(class_folders, tmp_path, refuses, thresholds, text):
    with refuses(ConfigError, text):
        tellapart.audit(class_folders, out=tmp_path / "a", pretrained=False, thresholds=thresholds)


def test_the_command_line_and_python_share_an_audit(class_folders):
    said = {"task": None, "groups": None, "label_from": "auto"}
    assert default_out(class_folders, said) == default_out(class_folders, {})
    assert default_out(class_folders, {"task": "read"}) != default_out(class_folders, {})


@pytest.mark.parametrize(
    ("images", "size", "unjudged"),
    [
        (
            {"cat": 3},
            24,
            {
                "near_duplicates", "conflicting_labels", "split_leaks", "off_domain", "label_errors", "odd_size",
                "odd_aspect", "blurry", "grey_among_colour", "class_imbalance", "one_source",
            },
        ),
        ({"cat": 12, "dog": 12}, 24, {"near_duplicates", "split_leaks", "off_domain"}),
        ({"cat": 4, "dog": 4}, 48, {"split_leaks", "off_domain", "label_errors", "one_source"}),
        ({"cat": 22, "dog": 22}, 48, {"split_leaks"}),
    ],
)  # fmt: skip
def test_a_check_that_could_look_for_nothing_says_so(tmp_path, fill, images, size, unjudged):
    names = [f"{label}/{number}.png" for label, n in images.items() for number in range(n)]
    findings = run_audit(fill(tmp_path / "set", names, size, size), out=tmp_path / "audit", task="classify")
    said = {name for name, check in findings.checks.items() if not check.judged}
    chance = {"label_errors"} if min(images.values()) > 4 else set()  # of random pictures a model may agree with few
    assert said - chance == unjudged
    assert all(not findings.checks[name].why and not findings.checks[name].groups for name in said)
    assert Findings.read(tmp_path / "audit").checks["off_domain"].judged == ("off_domain" not in unjudged)


def test_small_images_are_not_looked_at_for_near_copies(tmp_path, fill):
    folder = fill(tmp_path / "set", [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(3)])
    fill(folder, ["cat/small.png"], 24, 24)
    findings = run_audit(folder, out=tmp_path / "audit")
    assert findings.checks["near_duplicates"].judged
    assert findings.checks["near_duplicates"].facts["left_out"] == "1 image under 40 px on a side"
