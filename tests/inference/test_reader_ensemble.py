"""Several readers answer together."""

from __future__ import annotations

import numpy as np
import pytest

import tellapart
from tellapart.inference.base_model import base_reader, small_reader
from tellapart.inference.bundle import Bundle
from tellapart.inference.constraints import TextConstraint
from tellapart.inference.ctc import likelihoods
from tellapart.inference.picture_view import View
from tellapart.inference.predictor import Predictor
from tellapart.inference.reader_ensemble import ReaderEnsemble
from tellapart.synthesis.render import render
from tellapart.synthesis.scheme import Scheme


@pytest.fixture(scope="module")
def members():
    return [Predictor(base_reader(), threads=1), Predictor(small_reader(), threads=1)]


@pytest.fixture(scope="module")
def drawn():
    """Pictures of five digits and their texts."""
    scheme = Scheme("five", 130, 40, "0123456789", 5, 5, font_size=(28, 30))
    return [render(scheme, 5, index) for index in range(12)]


def named(pictures):
    return [(f"{index}.png", pixels) for index, pixels in enumerate(pictures)]


def test_what_the_small_reader_knows_base_knows_too():
    first, second = Bundle.open(base_reader()), Bundle.open(small_reader())
    assert set(first.charset.characters) >= set(second.charset.characters)
    assert (first.preprocess.height, first.preprocess.channels) == (40, 3)
    assert (second.preprocess.height, second.preprocess.channels) == (40, 1)


def test_one_reader_alone_answers_as_it_does_without_the_others(members, drawn):
    items = named([pixels for pixels, _ in drawn])
    together = list(ReaderEnsemble(members[:1]).stream(items))
    for one, other in zip(together, members[0].stream(items), strict=True):
        assert (one.file, one.answer) == (other.file, other.answer)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)


def test_the_text_that_is_likeliest_on_the_mean_is_the_answer(members, drawn):
    """The first reader sees nothing but the left half; what the second sees decides."""
    items = named([pixels for pixels, _ in drawn])
    blind = members[0].with_view(View.parse("0.25"))
    alone = [each.answer for each in blind.stream(items)]
    together = [each.answer for each in ReaderEnsemble([blind, members[1]]).stream(items)]
    texts = [text for _, text in drawn]
    assert sum(map(str.__eq__, alone, texts)) < 3
    assert sum(map(str.__eq__, together, texts)) > 9


def test_a_rule_holds_for_all_of_them(members, drawn):
    ensemble = ReaderEnsemble(members).with_rule(TextConstraint(pattern="[A-Z]{3}"))
    assert all(len(each.answer) == 3 and each.answer.isupper() for each in ensemble.stream(named([drawn[0][0]])))


def test_how_far_they_agree_is_the_mean_of_what_each_finds_the_text(members, drawn):
    pictures = named([pixels for pixels, _ in drawn])
    for item, agreed in zip(pictures, ReaderEnsemble(members[:1]).agree(pictures), strict=True):
        (view,) = members[0].probabilities([item])
        text = tuple(members[0].bundle.charset.encode(agreed.answer))
        assert agreed.confidence == pytest.approx(likelihoods([view], [text])[0, 0], abs=1e-5)
    several = list(ReaderEnsemble(members).agree(pictures))
    assert [each.answer for each in several] == [each.answer for each in ReaderEnsemble(members).stream(pictures)]


def test_a_bad_picture_is_an_error_and_one_of_one_colour_has_no_text(members, drawn):
    pictures = [b"no image", drawn[0][0], np.full((40, 130, 3), 200, np.uint8)]
    broken, read, empty = ReaderEnsemble(members).stream(named(pictures))
    assert (broken.file, broken.answer) == ("0.png", "")
    assert broken.error == next(members[0].stream([("0.png", b"no image")])).error is not None
    assert (read.file, read.answer, read.error) == ("1.png", drawn[0][1], None)
    assert (empty.answer, empty.confidence, empty.error) == ("", 0.0, None)


def test_the_package_says_where_its_readers_lie():
    assert tellapart.base_reader() == base_reader()
