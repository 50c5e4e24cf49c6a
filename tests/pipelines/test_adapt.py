"""A reader that teaches itself: by its sure readings alone, whatever the data call its pictures."""

from __future__ import annotations

import importlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

import tellapart
from tellapart.cli import main
from tellapart.core.errors import CatalogError, ConfigError, TextError
from tellapart.data.opening import open_catalog
from tellapart.inference.bundle import CARD, Bundle
from tellapart.inference.predictor import Predictor
from tellapart.inference.reader_ensemble import ReaderEnsemble
from tellapart.training.run_folder import Run

HASTY = {"stages": [{"train": "head", "epochs": 1, "lr": 1e-3}], "augment": "none", "device": "cpu",
         "precision": "float32"}  # fmt: skip
TOLD = "0123456789Z€"  # of these the pictures hold no Z, and the reader to begin with knows no €


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    """Pictures of five digits under names that are not their texts, one of them unreadable as a file."""
    folder = tmp_path_factory.mktemp("unlabelled")
    tellapart.generate("digits", 40, folder / "drawn")
    (folder / "pictures" / "deeper").mkdir(parents=True)
    for place, path in enumerate(sorted((folder / "drawn").rglob("*.png"))):
        shutil.copy(path, folder / "pictures" / ("deeper" if place % 2 else "") / f"shot {place}.png")
    (folder / "pictures" / "broken.png").write_bytes(b"no picture")
    return folder / "pictures"


@pytest.fixture(scope="module")
def taught(unlabelled, tmp_path_factory):
    out = tmp_path_factory.mktemp("taught")
    return tellapart.adapt(unlabelled, out=out, rounds=2, alphabet=TOLD, pattern="[0-9]{5}", **HASTY)


def test_it_learns_what_it_was_sure_to_read(taught, unlabelled):
    first = Run.open(taught["run"]).path.parent / "round-1"
    catalog = Run.open(first).catalog()
    reader = Predictor("base", alphabet=TOLD, pattern="[0-9]{5}")
    views = ReaderEnsemble(reader.tta_members())
    columns = (catalog.column(name) for name in ("file", "label", "keep", "why", "split"))
    sure = 0
    for file, label, keep, why, part in zip(*columns, strict=True):
        if file == "broken.png":
            assert not keep
            assert why.startswith("unreadable")
            continue
        (agreed,) = views.agree([(file, unlabelled / file)])
        text, share = agreed.answer, agreed.confidence
        assert keep == (share >= 0.5)
        sure += keep
        if keep:
            assert (label, why) == (text, None)
            assert part in ("train", "val")
        else:
            assert why == f"not surely read: {text!r} ({share:.2f})"
    assert taught["n"] == 40
    assert taught["sure"][0] == sure
    assert sure > 20


def test_each_round_begins_anew_with_the_same_reader(taught):
    rounds = [Run.open(path) for path in sorted(Run.open(taught["run"]).path.parent.iterdir())]
    assert [run.path.name for run in rounds] == ["round-1", "round-2"]
    assert [run.config.init_from for run in rounds] == ["small", "small"]
    assert len(rounds[1].catalog().rows()) == taught["sure"][1]


def test_the_bundle_says_that_no_person_labelled(taught):
    bundle = Bundle.open(taught["bundle"])
    assert bundle.manifest.data.read_by == "base"
    card = (bundle.path / CARD).read_text(encoding="utf-8")
    assert f"Data of {taught['sure'][1]} images that no person labelled" in card
    assert "Their texts are what it was sure to read itself, beginning as `base`" in card
    assert "**These texts are its own readings**" in card


def test_it_knows_the_letters_that_it_is_told_of(taught):
    assert Bundle.open(taught["bundle"]).charset.characters == (*"0123456789", "Z")


def test_the_same_call_again_trains_nothing(taught, unlabelled):
    out = Run.open(taught["run"]).path.parent
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = tellapart.adapt(unlabelled, out=out, rounds=2, alphabet=TOLD, pattern="[0-9]{5}", **HASTY)
    assert again == taught
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before


def test_another_alphabet_does_not_go_on_in_the_same_folder(taught, unlabelled):
    out = Run.open(taught["run"]).path.parent
    with pytest.raises(ConfigError, match="holds another training"):
        tellapart.adapt(unlabelled, out=out, rounds=2, alphabet=f"{TOLD}Y", pattern="[0-9]{5}", **HASTY)


