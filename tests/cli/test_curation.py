"""The verbs that judge data."""

from __future__ import annotations

import json
import shlex

import pytest

from tellapart.cli.curation import _clean_arguments
from tellapart.data.opening import open_catalog


@pytest.fixture
def data(fill, tmp_path):
    """Two classes of six pictures, and a copy of one of them."""
    root = fill(tmp_path / "set", [f"{name}/{index}.png" for name in ("cat", "dog") for index in range(6)])
    (root / "cat" / "copy.png").write_bytes((root / "cat" / "0.png").read_bytes())
    return root


def test_audit(answered, said, data, tmp_path):
    words = ("audit", data, "--no-pretrained", "--out", tmp_path / "audit")
    result = answered(*words)
    assert result["findings"]["exact_duplicates"]["count"] == 1
    lines = said(*words)[1].splitlines()
    assert lines[0] == f"13 images of {data} (classify)"
    assert lines[2].startswith("  exact_duplicates")
    assert lines[-3:] == [
        f"findings  {tmp_path / 'audit'}",
        "look      add --report audit.html",
        f"next      tellapart clean {data} --audit {tmp_path / 'audit'} --no-pretrained --out clean.parquet "
        "--review review.html",
    ]


def test_more_flags_than_allowed_are_status_1(said, data, tmp_path):
    words = ("audit", data, "--no-pretrained", "--out", tmp_path / "audit", "--json")
    flagged = json.loads(said(*words)[1])["flagged"]
    assert said(*words, "--fail-above", flagged)[0] == 0
    status, out, err = said(*words, "--fail-above", flagged - 1)
    assert (status, json.loads(out)["flagged"]) == (1, flagged)
    assert err.endswith(f"tellapart: {flagged} images flagged, more than {flagged - 1}\n")


def test_known_images_are_looked_up(said, data, tmp_path, draw, encode):
    assert said("audit", data, "--no-pretrained", "--out", tmp_path / "audit")[0] == 0
    (tmp_path / "new.png").write_bytes(encode(draw(99)))
    known = said("audit", data / "cat" / "0.png", "--known", tmp_path / "audit")[1]
    assert f"{data / 'cat' / '0.png'}: in the set as cat/0.png" in known
    prose = said("audit", tmp_path / "new.png", "--known", tmp_path / "audit", "--add")[1]
    assert prose == f"{tmp_path / 'new.png'}: new\n14 images in the index, 1 of them added now\n"
    text = "tellapart: --known does not audit; it takes no --report\n"
    assert said("audit", data, "--known", tmp_path / "audit", "--report", "r.html") == (2, "", text)
    text = "tellapart: --add remembers what is new beside an audited set: name its folder with --known\n"
    assert said("audit", data, "--add") == (2, "", text)


def test_the_next_step_reads_the_same_data():
    options = {
        "data": "my photos", "task": None, "coarse_labels": "g.yaml", "label_from": "auto", "file_column": None,
        "label_column": None, "group_by": "site", "thresholds": {"near_duplicates": 0.5}, "out": None,
        "pretrained": True,
    }  # fmt: skip
    words = shlex.split(_clean_arguments(options))
    assert words == [
        "my photos", "--coarse-labels", "g.yaml", "--group-by", "site", "--thresholds", '{"near_duplicates": 0.5}',
        "--out", "clean.parquet", "--review", "review.html",
    ]  # fmt: skip


def test_clean(answered, said, data, tmp_path):
    words = ("clean", data, "--no-pretrained", "--out", tmp_path / "c.parquet", "--audit", tmp_path / "audit")
    result = answered(*words)
    assert (result["images"], result["kept"], result["dropped"]["exact_duplicates"]) == (13, 12, 1)
    assert len(open_catalog(tmp_path / "c.parquet").rows()) == 12
    lines = said(*words)[1].splitlines()
    assert lines[0] == f"12 of 13 images stay: {tmp_path / 'c.parquet'}"
    assert "       1  exact_duplicates" in lines
    assert lines[-2:] == ["look      add --review review.html", f"next      tellapart train {tmp_path / 'c.parquet'}"]


def test_prepare(answered, said, data, tmp_path):
    words = ("prepare", data, "--no-pretrained", "--out", tmp_path / "p", "--balance", "over")
    result = answered(*words)
    assert result["clean"]["kept"] == sum(result["split"].values()) == 12
    shown = [value["epoch"] for value in result["classes"].values()]
    assert shown[0] == shown[1]
    lines = said(*words)[1].splitlines()
    parts = ", ".join(f"{part} {n}" for part, n in result["split"].items())
    assert lines[-4:] == [
        f"12 of 13 images stay; {parts}",
        f"look      {tmp_path / 'p' / 'report.html'}",
        f"review    {tmp_path / 'p' / 'review.html'}",
        f"next      tellapart train {tmp_path / 'p' / 'prepared.parquet'}",
    ]
