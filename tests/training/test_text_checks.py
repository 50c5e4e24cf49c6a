"""Texts that cannot be learnt from their pictures are refused before the training; what will be hard is noted."""

from __future__ import annotations

import csv
import unicodedata

import numpy as np
import pytest
from PIL import Image

from tellapart.core.errors import TextError
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.inference.preprocess import Preprocess
from tellapart.training.text_checks import check_texts

SPEC = Preprocess(height=24, width=None, channels=1, pad="edge")


@pytest.fixture
def labelled(tmp_path):
    """A split catalog of noise with these texts, in pictures of these sizes."""

    def make(texts, width=96, height=24, sizes=None):
        dice = np.random.default_rng(0)
        with (tmp_path / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["file", "label"])
            for number, text in enumerate(texts):
                w, h = (sizes or {}).get(number, (width, height))
                Image.fromarray(dice.integers(0, 256, (h, w), dtype=np.uint8)).save(tmp_path / f"{number:03}.png")
                table.writerow([f"{number:03}.png", text])
        return split(open_catalog(tmp_path, task="read"), seed=0)

    return make


def texts(n=30, alphabet="abcd", length=4):
    dice = np.random.default_rng(1)
    return ["".join(dice.choice(list(alphabet), length)) for _ in range(n)]


def test_ordinary_texts_pass(labelled):
    assert check_texts(labelled(texts()), SPEC) == []


def test_one_text_only(labelled):
    with pytest.raises(
        TextError, match=r"the text of 2\d training images is 'abcd' and no other; a reader learns from"
    ):
        check_texts(labelled(["abcd"] * 30), SPEC)


def test_pictures_of_one_pixel(labelled):
    with pytest.raises(TextError) as caught:
        check_texts(labelled(texts(), sizes={3: (1, 1), 8: (60, 4)}), SPEC)
    assert str(caught.value) == (
        "2 images too small for a letter, under 5 px high: 003.png (1 x 1 px), 008.png (60 x 4 px); take them "
        "out, or label the originals"
    )


def test_a_picture_narrower_than_its_letters_are_many(labelled):
    """Its canvas is wide enough for CTC, but it holds nothing."""
    with pytest.raises(TextError, match=r"^1 image narrower than a pixel a letter: 003\.png \('\w{4}', 3 x 24 px\)"):
        check_texts(labelled(texts(), sizes={3: (3, 24)}), SPEC)
    assert check_texts(labelled(texts(), sizes={3: (4, 24)}), SPEC) == []


@pytest.mark.parametrize("odd", ["a\nbc", "a\x07bc", "a\N{NO-BREAK SPACE}bc"])
def test_what_cannot_be_printed(labelled, odd):
    notes = check_texts(labelled([*texts(), *[odd] * 9]), SPEC)
    assert notes[0].startswith("9 texts with what cannot be printed (030.png ")


def test_64_characters_want_the_room_for_them(labelled):
    long = texts(length=64)
    with pytest.raises(TextError, match=r"^30 texts are longer than CTC can emit at their picture's width: 000\.png"):
        check_texts(labelled(long), SPEC)
    assert check_texts(labelled(long, width=640), SPEC) == []


def test_an_alphabet_of_thousands_is_hardly_learnt_from_a_few_pictures(labelled):
    every = [chr(0x4E00 + number) for number in range(5000)]
    (note,) = check_texts(labelled(["".join(every[at : at + 50]) for at in range(0, 5000, 50)], width=640), SPEC)
    assert note.startswith("3,500 of 3,500 characters stand in under 5 training texts and will hardly be learnt: 一")


def test_characters_that_the_beginning_knows_need_not_be_learnt(labelled):
    rare = labelled([*texts(), "xyzw", "wzyx"])
    (note,) = check_texts(rare, SPEC)
    assert note.endswith("will hardly be learnt: w, x, y, z")
    assert check_texts(rare, SPEC, known="wxyz") == []


def test_right_to_left(labelled):
    (note,) = check_texts(labelled(texts(alphabet="אבגד")), SPEC)
    assert note.startswith("30 texts with right-to-left letters (000.png '")
    assert "the first character of a label must be the leftmost in the picture" in note


def test_combining_marks(labelled):
    decomposed = [text.replace("a", "e\N{COMBINING ACUTE ACCENT}") for text in texts()]
    notes = check_texts(labelled(decomposed), SPEC)
    marked = sum("e" in text for text in decomposed)
    assert notes[0].startswith(f"{marked} texts with combining marks (")
    assert notes[0].endswith(f"written composed (Unicode NFC), {marked} of them have fewer")
    assert check_texts(labelled([text.replace("a", "é") for text in texts()]), SPEC) == []


def test_decomposed_hangul_has_the_note_on_combining_marks(labelled):
    decomposed = [unicodedata.normalize("NFD", text.translate(str.maketrans("abcd", "가각간갇"))) for text in texts()]
    (note, *_) = check_texts(labelled(decomposed), SPEC)
    assert note.startswith(f"{len(decomposed)} texts with combining marks (")
    assert note.endswith(f"written composed (Unicode NFC), {len(decomposed)} of them have fewer")
