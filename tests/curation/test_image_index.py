"""What people do to an audit and to the files around it: told in words, mended where it can, nothing lost."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import tellapart
from tellapart.cli import main
from tellapart.core.errors import CatalogError, ConfigError
from tellapart.curation.audit import default_out
from tellapart.curation.image_index import SURVEY
from tellapart.curation.lookup import lookup
from tellapart.data.opening import open_catalog

FILES = ("facts.parquet", "measures.npy", "thumbs.npy")


@pytest.fixture
def audited(class_folders, tmp_path):
    out = tmp_path / "audit"
    tellapart.audit(class_folders, out=out, pretrained=False)
    return out


def _part(audited):
    (part,) = (audited / SURVEY).glob("*/part-*")
    return part


def _harm(path, how):
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 0 if how == "empty" else path.stat().st_size // 2])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["gone", "empty", "cut off"])
def test_a_damaged_part_is_looked_at_again(class_folders, audited, capsys, name, how):
    before = json.loads((audited / "findings.json").read_text(encoding="utf-8"))
    _harm(_part(audited) / name, how)
    assert tellapart.audit(class_folders, out=audited, pretrained=False) == before
    assert f"note: {_part(audited)}: damaged; its images are looked at again" in capsys.readouterr().err
    assert lookup(audited, class_folders / "cat" / "0.png")["images"].popitem()[1]["known"]


def test_parts_of_different_lengths_are_damaged(class_folders, audited, capsys):
    path = _part(audited) / "measures.npy"
    np.save(path, np.load(path)[:-1])
    tellapart.audit(class_folders, out=audited, pretrained=False)
    assert "damaged" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["gone", "empty", "cut off"])
def test_a_damaged_index_says_what_to_do(class_folders, audited, refuses, how):
    path = _part(audited) / "thumbs.npy"
    _harm(path, how)
    with refuses(CatalogError, f"{path}: missing or damaged; run tellapart audit again"):
        lookup(audited, class_folders / "cat" / "0.png")
    (place,) = (audited / SURVEY).glob("*/place.npy")
    place.write_bytes(b"")
    with refuses(CatalogError, f"{place.parent}: no survey here; run tellapart audit again"):
        lookup(audited, class_folders / "cat" / "0.png")


def test_what_was_added_is_never_replaced(audited, tmp_path, draw, refuses):
    pictures = [tmp_path / f"{number}.png" for number in range(4)]
    for number, path in enumerate(pictures):
        Image.fromarray(draw(1000 + number)).save(path)
    for path in pictures[:3]:
        lookup(audited, path, add=True)
    shutil.rmtree(audited / "known" / "part-000000")
    lookup(audited, pictures[3], add=True)
    answers = lookup(audited, pictures)["images"]
    assert [answers[str(path)]["known"] for path in pictures] == [False, True, True, True]
    part = audited / "known" / "part-000002"
    _harm(part / "thumbs.npy", "cut off")
    with refuses(CatalogError, f"{part}: damaged; remove this folder and add its pictures again"):
        lookup(audited, pictures[0])


def test_a_full_disk_leaves_no_part(class_folders, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        tellapart.audit(class_folders, out=tmp_path / "audit", pretrained=False)
    assert not [path for path in (tmp_path / "audit").rglob("*") if not path.is_dir()]
    monkeypatch.undo()
    assert tellapart.audit(class_folders, out=tmp_path / "audit", pretrained=False)["n"] == 12


# --- what is written takes the place of nothing ------------------------------------------------------


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


# --- words --------------------------------------------------------------------------------------------


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


def test_the_command_line_and_python_share_an_audit(class_folders):
    said = {"task": None, "groups": None, "label_from": "auto"}
    assert default_out(class_folders, said) == default_out(class_folders, {})
    assert default_out(class_folders, {"task": "read"}) != default_out(class_folders, {})


def test_an_audit_names_its_checks_and_the_next_step(class_folders, tmp_path, capsys):
    (class_folders / "cat" / "broken.png").write_bytes(b"")
    (class_folders / "note.txt").write_text("a note", encoding="utf-8")
    out, thresholds = tmp_path / "an audit", '{"dark": 0.9}'
    assert main(["audit", str(class_folders), "--no-pretrained", "--out", str(out), "--thresholds", thresholds]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"13 images of {class_folders} (classify)"
    assert "note: 1 files are not images by name and were left out: 1 .txt" in lines
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


# --- prepare ------------------------------------------------------------------------------------------


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
