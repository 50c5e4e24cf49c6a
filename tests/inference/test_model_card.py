"""The model card says what bundle.json says, and nothing else."""

from __future__ import annotations

import re

import pytest

import tellapart
from tellapart.inference.bundle import CARD, Bundle
from tellapart.inference.manifest import MANIFEST


def card_of(bundle):
    return (bundle / CARD).read_text(encoding="utf-8")


def test_a_classifiers_card(shape_bundle):
    text, about = card_of(shape_bundle), Bundle.open(shape_bundle).manifest.to_json()
    assert "Tells 3 classes apart: bar, disc, ring. They belong to round, straight." in text
    assert about["data"]["fingerprint"] in text
    for name in ("accuracy", "fine_accuracy"):
        low, high = about["metrics"][name]["ci95"]
        assert f"{about['metrics'][name]['value']:.4f} | {low:.4f} to {high:.4f}" in text
    assert "`tellapart evaluate BUNDLE DATA --split test`" in text


def test_a_readers_card(text_bundle):
    text = card_of(text_bundle)
    assert "Reads a text in a picture. Characters: 0147." in text
    assert "texts read exactly" in text
    assert "CAPTCHAs that you neither own nor may test" in text


def test_the_card_is_sealed_like_every_other_file(text_bundle, copied):
    bundle = copied(text_bundle)
    (bundle / CARD).write_text("better than it is", encoding="utf-8")
    with pytest.raises(tellapart.InputError, match=f"{CARD}: changed since it was written"):
        Bundle.open(bundle)


def test_every_number_of_the_card_stands_in_the_description(shape_bundle):
    text, about = card_of(shape_bundle), (shape_bundle / MANIFEST).read_text(encoding="utf-8")
    known = {float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", about)}
    figures = re.findall(r"\| ([01]\.\d{4}) \| ([01]\.\d{4}) to ([01]\.\d{4}) \|", text)
    assert len(figures) == 5
    for figure in {float(number) for row in figures for number in row}:
        assert any(abs(figure - number) < 6e-5 for number in known)


def test_the_card_of_a_tagger(tag_bundle):
    text = (tag_bundle / "README.md").read_text(encoding="utf-8")
    assert "Says which of 3 tags a picture has, several or none: blue, green, red." in text
    assert "| mean average precision of the tags |" in text
    assert "| images with all tags right |" in text
    assert "- It says each tag from its own probability on (aim: f1): blue 0." in text
    assert "always names one" not in text
