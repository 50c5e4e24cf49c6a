"""The audit: each known defect is found and named, nothing is changed, and a stopped one goes on."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import CatalogError, ConfigError, GateError, TextError
from tellapart.curation import image_analysis, image_index
from tellapart.curation.audit import run_audit
from tellapart.curation.checks import registry
from tellapart.curation.findings import GROUPED, Findings
from tellapart.data.opening import open_catalog
from tellapart.inference.preprocess import Preprocess
from tellapart.training.auto_config import plan
from tellapart.training.config import TrainConfig
from tellapart.training.text_checks import check_texts


@pytest.fixture(scope="module")
def found(golden, tmp_path_factory):
    return run_audit(golden, out=tmp_path_factory.mktemp("audit") / "a")


def flagged(findings, check):
    files = findings.catalog.column("file")
    return {files[row] for row in findings.checks[check].why}


def groups(findings, check):
    files = findings.catalog.column("file")
    return {frozenset(files[row] for row in group) for group in findings.checks[check].groups}


# --- the golden folder -------------------------------------------------------------------------------


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


def test_copies_stand_in_groups(found):
    assert groups(found, "exact_duplicates") == {
        frozenset({"disc/00.png", "disc/exact.bmp"}),
        frozenset({"disc/02.png", "box/conflict.png"}),
    }
    near = {"disc/00.png", "disc/exact.bmp", "disc/turned.png"}
    assert groups(found, "near_duplicates") == {frozenset(near), frozenset({"disc/01.png", "disc/mirrored.png"})}


def test_a_flipped_label_stands_high(golden, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(golden, root)
    (root / "disc" / "29.png").rename(root / "box" / "wrong.png")
    result = run_audit(root, out=tmp_path / "a")
    ranking = result.checks["label_errors"].facts["ranking"]
    assert ranking.index("box/wrong.png") < 0.25 * len(ranking)


# --- the contract of every check ---------------------------------------------------------------------


@pytest.mark.parametrize("check", [check.name for check in registry.CHECKS if check.task != "read"])
def test_every_check_keeps_the_contract(found, check):
    finding = found.checks[check]
    n = len(found.catalog)
    assert finding.check == check
    assert finding.sentence
    assert finding.sentence[0] != " "
    assert set(finding.score) | set(finding.why) <= set(range(n))
    assert all(np.isfinite(value) for value in finding.score.values())
    assert all(isinstance(why, str) and why for why in finding.why.values())
    assert all(len(group) > 1 and set(group) <= set(range(n)) for group in finding.groups)
    summary = found.summary()["findings"][check]
    assert summary["count"] == len(finding.why)
    assert ("groups" in summary) == (check in GROUPED)
    json.dumps(summary)


def test_flags_come_worst_first(found):
    for finding in found.checks.values():
        scores = [finding.score.get(row, 0.0) for row in finding.flags]
        assert scores == sorted(scores, reverse=True)


def test_every_threshold_can_be_set(golden, tmp_path):
    none = {
        "odd_size": 1e9,
        "dark": 2.0,
        "blurry": 99.0,
        "off_domain": 1.1,
        "near_duplicates": 1.1,
        "low_information": -1,
    }
    result = run_audit(golden, out=tmp_path / "a", thresholds=none)
    assert [name for name in none if result.checks[name].why] == []


def test_what_was_written_is_read_again(found):
    again = Findings.read(found.about["out"])
    assert again.summary() == found.summary()
    for name, finding in found.checks.items():
        assert dict(again.checks[name].why) == dict(finding.why)
        assert again.checks[name].score.keys() == finding.score.keys()


def test_nothing_of_the_users_is_changed(golden, tmp_path, tree):
    before = tree(golden)
    run_audit(golden, out=tmp_path / "a")
    assert tree(golden) == before


# --- splits and texts --------------------------------------------------------------------------------


def test_copies_across_a_given_split_are_told(drawing, tmp_path):
    for part, seeds in (("train", range(20)), ("test", (3, 30, 31))):
        for label in ("disc", "box"):
            (tmp_path / "set" / part / label).mkdir(parents=True)
            for seed in seeds:
                drawing(seed * 2 + (label == "box"), label).save(tmp_path / "set" / part / label / f"{seed}.png")
    found = run_audit(tmp_path / "set", out=tmp_path / "a")
    leaks = found.checks["split_leaks"]
    assert flagged(found, "split_leaks") == {
        f"{part}/{label}/3.png" for part in ("train", "test") for label in ("disc", "box")
    }
    assert "2 groups of copies across the split" in leaks.sentence
    row = found.catalog.column("file").index("train/disc/3.png")
    assert leaks.why[row] == "in train, a copy of it in test"
    stays = [found.catalog.column("file")[group[0]] for group in found.checks["exact_duplicates"].groups]
    assert all(file.startswith("test/") for file in stays)


def test_a_reading_set_has_checks_of_its_own(tmp_path, draw, encode):
    texts = [f"{number:03}" for number in range(120)] + ["0x1", "12345678901234567890"]
    for number, text in enumerate(texts):
        (tmp_path / f"{text}.png").write_bytes(encode(draw(number, 90, 48)))
    found = run_audit(tmp_path, out=tmp_path.parent / "a", task="read")
    assert flagged(found, "rare_characters") == {"0x1.png"}
    assert flagged(found, "unemittable") == set()
    assert found.checks["odd_length"].facts["lengths"] == {"3": 121, "20": 1}
    assert found.checks["rare_characters"].facts["characters"]["x"] == 1
    assert "label_errors" not in found.checks
    narrow = run_audit(tmp_path, out=tmp_path.parent / "b", task="read", thresholds={"unemittable": 8})
    assert "12345678901234567890.png" in flagged(narrow, "unemittable")


def test_a_text_is_too_long_for_the_audit_where_it_is_for_training(tmp_path, draw, encode):
    """At the reading height of 40 px a picture of 120 x 50 gives 24 steps; at 48 px it would give 32."""
    texts = ["abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwxyz"]
    for number, text in enumerate(texts):
        (tmp_path / f"{text}.png").write_bytes(encode(draw(number, 120, 50)))
    found = run_audit(tmp_path, out=tmp_path.parent / "a", task="read")
    assert flagged(found, "unemittable") == {f"{texts[1]}.png"}
    catalog = found.catalog.with_column("split", ["train"] * 2)
    planned = plan(TrainConfig(), catalog)
    assert planned.height == found.checks["unemittable"].threshold
    spec = Preprocess(height=planned.height, width=None, channels=1)
    with pytest.raises(TextError, match=f"1 text is longer than CTC can emit .*{texts[1]}"):
        check_texts(catalog, spec)


# --- stopping and going on ---------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch):
    """How many images were decoded, and a way to stop after so many."""
    state = {"seen": 0, "most": 10**9}
    real = image_analysis.image_facts

    def facts(data, file):
        state["seen"] += 1
        if state["seen"] > state["most"]:
            raise KeyboardInterrupt
        return real(data, file)

    monkeypatch.setattr(image_analysis, "image_facts", facts)
    monkeypatch.setattr(image_index, "PART", 16)
    return state


def test_a_stopped_audit_goes_on_and_finds_the_same(golden, tmp_path, counted, found):
    counted["most"] = 45
    with pytest.raises(KeyboardInterrupt):
        run_audit(golden, out=tmp_path / "a")
    counted["most"], counted["seen"] = 10**9, 0
    again = run_audit(golden, out=tmp_path / "a")
    assert 0 < counted["seen"] <= len(again.catalog) - 32
    assert again.summary()["findings"] == found.summary()["findings"]


def test_only_what_is_new_is_looked_at(golden, tmp_path, counted, drawing):
    root = tmp_path / "set"
    shutil.copytree(golden, root)
    run_audit(root, out=tmp_path / "a")
    counted["seen"] = 0
    drawing(77, "disc").save(root / "disc" / "new.png")
    drawing(78, "disc").save(root / "disc" / "05.png")
    found = run_audit(root, out=tmp_path / "a")
    assert counted["seen"] == 2
    assert "disc/new.png" in found.catalog.column("file")


def test_shards_are_audited(tmp_path, drawing, encode):
    images = [
        {"bytes": encode(drawing(number // 2 if number < 6 else number, "disc")), "path": None} for number in range(30)
    ]
    table = pa.table({"image": images, "label": [number % 2 for number in range(30)]})
    pq.write_table(table, tmp_path / "set.parquet", row_group_size=4)
    found = run_audit(tmp_path / "set.parquet", out=tmp_path / "a")
    assert len(found.checks["exact_duplicates"].groups) == 3
    assert len(found.checks["conflicting_labels"].groups) == 3


# --- bad input ---------------------------------------------------------------------------------------


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
