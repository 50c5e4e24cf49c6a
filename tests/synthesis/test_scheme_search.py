"""A scheme found for examples has what can be read off them, and looks more like them than a scheme at random."""

import dataclasses
import importlib

import numpy as np
import pytest

from tellapart.core.errors import CatalogError, ConfigError
from tellapart.synthesis import RandomScheme, Scheme, render
from tellapart.synthesis.generate import generate
from tellapart.synthesis.scheme_search import search_scheme

module = importlib.import_module("tellapart.synthesis.scheme_search")  # the package may export a verb of the same name

NOISY = Scheme(
    "noisy", width=120, height=40, alphabet="3479", min_length=4, max_length=5, font_size=(26, 28), rotation=10.0,
    lines=(4, 6), spots=(150, 200), paper=("#ffe0c0",), ink=("#203080",),
)  # fmt: skip


@pytest.fixture
def hasty(monkeypatch):
    for name, value in {"EXAMPLES": 24, "DRAWN": 4, "FIRST": 24, "BROOD": 12, "GENERATIONS": 2, "PARENTS": 4}.items():
        monkeypatch.setattr(module, name, value)


@pytest.mark.usefixtures("hasty")
def test_it_resembles_the_examples(tmp_path):
    generate(NOISY, 40, tmp_path / "own")
    found = search_scheme(tmp_path / "own")
    assert (found.width, found.height, found.alphabet) == (120, 40, "3479")
    assert (found.min_length, found.max_length) == (4, 5)
    wanted = np.stack([module._features(render(NOISY, 9, index)[0]) for index in range(16)])
    spread = wanted.std(axis=0) + 0.05

    def away(scheme):
        return module._distance(module._drawn_features(scheme, 9), wanted, spread)

    fixed = {name: getattr(found, name) for name in module.FIXED}
    others = [dataclasses.replace(RandomScheme(height=(40, 40)).of(99, index), **fixed) for index in range(12)]
    assert away(found) < np.median([away(other) for other in others])
    assert found == search_scheme(tmp_path / "own")  # the same again


@pytest.mark.usefixtures("hasty")
def test_generate_draws_what_it_found(tmp_path):
    generate(NOISY, 30, tmp_path / "own")
    result = generate(None, 5, tmp_path / "more", like=tmp_path / "own")
    assert result["scheme"] == "like"
    assert (tmp_path / "more" / "scheme.yaml").read_text().startswith("name: like\nwidth: 120\n")


@pytest.mark.usefixtures("hasty")
def test_letters_that_only_some_fonts_have(tmp_path, monkeypatch):
    scheme = Scheme("п", width=160, height=60, alphabet="бдж", min_length=3, max_length=3, fonts=["roboto"])
    generate(scheme, 8, tmp_path / "data")
    assert search_scheme(tmp_path / "data").alphabet == "бдж"
    monkeypatch.setattr(module, "FONTS", ("lato",))
    with pytest.raises(
        CatalogError, match=r"no font here has all of its 3 letters, б, д, ж; none has 'б'; write a scheme that names"
    ):
        search_scheme(tmp_path / "data")


@pytest.mark.usefixtures("hasty")
def test_a_high_picture_keeps_its_height(tmp_path):
    generate(dataclasses.replace(NOISY, width=700, height=600), 8, tmp_path / "data")
    assert search_scheme(tmp_path / "data").height == 600


def test_examples_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match=r"^what to draw: give a scheme, or examples"):
        generate(None, 5, tmp_path / "out")
    with pytest.raises(ConfigError, match=r"^what to draw: give a scheme, or examples"):
        generate("digits", 5, tmp_path / "out", like=tmp_path)
    with pytest.raises(CatalogError):
        search_scheme(tmp_path)
