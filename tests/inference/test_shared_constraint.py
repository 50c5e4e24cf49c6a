"""What many readings have in common guides those that are unlike them."""

from __future__ import annotations

import pytest

import tellapart
from tellapart.inference.charset import Charset
from tellapart.inference.prediction import Prediction
from tellapart.inference.predictor import Predictor
from tellapart.inference.shared_constraint import estimate_constraint, read_together
from tellapart.synthesis.render import render
from tellapart.synthesis.scheme import Scheme

CHARSET = Charset(tuple("0123456789abcdefOQ+-"))


@pytest.mark.parametrize(
    ("texts", "alphabet", "length"),
    [
        (["0123"] * 30, "0123456789", 4),
        (["0123"] * 29 + ["O12"], "0123456789", 4),  # one is misread
        (["0123"] * 15 + ["abc"] * 15, "0123456789abcdef", 4),  # half of them is enough for a length
        (["01"] * 10 + ["012"] * 10 + ["0123"] * 10, "0123456789", None),
        (["1+2"] * 30, "0123456789+-", 3),
    ],
)
def test_kinds_and_length_of_most_texts_count(texts, alphabet, length):
    shared = estimate_constraint([(text, 0.9) for text in texts], CHARSET)
    assert shared is not None
    assert (shared.alphabet, shared.length) == (alphabet, length)


def test_unsure_texts_weigh_less():
    texts = [("0123", 0.9)] * 20 + [("012", 0.1)] * 30
    shared = estimate_constraint(texts, CHARSET)
    assert shared is not None
    assert shared.length == 4


def test_few_texts_say_nothing():
    assert estimate_constraint([("0123", 0.9)] * 19 + [("", 0.9)] * 5, CHARSET) is None


def test_signs_of_a_pattern_mean_themselves():
    shared = estimate_constraint([("1-2+", 0.9)] * 30, CHARSET)
    assert shared is not None
    rule = shared.to_rule()
    assert rule.fits("1-2+")
    assert not rule.fits("1a2+")
    assert not rule.fits("1-2")


@pytest.fixture(scope="module")
def base():
    return tellapart.base_reader()


@pytest.fixture(scope="module")
def digits():
    """Pictures of four digits, with their texts."""
    scheme = Scheme("four", 90, 32, "0123456789", 4, 4, font_size=(24, 26))
    return [render(scheme, 5, index) for index in range(30)]


def test_an_odd_reading_gives_way_to_a_likely_one_of_the_others_kind(base, digits, capsys):
    predictor = Predictor(base)
    pictures, texts = [pixels for pixels, _ in digits], [text for _, text in digits]
    right = predictor.predict(pictures)
    assert [each.answer for each in right] == texts
    odd = [Prediction("0", "read", "O" + texts[0][1:], 0.9), *right[1:]]
    asked = []

    def items(indices):
        asked.extend(indices)
        return [(str(index), pictures[index]) for index in indices]

    assert [each.answer for each in read_together(predictor, odd, items)] == texts
    assert asked == [0]
    assert "texts alike: 4 characters of digits" in capsys.readouterr().err


def test_a_picture_of_another_scheme_keeps_its_text(base, digits, capsys):
    other, text = render(Scheme("other", 160, 32, "ACEHKXZ", 6, 6, font_size=(24, 26)), 1, 0)
    pictures = [*(pixels for pixels, _ in digits), other]
    predictor = Predictor(base)
    alone = predictor.predict(pictures)
    assert alone[-1].answer == text
    together = read_together(predictor, alone, lambda indices: [(str(index), pictures[index]) for index in indices])
    assert together == alone
    assert "texts alike:" not in capsys.readouterr().err


def test_a_rule_of_ones_own_and_errors_are_left_alone(base, digits):
    def nothing(indices):
        raise AssertionError(indices)

    answers = [Prediction(str(index), "read", "12", 0.9) for index in range(30)]
    answers[3] = Prediction("3", "read", error="damaged")
    assert read_together(Predictor(base, alphabet="abc"), answers, nothing) == answers
    assert read_together(Predictor(base), answers, nothing) == answers  # all alike
