"""Fonts come from packages or from a named file, never by luck."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

from tellapart.core.errors import ConfigError
from tellapart.core.own_commands import install_command
from tellapart.synthesis import Scheme, render
from tellapart.synthesis.fonts import FONTS, font_file

GOOD = {"name": "x", "width": 100, "height": 40, "alphabet": "ab", "min_length": 1, "max_length": 4}


def test_every_font_is_installed_and_named_by_its_licence():
    for name, font in FONTS.items():
        assert font_file(name).is_file()
        assert font.licence in ("OFL-1.1", "Apache-2.0")


def test_a_missing_font_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    font_file.cache_clear()
    try:
        with pytest.raises(ConfigError) as caught:
            font_file("lato")
    finally:
        font_file.cache_clear()
    assert str(caught.value) == f"the font 'lato' is not installed: {install_command('generate')}"


def test_an_unknown_font_names_the_known():
    with pytest.raises(
        ConfigError, match=r"^there is no font 'lat' \(did you mean 'lato'\?\); name a \.ttf, \.otf or "
    ):
        font_file("lat")


def test_a_font_file_of_ones_own_draws_like_the_packaged_one(tmp_path):
    copy = tmp_path / "mine.ttf"
    shutil.copy(font_file("lato"), copy)
    named = Scheme.from_dict(GOOD | {"fonts": ["lato"]})
    own = dataclasses.replace(named, fonts=(str(copy),))
    assert np.array_equal(render(own, 0, 3)[0], render(named, 0, 3)[0])
    missing = dataclasses.replace(named, fonts=(str(tmp_path / "gone.otf"),))
    with pytest.raises(ConfigError, match=r"^the font file '.*gone\.otf' does not exist$"):
        render(missing, 0, 0)
