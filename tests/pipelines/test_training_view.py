"""A reader is trained in the view in which the shipped one reads its pictures best already."""

from __future__ import annotations

import pytest
from PIL import Image

import tellapart
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.inference.picture_view import AS_IS
from tellapart.pipelines.training_view import choose_training_view, with_preprocess
from tellapart.synthesis.render import render
from tellapart.synthesis.scheme import Scheme
from tellapart.training.config import TrainConfig
from tellapart.training.run_folder import Run


def drawn(folder, count=40, **options):
    """Pictures of five digits in class-free file names, split."""
    scheme = Scheme("five", 130, 40, "0123456789", 5, 5, font_size=(28, 30), **options)
    folder.mkdir()
    for index in range(count):
        pixels, text = render(scheme, 7, index)
        Image.fromarray(pixels).save(folder / f"{text}_{index}.png")
    return split(open_catalog(folder, task="read", label_from="([0-9]{5})_.*"))


@pytest.fixture(scope="module")
def hues(tmp_path_factory) -> Catalog:
    """Letters that only their hue sets off from the paper."""
    return drawn(tmp_path_factory.mktemp("hues") / "pictures", ink=("#3c833c",), paper=("#c83c3c",))


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Catalog:
    return drawn(tmp_path_factory.mktemp("plain") / "pictures")


def test_letters_that_only_their_hue_sets_off_are_trained_on_in_another_grey(hues, capsys):
    view = choose_training_view(hues)
    assert view.ink.grey != "usual"
    assert "--preprocess none" in capsys.readouterr().err


def test_what_is_read_as_it_is_stays_so(plain, capsys):
    assert choose_training_view(plain) == AS_IS
    assert "trained on" not in capsys.readouterr().err


@pytest.mark.parametrize("decided", [{"preprocess": "none"}, {"pretrained": False}, {"height": 48}])
def test_nothing_is_chosen_where_it_was_decided_or_another_beginning_is(hues, decided):
    assert with_preprocess(TrainConfig(**decided), hues).preprocess == "none"


def test_a_trained_reader_and_its_bundle_see_the_pictures_in_that_view(hues, tmp_path):
    result = tellapart.train(hues, out=tmp_path / "run", epochs=1)
    run = Run.open(result["run"])
    assert run.config.preprocess not in ("auto", "none")
    bundle = tellapart.load(result["bundle"]).bundle
    assert bundle.preprocess.view.code == run.config.preprocess
    assert tellapart.train(hues, out=tmp_path / "run", epochs=1)["run"] == result["run"]  # the same choice again
