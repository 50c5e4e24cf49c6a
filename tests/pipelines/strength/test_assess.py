"""How strong a CAPTCHA is, from the drawing to the page."""

from __future__ import annotations

import csv
import importlib
import json
import re
import shutil
from functools import partial

import pytest

import tellapart
from tellapart.core.errors import CatalogError, ConfigError, TextError
from tellapart.pipelines.strength.ablation import with_hardships
from tellapart.synthesis import SCHEMES
from tellapart.training.run_folder import Run

assess, attack_module = (
    importlib.import_module(f"tellapart.pipelines.strength.{name}") for name in ("assess", "attack")
)
HASTY = {"stages": [{"train": "all", "epochs": 1, "lr": 5e-3}], "batch_size": 8, "augment": "none",
         "device": "cpu", "precision": "float32"}  # fmt: skip


def test_a_scheme_is_drawn_attacked_changed_and_reported(tmp_path, monkeypatch):
    """The real thing, small: fewer images, one change of the scheme, one epoch, one round of self-training."""
    monkeypatch.setattr(assess, "TESTED", 40)
    monkeypatch.setattr(assess, "CHANGED", 8)
    monkeypatch.setattr(assess, "PICTURES", 40)
    monkeypatch.setattr(attack_module, "PICTURES", 40)
    monkeypatch.setattr(attack_module, "adapt", partial(attack_module.adapt, rounds=1))
    monkeypatch.setattr(assess, "without_hardships", lambda scheme: {})
    monkeypatch.setattr(assess, "with_hardships", lambda scheme: dict(list(with_hardships(scheme).items())[:1]))
    out = tmp_path / "out"
    strength = partial(tellapart.strength, "digits", out=out, labels=[0, 8], report=tmp_path / "page.html", **HASTY)
    result = strength()
    assert json.loads((out / "strength.json").read_text(encoding="utf-8")) == result
    assert set(result) == set(assess.StrengthResult.__annotations__)
    assert (result["target"], result["left_out"]) == ("digits", [])
    assert [(step["labels"], step.get("pictures"), step["n"]) for step in result["curve"]] == [
        (0, None, 40), (0, 40, 40), (8, None, 40)
    ]  # fmt: skip
    untrained, taught, trained = result["curve"]
    assert untrained["cer"]["value"] < 0.5  # the shipped reader knows the digits
    assert (untrained["seconds"], taught["seconds"] > 0, trained["seconds"] > 0) == (0.0, True, True)
    surely = [step["labels"] for step in result["curve"] if step["exact_match"]["ci95"][0] > 0.01]
    assert result["broken_with"] == min(surely, default=None)
    assert sorted(result["characters"], key=lambda each: -each["missed"]) == result["characters"]
    changes = result["changes"]
    assert [change["change"] for change in changes] == ["as it is", next(iter(with_hardships(SCHEMES["digits"])))]
    assert {(change["labels"], change["n"]) for change in changes} == {(8, 20)}
    catalog = Run.open(out / "labels-8").catalog()
    assert [len(catalog.rows(part)) for part in ("train", "val", "test")] == [7, 1, 40]
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "For CAPTCHAs that you own or may test." in text
    assert result["verdict"] in text
    assert {each["text"] for each in result["samples"]} <= set(catalog.column("label"))
    assert text.count("<figure") == text.count("data:image/png") == len(result["samples"]) > 0
    assert "With no labels but 40 pictures" in text
    assert changes[1]["change"] in text
    stamp = (out / "labels-8" / "model.safetensors").stat().st_mtime_ns
    again = strength()  # trains nothing
    assert again["curve"][2]["exact_match"] == trained["exact_match"]
    assert (out / "labels-8" / "model.safetensors").stat().st_mtime_ns == stamp


def test_the_attacker_without_labels_need_not_teach_itself(tmp_path, drawn_only):
    result = drawn_only("digits", out=tmp_path / "out", labels=[0, 8], self_taught=False)
    assert [(step["labels"], "pictures" in step) for step in result["curve"]] == [(0, False), (8, False)]
    assert result["left_out"] == []


def figure(value):
    return {"value": value, "ci95": [max(0, value - 0.05), min(1, value + 0.05)], "n": 100}


@pytest.fixture
def drawn_only(monkeypatch):
    """Strength without its trainings, which take minutes for what these tests look at: drawing, order, and notes."""
    for module, name, count in ((assess, "TESTED", 20), (assess, "PICTURES", 10), (attack_module, "PICTURES", 10)):
        monkeypatch.setattr(module, name, count)
    monkeypatch.setattr(assess, "samples", lambda *_: [])
    for name in ("train", "adapt"):
        monkeypatch.setattr(attack_module, name, lambda *_, **__: {"seconds": 1.0, "bundle": "bundle"})
    monkeypatch.setattr(attack_module, "evaluate", lambda _, catalog, **__: {
        "n": 20, "exact_match": figure(0.5), "exact_match_folded": figure(0.5), "cer": figure(0.1), "confused": [],
        "alphabet": sorted(set("".join(catalog.labels))),
    })  # fmt: skip
    return partial(tellapart.strength, changes=False)


def test_what_was_drawn_is_used_again_for_the_same_alone(drawn_only, tmp_path):
    first = drawn_only("plain", out=tmp_path, labels=[8, 20])
    stamp = (tmp_path / "data" / "labels.csv").stat().st_mtime_ns
    assert drawn_only("plain", out=tmp_path, labels=[8, 20]) == first
    drawn_only("plain", out=tmp_path, labels=[8])
    assert (tmp_path / "data" / "labels.csv").stat().st_mtime_ns == stamp
    for target, options in (("digits", {}), ("plain", {"seed": 1}), ("plain", {"labels": [50]})):
        with pytest.raises(ConfigError, match=r"data: drawn for another scheme, another seed or fewer labels"):
            drawn_only(target, out=tmp_path, **{"labels": [8], **options})


