"""The verbs that judge data."""

from __future__ import annotations

import json
import shlex

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tellapart
from tellapart.cli import main
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


@pytest.fixture
def audited(class_folders, tmp_path):
    out = tmp_path / "audit"
    tellapart.audit(class_folders, out=out, pretrained=False)
    return out


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("audit", ["--no-pretrained", "--report", "set/cat/0.png"]),
        ("audit", ["--no-pretrained", "--report", "set"]),
        ("clean", ["--no-pretrained", "--out", "set/cat/0.png"]),
        ("clean", ["--no-pretrained", "--out", "set"]),
        ("clean", ["--no-pretrained", "--out", "mine.parquet"]),
        ("clean", ["--no-pretrained", "--out", "c.parquet", "--review", "set/cat/0.png"]),
        ("balance", ["--out", "set/cat/0.png"]),
        ("balance", ["--out", "mine.parquet"]),
        ("prepare", ["--no-pretrained", "--out", "set"]),
        ("prepare", ["--no-pretrained", "--out", "set/cat/0.png"]),
        ("prepare", ["--no-pretrained", "--out", "p", "--balance", "target"]),
        ("prepare", ["--no-pretrained", "--out", "p", "--balance", "ovr"]),
    ],
)
def test_nothing_of_the_users_is_replaced(verb, words, class_folders, tmp_path, monkeypatch, tree, capsys):
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table({"mine": [1]}), "mine.parquet")
    before = tree(tmp_path)
    assert main([verb, "set", *words]) == 2
    assert tree(tmp_path) == before
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--add"], "--add remembers what is new beside an audited set: name its folder with --known"),
        (["--known", "a", "--fail-above", "3"], "--known does not audit; it takes no --fail-above"),
    ],
)
def test_options_that_would_be_ignored_are_refused(class_folders, words, text, capsys):
    assert main(["audit", str(class_folders), *words]) == 2
    assert capsys.readouterr().err == f"tellapart: {text}\n"


def test_a_picture_that_cannot_be_read_is_unusable_input(audited, class_folders, tmp_path, capsys):
    (tmp_path / "bad.png").write_bytes(b"bad")
    assert main(["audit", str(tmp_path / "bad.png"), "--known", str(audited), "--json"]) == 2
    assert "error" in json.loads(capsys.readouterr().out)["images"][str(tmp_path / "bad.png")]
    assert main(["audit", str(class_folders), "--known", str(audited)]) == 0


def test_an_audit_names_its_checks_and_the_next_step(class_folders, tmp_path, capsys):
    (class_folders / "cat" / "broken.png").write_bytes(b"")
    (class_folders / "note.txt").write_text("a note", encoding="utf-8")
    out, thresholds = tmp_path / "an audit", '{"dark": 0.9}'
    assert main(["audit", str(class_folders), "--no-pretrained", "--out", str(out), "--thresholds", thresholds]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"13 images of {class_folders} (classify)"
    assert "note: 1 file is no image by name and was left out: 1 .txt" in lines
    assert "  unreadable          1 image of 13 cannot be decoded" in lines
    assert lines[-1] == (
        f"next      tellapart clean {class_folders} --thresholds '{thresholds}' --audit '{out}' --no-pretrained "
        "--out clean.parquet --review review.html"
    )


def test_a_terminal_obeys_no_class_name(tmp_path, fill, capsys):
    root = fill(tmp_path / "set", [f"{label}/{n}.png" for label in ("\x1b[31mred", "x" * 200) for n in range(4)])
    for words in (["summary"], ["audit", "--no-pretrained", "--out", "A"], ["balance", "--out", "b.parquet"]):
        words = [str(tmp_path / word) if word in ("A", "b.parquet") else word for word in words]
        assert main([words[0], str(root), *words[1:]]) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\\x1b[31mred" in out
