"""A scheme is read, checked and written back without loss, and refuses in words."""

from __future__ import annotations

import dataclasses

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tellapart.core.errors import ConfigError
from tellapart.synthesis import Scheme, scheme
from tellapart.synthesis.fonts import FONTS

GOOD = {"name": "x", "width": 100, "height": 40, "alphabet": "ab", "min_length": 1, "max_length": 4}


def span(low: float, high: float) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(st.floats(low, high), st.floats(low, high)).map(lambda two: (min(two), max(two)))


VISIBLE = st.characters(exclude_categories=("C", "Z"))


schemes = st.builds(
    Scheme,
    name=st.text(min_size=1, max_size=12),
    width=st.integers(64, 400),
    height=st.integers(16, 200),
    alphabet=st.lists(VISIBLE, min_size=1, max_size=20, unique=True).map("".join),
    min_length=st.integers(1, 3),
    max_length=st.integers(3, 8),
    fonts=st.lists(st.sampled_from(sorted(FONTS)), min_size=1, max_size=3).map(tuple),
    rotation=st.floats(0, 60),
    stretch=span(0.5, 2),
    gap=span(-16, 64),
    elastic_amplitude=st.floats(0, 16),
    lines=st.tuples(st.integers(0, 5), st.integers(5, 9)),
    mixed=st.booleans(),
    black_and_white=st.booleans(),
)


@given(schemes)
@settings(deadline=None, max_examples=60)
def test_a_scheme_survives_yaml(each: Scheme) -> None:
    assert Scheme.from_dict(yaml.safe_load(str(each))) == each
    assert Scheme.from_dict(each.to_dict()) == each


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"widht": 1}, "scheme 'x': unknown option 'widht' (did you mean 'width'?)"),
        ({"width": "100"}, "scheme 'x': width is '100'; it must be a whole number"),
        ({"width": True}, "scheme 'x': width is True; it must be a whole number"),
        ({"rotation": float("nan")}, "scheme 'x': rotation is nan; it must be a number"),
        ({"rotation": 90}, "scheme 'x': rotation is 90.0; it must be within 0 to 60"),
        ({"lines": [1]}, "scheme 'x': lines is [1]; it must be two whole numbers: [least, most]"),
        ({"lines": [3, 1]}, "scheme 'x': lines is [3, 1]; the first must not exceed the second"),
        ({"stretch": [0, 1]}, "scheme 'x': stretch is [0.0, 1.0]; it must be within 0.5 to 2"),
        ({"mixed": "no"}, "scheme 'x': mixed is 'no'; it must be true or false"),
        ({"alphabet": 12}, "scheme 'x': alphabet is 12; it must be text (in quotes, if it looks like a number)"),
        ({"alphabet": ""}, "scheme 'x': alphabet is empty"),
        ({"alphabet": "aba"}, "scheme 'x': alphabet holds 'a' more than once"),
        ({"alphabet": "a b"}, "scheme 'x': alphabet holds ' ', which leaves no ink"),
        ({"min_length": 5}, "scheme 'x': min_length is 5, above max_length 4"),
        ({"max_length": 40}, "scheme 'x': width is 100; 40 letters need at least 320"),
        ({"fonts": "lato"}, "scheme 'x': fonts is 'lato'; it must be a list of texts"),
        ({"fonts": []}, "scheme 'x': fonts is empty"),
        ({"ink": ["red"]}, "scheme 'x': ink holds 'red'; write a colour as '#1a2b3c'"),
        ({"ink": ["#ffffff"]}, "scheme 'x': ink holds '#ffffff', which is also a paper: unreadable"),
    ],
)
def test_wrong_values_are_refused_in_words(change, words):
    with pytest.raises(ConfigError) as caught:
        Scheme.from_dict(GOOD | change)
    assert str(caught.value) == words


@pytest.mark.parametrize("change", [{"height": 20, "warp_amplitude": 12.0}, {"height": 36, "warp_amplitude": 16.0}])
def test_a_warp_that_leaves_no_room_is_refused(change):
    """Letters would shrink to nothing, for ever."""
    with pytest.raises(ConfigError, match=r"warp_amplitude is 1[26]: [04] px are left for letters; make it smaller"):
        Scheme("x", width=120, alphabet="ab", min_length=1, max_length=2, **change)


def test_other_refusals(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"^scheme 'x': missing width, height, alphabet, min_length, max_length; a scheme has name, width, ",
    ):
        Scheme.from_dict({"name": "x"})
    with pytest.raises(
        ConfigError, match=r"^no scheme: it has options and their values, one a line, such as width: 160$"
    ):
        Scheme.from_dict([])  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as caught:
        scheme("clasic")
    assert str(caught.value) == (
        "there is no scheme 'clasic' (did you mean 'classic'?); "
        "known: random, characters, classic, plain, digits, or a .yaml file"
    )
    with pytest.raises(ConfigError, match=r"no\.yaml: the scheme cannot be read: No such file"):
        scheme(str(tmp_path / "no.yaml"))
    for text, message in (("", "no scheme: it has"), ("min_length: 3", "scheme 'without a name': missing name, ")):
        (tmp_path / "odd.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=rf"odd\.yaml: {message}"):
            scheme(str(tmp_path / "odd.yaml"))
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.yaml: not YAML: line 1, column"):
        scheme(str(bad))


def test_a_scheme_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        scheme("plain").width = 3  # type: ignore[misc]
