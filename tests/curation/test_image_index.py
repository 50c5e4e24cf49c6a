"""The index of an audit: a stopped pass goes on, only new images are analysed, damaged parts are made again."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import tellapart
from tellapart.curation import image_analysis, image_index
from tellapart.curation.audit import run_audit
from tellapart.curation.image_index import SURVEY
from tellapart.curation.lookup import lookup

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


@pytest.fixture(scope="module")
def found(golden, tmp_path_factory):
    return run_audit(golden, out=tmp_path_factory.mktemp("audit") / "a")


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


def test_a_full_disk_leaves_no_part(class_folders, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        tellapart.audit(class_folders, out=tmp_path / "audit", pretrained=False)
    assert not [path for path in (tmp_path / "audit").rglob("*") if not path.is_dir()]
    monkeypatch.undo()
    assert tellapart.audit(class_folders, out=tmp_path / "audit", pretrained=False)["n"] == 12