def test_what_stands_before_the_changes_is_kept(drawn_only, tmp_path, monkeypatch):
    def fails(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(assess, "_attack_changes", fails)
    with pytest.raises(KeyboardInterrupt):
        drawn_only("plain", out=tmp_path, labels=[8], changes=True)
    assert json.loads((tmp_path / "strength.json").read_text())["curve"][0]["labels"] == 8


def test_what_was_measured_before_a_failure_is_kept(drawn_only, tmp_path, monkeypatch):
    monkeypatch.setattr(attack_module, "train", lambda *_, **__: (_ for _ in ()).throw(TextError("all alike")))
    with pytest.raises(TextError):
        drawn_only("plain", out=tmp_path, labels=[0, 8])
    assert [step["labels"] for step in json.loads((tmp_path / "strength.json").read_text())["curve"]] == [0, 0]


def test_no_labels_alone_are_an_attack_too(drawn_only, tmp_path, monkeypatch):
    given = []

    def adapt(catalog, **options):
        given.append((catalog, options))
        return {"seconds": 1.0, "bundle": "bundle"}

    monkeypatch.setattr(attack_module, "adapt", adapt)
    result = drawn_only("plain", out=tmp_path, labels=[0], report=tmp_path / "page.html")
    assert [(step["labels"], step.get("pictures")) for step in result["curve"]] == [(0, None), (0, 10)]
    [(catalog, options)] = given
    assert {catalog.column("split")[row] for row in catalog.rows()} == {"train"}  # none that judges
    assert (len(catalog.rows()), options["pattern"]) == (10, ".{5,5}")
    shown = (tmp_path / "page.html").read_text()
    assert "With no labels but 10 pictures" in shown
    assert re.search(r'aria-label="Texts read exactly: labels 0: [0-9.]+ %; labels 0, 10 pictures: [0-9.]+ %"', shown)


def test_who_cannot_teach_itself_is_left_out(drawn_only, tmp_path, monkeypatch, capsys):
    def unsure(*_, **__):
        raise CatalogError("data: base is sure of 3 of 10 pictures only")

    monkeypatch.setattr(attack_module, "adapt", unsure)
    result = drawn_only("plain", out=tmp_path, labels=[0, 8])
    assert [step["labels"] for step in result["curve"]] == [0, 8]
    [note] = result["left_out"]
    assert note.endswith("of which it could teach itself: data: base is sure of 3 of 10 pictures only")
    assert f"note: {note}" in capsys.readouterr().err


def test_what_is_left_out_is_said(drawn_only, texts, tmp_path, capsys):
    result = drawn_only(texts, out=tmp_path / "out", labels=[0, 3, 20], report=tmp_path / "page.html")
    assert result["left_out"] == ["left out: 3 labels: a reader learns from 8 or more"]
    assert "note: left out: 3 labels" in capsys.readouterr().err
    assert "Left out: 3 labels: a reader learns from 8 or more." in (tmp_path / "page.html").read_text()
    with pytest.raises(
        ConfigError, match=r"^nothing to attack with; left out: 3 labels: a reader learns from 8 or more$"
    ):
        drawn_only(texts, out=tmp_path / "none", labels=[3])
    assert not (tmp_path / "none").exists()


def test_a_table_of_other_columns(drawn_only, texts, tmp_path):
    shutil.copytree(texts, tmp_path / "data")
    table = tmp_path / "data" / "labels.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("file,label", "picture,says", 1), encoding="utf-8")
    columns = {"file_column": "picture", "label_column": "says"}
    result = drawn_only(table, out=tmp_path / "out", labels=[20], **columns)
    assert result["curve"][0]["alphabet"] == ["0", "1", "4", "7"]
    with pytest.raises(ConfigError, match=r"^file_column, label_column: for labelled images; a scheme's"):
        drawn_only("plain", out=tmp_path / "other", labels=[20], **columns)


def test_by_which_rule_names_were_read_is_said_once(drawn_only, texts, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    rows = csv.DictReader((texts / "labels.csv").read_text(encoding="utf-8").splitlines())
    for number, row in enumerate(rows):
        shutil.copy(texts / row["file"], tmp_path / "data" / f"{row['label']}-{number // 10 % 2}.png")
    drawn_only(tmp_path / "data", out=tmp_path / "out", labels=[0, 20], self_taught=False)
    said = capsys.readouterr().err
    assert said.count("note: every name ends in a number and is read whole") == 1
    assert "say --label-from text-number" in said
    result = drawn_only(tmp_path / "data", out=tmp_path / "other", labels=[20], label_from="text-number")
    assert result["curve"][0]["alphabet"] == ["0", "1", "4", "7"]


def test_what_has_no_strength_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"^random: another scheme each picture"):
        tellapart.strength("random", out=tmp_path)
    with pytest.raises(ConfigError, match=r"^labels \[-1\]: give numbers from 0"):
        tellapart.strength("digits", out=tmp_path, labels=[-1])
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file: a file; --out is a folder"):
        tellapart.strength("digits", out=tmp_path / "file")


@pytest.mark.parametrize("labels", ["0,50", 50])
def test_labels_that_are_no_list_are_refused(tmp_path, labels, refuses):
    with refuses(ConfigError, f"labels {labels!r}: give a list of numbers, such as [0, 50]"):
        tellapart.strength("digits", out=tmp_path / "s", labels=labels)
