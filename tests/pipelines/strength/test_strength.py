"""How strong a CAPTCHA is: no judged image teaches, changes can be drawn, the page tells what was measured."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import shutil
from functools import partial

import pytest

import tellapart
from tellapart.core.errors import CatalogError, ConfigError, TextError
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.pipelines.strength.ablation import with_hardships, without_hardships
from tellapart.pipelines.strength.attack import attack, attack_untrained, ladder
from tellapart.pipelines.strength.page import page
from tellapart.synthesis import SCHEMES, Scheme, render
from tellapart.training.run import Run

strengths, attacks = (importlib.import_module(f"tellapart.pipelines.strength{part}") for part in ("", ".attack"))
NAMED = [each for each in SCHEMES.values() if isinstance(each, Scheme)]
HASTY = {"stages": [{"train": "all", "epochs": 4, "lr": 5e-3}], "height": 24, "batch_size": 8, "augment": "none",
         "device": "cpu", "precision": "float32"}  # fmt: skip


@pytest.mark.parametrize("scheme", NAMED, ids=lambda scheme: scheme.name)
def test_every_change_is_one_and_can_be_drawn(scheme):
    changed = without_hardships(scheme) | with_hardships(scheme)
    assert len(changed) > 5
    for name, other in changed.items():
        assert other != scheme, name
        assert render(other, 0, 0)[0].shape == (other.height, other.width, 3)


@pytest.mark.parametrize("change", [{"width": 1600}, {"min_length": 19, "max_length": 63}, {"lines": [80, 120]}])
def test_a_change_beyond_what_a_scheme_may_be_is_left_out(change):
    scheme = dataclasses.replace(NAMED[0], width=504, **{key: value for key, value in change.items() if key != "width"})
    scheme = dataclasses.replace(scheme, width=change.get("width", 504))
    assert 3 <= len(with_hardships(scheme)) < len(with_hardships(NAMED[0]))


def test_many_fonts_are_those_that_have_the_letters():
    scheme = Scheme("п", width=160, height=60, alphabet="бдж", min_length=3, max_length=3, fonts=["roboto"])
    fonts = with_hardships(scheme)["many fonts, each letter its own"].fonts
    assert "roboto" in fonts
    assert "caladea" not in fonts
    assert "many fonts, each letter its own" not in with_hardships(dataclasses.replace(scheme, fonts=fonts, mixed=True))


def test_a_hardship_that_is_not_there_is_not_taken_away():
    plain = Scheme("plain", width=80, height=30, alphabet="01", min_length=3, max_length=3)
    assert without_hardships(plain) == {}
    lined = dataclasses.replace(plain, lines=(1, 2))
    assert without_hardships(lined) == {"without lines": plain}


@pytest.fixture(scope="module")
def judged(texts):
    return split(open_catalog(texts, task="read"), seed=0)


def test_the_ladder_ends_with_what_there_is(judged):
    most = len(judged.rows()) - len(judged.rows("test"))
    assert ladder([10, 20], judged) == ([10, 20], [])
    few, many = "left out: 3 labels: a reader learns from 8 or more", f"left out: 1,000 labels: {most} images may teach"
    assert ladder([0, 3, 20, 1000], judged) == ([20, most], [few, f"{many}, the others judge"])
    assert ladder([3], judged) == ([], [few])  # too few to train and to choose on


def test_an_attacker_learns_from_its_labels_alone(judged, tmp_path):
    step = attack(judged, 20, tmp_path / "run", seed=1, **HASTY)
    catalog = Run.open(tmp_path / "run").catalog()
    assert (len(catalog.rows("train")), len(catalog.rows("val"))) == (17, 3)
    assert [catalog.column("file")[row] for row in catalog.rows("test")] == [
        judged.column("file")[row] for row in judged.rows("test")
    ]
    assert step["labels"] == 20
    assert step["n"] == len(judged.rows("test"))
    fewer = attack(judged, 10, tmp_path / "fewer", seed=1, **HASTY)  # of the same, so that more labels are more
    known = {catalog.column("file")[row] for row in [*catalog.rows("train"), *catalog.rows("val")]}
    few = Run.open(tmp_path / "fewer").catalog()
    assert {few.column("file")[row] for row in [*few.rows("train"), *few.rows("val")]} < known
    assert fewer["seconds"] > 0


def test_no_more_labels_choose_than_it_takes(judged, monkeypatch):
    monkeypatch.setattr(attacks, "MOST_VAL", 2)
    catalog = attacks.attack_with_labels(judged, 20, seed=1)  # 15 % would be three
    assert (len(catalog.rows("train")), len(catalog.rows("val"))) == (18, 2)


def test_without_labels_the_shipped_reader_reads(tmp_path):
    tellapart.generate("digits", 40, tmp_path / "data")
    catalog = split(open_catalog(tmp_path / "data", task="read"), seed=0)
    step = attack_untrained(catalog)
    assert step["labels"] == 0
    assert step["n"] == len(catalog.rows("test"))
    assert step["cer"]["value"] < 0.5


def test_without_labels_an_unknown_script_is_left_out(tmp_path, draw_texts, capsys):
    data = draw_texts(tmp_path / "data", n=12)
    table = data / "labels.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]
    table.write_text("".join(f"{file},{text.replace('7', 'я')}\n" for file, text in rows), encoding="utf-8")
    assert attack_untrained(split(open_catalog(data, task="read"), seed=0)) is None
    assert "left out, as the shipped reader does not know я" in capsys.readouterr().err


def test_the_whole_of_it(texts, tmp_path):
    result = tellapart.strength(texts, out=tmp_path / "out", labels=[20], report=tmp_path / "page.html", **HASTY)
    assert json.loads((tmp_path / "out" / "strength.json").read_text()) == result
    assert [step["labels"] for step in result["curve"]] == [20]
    assert result["changes"] == []
    low = result["curve"][0]["exact_match"]["ci95"][0]
    assert result["broken_with"] == (20 if low > 0.01 else None)
    text = (tmp_path / "page.html").read_text()
    assert "For CAPTCHAs that you own or may test." in text
    assert "What this does not say" in text
    assert f"From 1 % on a scheme counts as broken: {result['broken_by']}." in text
    assert "http" not in text.replace("http-equiv", "")


@pytest.fixture
def drawn_only(monkeypatch):
    """Strength without its trainings; each attack gives what it would have learnt from."""
    for name in ("train", "adapt"):
        monkeypatch.setattr(attacks, name, lambda *_, **__: {"seconds": 1.0, "bundle": "bundle"})
    monkeypatch.setattr(attacks, "evaluate", lambda _, catalog, **__: {
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

    monkeypatch.setattr(strengths, "_changes", fails)
    with pytest.raises(KeyboardInterrupt):
        drawn_only("plain", out=tmp_path, labels=[8], changes=True)
    assert json.loads((tmp_path / "strength.json").read_text())["curve"][0]["labels"] == 8


def test_what_was_measured_before_a_failure_is_kept(drawn_only, tmp_path, monkeypatch):
    monkeypatch.setattr(attacks, "train", lambda *_, **__: (_ for _ in ()).throw(TextError("all alike")))
    with pytest.raises(TextError):
        drawn_only("plain", out=tmp_path, labels=[0, 8])
    assert [step["labels"] for step in json.loads((tmp_path / "strength.json").read_text())["curve"]] == [0, 0]


def test_no_labels_alone_are_an_attack_too(drawn_only, tmp_path, monkeypatch):
    given = []

    def adapt(catalog, **options):
        given.append((catalog, options))
        return {"seconds": 1.0, "bundle": "bundle"}

    monkeypatch.setattr(attacks, "adapt", adapt)
    monkeypatch.setattr(attacks, "PICTURES", 10)
    monkeypatch.setattr(strengths, "TESTED", 20)
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

    monkeypatch.setattr(attacks, "adapt", unsure)
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


def figure(value):
    return {"value": value, "ci95": [max(0, value - 0.05), min(1, value + 0.05)], "n": 100}


def told(*values, changes=()):
    curve = [{"labels": 10**place, "seconds": 1.0, "n": 100, "exact_match": figure(value), "cer": figure(0.1),
              "exact_match_folded": figure(value)} for place, value in enumerate(values)]  # fmt: skip
    rows = [{"change": name, "labels": 200, "seconds": 1.0, "n": 100, "exact_match": figure(value), "cer": figure(0.1)}
            for name, value in changes]  # fmt: skip
    broken = next((step["labels"] for step in curve if step["exact_match"]["ci95"][0] > 0.01), None)
    return {"target": "mine", "n": 100, "curve": curve, "broken_with": broken, "characters": [], "changes": rows,
            "broken_by": "somebody", "limits": ["limit"], "left_out": [], "machine": "1 core"}  # fmt: skip


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (told(0.0, 0.4), "Broken with 10 labels"),
        (told(0.0, 0.0), "Not shown to be broken, nor to be strong"),
        (
            told(0.5, changes=[("as it is", 0.5), ("lines", 0.2)]),
            "“lines” costs the attacker most: 50.0 % become",
        ),
        (told(0.5, changes=[("as it is", 0.5), ("lines", 0.48)]), "Nothing that was tried costs the attacker more"),
    ],
)
def test_the_page_says_what_was_measured(result, words):
    assert words in page(result)


def test_what_has_no_strength_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"^random: another scheme each picture"):
        tellapart.strength("random", out=tmp_path)
    with pytest.raises(ConfigError, match=r"^labels \[-1\]: give numbers from 0"):
        tellapart.strength("digits", out=tmp_path, labels=[-1])
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file: a file; --out is a folder"):
        tellapart.strength("digits", out=tmp_path / "file")
