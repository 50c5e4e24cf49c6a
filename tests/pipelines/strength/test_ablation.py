"""Changes of a scheme: each is one, and can be drawn."""

from __future__ import annotations

import dataclasses

import pytest

from tellapart.pipelines.strength.ablation import with_hardships, without_hardships
from tellapart.synthesis import SCHEMES, Scheme, render

NAMED = [each for each in SCHEMES.values() if isinstance(each, Scheme)]


@pytest.mark.parametrize("scheme", NAMED, ids=lambda scheme: scheme.name)
def test_every_change_is_one_and_can_be_drawn(scheme):
    changed = without_hardships(scheme) | with_hardships(scheme)
    assert len(changed) > 5
    for name, other in changed.items():
        assert other != scheme, name
        assert render(other, 0, 0)[0].shape == (other.height, other.width, 3)


@pytest.mark.parametrize("change", [{"width": 1600}, {"min_length": 19, "max_length": 63}, {"lines": [80, 120]}])
def test_a_change_beyond_what_a_scheme_may_be_is_left_out(change):
    scheme = dataclasses.replace(NAMED[0], width=504, **{key: value for key, value in change.items() if key != "width"})
    scheme = dataclasses.replace(scheme, width=change.get("width", 504))
    assert 3 <= len(with_hardships(scheme)) < len(with_hardships(NAMED[0]))


def test_many_fonts_are_those_that_have_the_letters():
    scheme = Scheme("п", width=160, height=60, alphabet="бдж", min_length=3, max_length=3, fonts=["roboto"])
    fonts = with_hardships(scheme)["many fonts, each letter its own"].fonts
    assert "roboto" in fonts
    assert "caladea" not in fonts
    assert "many fonts, each letter its own" not in with_hardships(dataclasses.replace(scheme, fonts=fonts, mixed=True))


def test_a_hardship_that_is_not_there_is_not_taken_away():
    plain = Scheme("plain", width=80, height=30, alphabet="01", min_length=3, max_length=3)
    assert without_hardships(plain) == {}
    lined = dataclasses.replace(plain, lines=(1, 2))
    assert without_hardships(lined) == {"without lines": plain}
