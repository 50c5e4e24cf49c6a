"""A correction that its model cannot answer is told from one that it can, and models of other labels from like ones."""

from __future__ import annotations

import pytest

import tellapart
from tellapart.inference.known_labels import UnknownLabelError, check_known, describe_bundle, label_changes


def test_classes(shape_bundle, refuses):
    bundle = tellapart.Bundle.open(shape_bundle)
    for label in bundle.labels:
        check_known(bundle, label)
    with pytest.raises(
        UnknownLabelError, match=r"^'rin' is no class of the model.*ring.*; there are: bar, disc, ring$"
    ):
        check_known(bundle, "rin")
    with pytest.raises(UnknownLabelError, match="'Ring'"):  # another case is another class
        check_known(bundle, "Ring")


def test_characters(text_bundle, refuses):
    bundle = tellapart.Bundle.open(text_bundle)
    check_known(bundle, "0147")
    with refuses(UnknownLabelError, "'0a1' has a character that the model does not know: 'a'"):
        check_known(bundle, "0a1")
    with refuses(UnknownLabelError, "'ab a' has characters that the model does not know: ' ', 'a', 'b'"):
        check_known(bundle, "ab a")


def test_changes(shape_bundle, text_bundle):
    shapes, texts, base = (tellapart.Bundle.open(each) for each in (shape_bundle, text_bundle, tellapart.base_reader()))
    assert label_changes(shapes, shapes) == ""
    assert label_changes(shapes, texts) == "its task is read, not classify"
    assert label_changes(base, texts).startswith("its characters are others: it lacks '*', '+', '-' and")
    assert label_changes(texts, base).startswith("its characters are others: it has '*', '+', '-' and")


def test_tags(tag_bundle, refuses):
    bundle = tellapart.Bundle.open(tag_bundle)
    for right in ("red", "blue|red", "|"):
        check_known(bundle, right)
    with refuses(UnknownLabelError, "'rad' is no tag of the model (did you mean 'red'?); there are: blue, green, red"):
        check_known(bundle, "blue|rad")
    assert describe_bundle(bundle)["several"] is True
