"""Many pictures of one scheme are read in the view that suits them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import tellapart
from tellapart.inference.base_model import small_reader
from tellapart.inference.folder_reading import VIEWS, choose_reader, choose_views, predict_all
from tellapart.inference.picture_view import AS_IS
from tellapart.inference.predictor import Predictor
from tellapart.synthesis.render import render
from tellapart.synthesis.scheme import Scheme


@pytest.fixture(scope="module")
def base():
    return tellapart.base_reader()


@pytest.fixture(scope="module")
def digits():
    """Pictures of five digits, with their texts."""
    scheme = Scheme("five", 110, 32, "0123456789", 5, 5, font_size=(24, 26))
    return [render(scheme, 5, index) for index in range(24)]


@pytest.fixture(scope="module")
def narrow(digits):
    """The same, squeezed to three tenths of their width, in which letters are lost."""
    return [np.asarray(Image.fromarray(pixels).resize((33, 32))) for pixels, _ in digits]


def giving(pictures):
    return lambda indices: ((f"{index}.png", pictures[index]) for index in indices)


def share(predictions, digits):
    return sum(each.answer == text for each, (_, text) in zip(predictions, digits, strict=True)) / len(digits)


def test_squeezed_pictures_are_read_wider(base, digits, narrow, capsys):
    alone = predict_all(Predictor(base), giving(narrow), len(narrow), task="t", independent=True, progress=False)
    assert "view:" not in capsys.readouterr().err
    together = predict_all(Predictor(base), giving(narrow), len(narrow), task="t", progress=False)
    assert [each.file for each in together] == [f"{index}.png" for index in range(len(narrow))]
    assert share(together, digits) >= share(alone, digits) + 0.3
    said = capsys.readouterr().err
    assert "times as wide" in said
    assert "which the reader is surest of in 24 of them" in said


def test_letters_that_only_their_hue_sets_off_are_read(base):
    scheme = Scheme("five", 130, 40, "0123456789", 5, 5, font_size=(28, 30), ink=("#3c833c",), paper=("#c83c3c",))
    drawn = [render(scheme, 5, index) for index in range(24)]
    pictures = [pixels for pixels, _ in drawn]
    grey = Predictor(small_reader())
    alone = predict_all(grey, giving(pictures), len(pictures), task="t", independent=True, progress=False)
    together = predict_all(grey, giving(pictures), len(pictures), task="t", progress=False)
    coloured = Predictor(base).predict(pictures)
    assert share(alone, drawn) < 0.2
    assert share(together, drawn) > 0.9
    assert share(coloured, drawn) > 0.9


def test_what_is_surely_read_is_read_as_it_is(base, digits):
    pictures = [pixels for pixels, _ in digits]
    predictor = Predictor(base)
    assert choose_views(predictor, giving(pictures), len(pictures)) is None
    assert choose_reader(predictor, giving(pictures), len(pictures)) is predictor
    together = predict_all(predictor, giving(pictures), len(pictures), task="t", progress=False)
    assert together == list(predictor.stream(giving(pictures)(range(len(pictures)))))


def test_the_best_views_answer_together_and_beside_base_a_second_reader(base, narrow, copied):
    reader = choose_reader(Predictor(base), giving(narrow), len(narrow))
    best = choose_views(Predictor(base), giving(narrow), len(narrow))
    expected = [(base, view) for view in dict.fromkeys([*best[:VIEWS], AS_IS])]
    assert [(member.bundle.path, member.view) for member in reader.members[:-1]] == expected
    assert reader.members[-1].bundle.path == small_reader()
    other = copied(base)  # no second one is known of any other reader
    members = choose_reader(Predictor(other), giving(narrow), len(narrow)).members
    assert [(member.bundle.path, member.view) for member in members] == [(other, view) for _, view in expected]


def test_few_pictures_are_read_alone(base, narrow):
    predictor = Predictor(base)
    few = narrow[:19]
    together = predict_all(predictor, giving(few), len(few), task="t", progress=False)
    assert together == list(predictor.stream(giving(few)(range(len(few)))))


@pytest.mark.parametrize("tta", [False, True])
def test_damaged_pictures_stay_errors_in_their_place(base, narrow, tta):
    pictures = [*narrow]
    pictures[0] = pictures[7] = b"no image"
    together = predict_all(Predictor(base, tta=tta), giving(pictures), len(pictures), task="t", progress=False)
    assert [index for index, each in enumerate(together) if each.error] == [0, 7]
    broken: list[bytes] = [b"no image"] * 25
    together = predict_all(Predictor(base, tta=tta), giving(broken), len(broken), task="t", progress=False)
    assert all(each.error for each in together)


def test_predict_and_evaluate_read_a_folder_together_unless_told(base, digits, narrow, tmp_path):
    for index, (pixels, (_, text)) in enumerate(zip(narrow, digits, strict=True)):
        Image.fromarray(pixels).save(tmp_path / f"{index:02d}_{text}.png")
    alone, together = (
        share(tellapart.predict(base, tmp_path, independent=independent), digits) for independent in (True, False)
    )
    assert together >= alone + 0.3
    for independent, expected in ((True, alone), (False, together)):
        figures = tellapart.evaluate(base, tmp_path, label_from="[0-9]+_([0-9]+)", independent=independent)
        assert figures["exact_match"]["value"] == pytest.approx(expected)


def test_what_is_guessed_of_a_picture_is_heard_in_any_view(base, narrow):
    images = []
    for pixels in narrow:
        buffer = io.BytesIO()
        Image.fromarray(pixels[..., 0].astype(np.uint16) * 16).save(buffer, "PNG")  # 12 bits in 16
        images.append(buffer.getvalue())
    heard = set()
    predictor = Predictor(base)
    predictor.on_note = lambda name, note: heard.add(name)
    together = predict_all(predictor, giving(images), len(images), task="t", progress=False)
    assert heard == {each.file for each in together}