def test_labels_are_not_looked_at(taught, unlabelled, tmp_path):
    catalog = open_catalog(unlabelled, task="read", label_from="text")
    wrong = catalog.with_column("label", ["x"] * len(catalog)).with_column("split", ["test"] * len(catalog))
    options = {"alphabet": TOLD, "pattern": "[0-9]{5}", **HASTY}
    assert tellapart.adapt(wrong, out=tmp_path / "out", rounds=1, **options)["sure"] == taught["sure"][:1]
    assert Run.open(tmp_path / "out" / "round-1").catalog().rows("test") == []


def test_few_readings_of_another_length_are_misread(unlabelled, tmp_path, monkeypatch):
    adapts = importlib.import_module("tellapart.pipelines.adapt")
    lengths = []

    def seen(catalog, **_):
        lengths.append({len(catalog.column("label")[row]) for row in catalog.rows()})
        raise TextError("seen")

    answers = iter(["12345"] * 38 + ["1234"] * 2)
    monkeypatch.setattr(ReaderEnsemble, "agree", lambda _, named: (
        tellapart.Prediction(name, "read", next(answers), 0.9) for name, _ in named))  # fmt: skip
    monkeypatch.setattr(adapts, "train", seen)
    with pytest.raises(TextError):
        tellapart.adapt(unlabelled, out=tmp_path, rounds=1)
    answers = iter(["12345"] * 30 + ["1234"] * 10)
    with pytest.raises(TextError):
        tellapart.adapt(unlabelled, out=tmp_path, rounds=1)
    assert lengths == [{5}, {4, 5}]


@pytest.mark.parametrize(
    ("known", "way"),
    [
        ({}, r"say what is known of the texts \(--alphabet, --pattern\), or label 50 pictures and train"),
        ({"alphabet": "0123"}, r"say what is known of the texts \(--pattern\), or label 50 pictures and train"),
        ({"alphabet": "0123", "pattern": "[0-3]{5}"}, "label 50 pictures and train"),
    ],
)
def test_who_is_sure_of_little_is_refused(known, way, tmp_path):
    dice = np.random.default_rng(0)
    (tmp_path / "noise").mkdir()
    for place in range(3):
        Image.fromarray(dice.integers(0, 256, (40, 120), dtype=np.uint8)).save(tmp_path / "noise" / f"{place}.png")
    few = r"noise: base is sure of \d+ of 3 pictures only, too few to teach itself; "
    with pytest.raises(CatalogError, match=f"{few}{way}$"):
        tellapart.adapt(tmp_path / "noise", out=tmp_path / "out", **known)
    assert not (tmp_path / "out").exists()


def test_a_classifier_is_refused(unlabelled, shape_run, tmp_path):
    with pytest.raises(ConfigError, match="a classifier; alphabet, pattern, nbest and tta are for a reader's texts"):
        tellapart.adapt(unlabelled, out=tmp_path / "out", model=shape_run)


def test_no_round_is_refused(unlabelled, tmp_path):
    with pytest.raises(ConfigError, match=r"^rounds 0: give 1 or more$"):
        tellapart.adapt(unlabelled, out=tmp_path / "out", rounds=0)


def test_the_verb_takes_options_of_the_training(taught, unlabelled, tmp_path, capsys):
    hasty = [word for name, value in HASTY.items()
             for word in (f"--{name}", value if isinstance(value, str) else json.dumps(value))]  # fmt: skip
    words = ["adapt", str(unlabelled), "--out", str(tmp_path / "out"), "--rounds", "1", "--alphabet", TOLD,
             "--pattern", "[0-9]{5}", *hasty]  # fmt: skip
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["sure"] == taught["sure"][:1]
    assert main(words) == 0
    assert f"sure of {result['sure'][0]} of 40 pictures" in capsys.readouterr().out
    assert Run.open(result["run"]).config == Run.open(taught["run"]).config
    for option in ("--init-from", "--label-column", "--mixup"):
        assert main([*words, option, "x"]) == 2
        assert f"no option '{option[2:].replace('-', '_')}'" in capsys.readouterr().err
