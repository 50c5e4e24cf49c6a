"""The tree of errors and the words of their messages."""

from __future__ import annotations

import pickle

import pytest

from tellapart.core import errors


def subclasses(kind):
    return {each for child in kind.__subclasses__() for each in (child, *subclasses(child))}


def test_unusable_input_exits_with_2_and_a_missed_gate_with_1():
    ours = {each for each in subclasses(errors.TellapartError) if each.__module__ == errors.__name__}
    assert {each.__name__ for each in ours if each.exit_status == 1} == {"GateError", "ParityError"}
    assert all(issubclass(each, errors.InputError) for each in ours if each.exit_status == 2)


def test_an_image_error_survives_the_way_between_processes():
    again = pickle.loads(pickle.dumps(errors.ImageError("a.png", "the file is empty")))
    assert (type(again), again.file, again.reason) == (errors.ImageError, "a.png", "the file is empty")
    assert str(again) == "a.png: the file is empty"


@pytest.mark.parametrize(
    ("values", "most", "text"),
    [([], 3, ""), (["a"], 3, "a"), ([1, 2, 3], 3, "1, 2, 3"), (range(5), 2, "0, 1 and 3 more")],
)
def test_some_values_are_shown_and_the_rest_counted(values, most, text):
    assert errors.join_some(iter(values), most) == text


def test_a_number_has_its_noun():
    assert errors.pluralize(0, "image") == "0 images"
    assert errors.pluralize(1, "class", "classes") == "1 class"
    assert errors.pluralize(12_000, "class", "classes") == "12,000 classes"


def test_a_hint_is_given_only_for_a_near_word():
    assert errors.did_you_mean("epoch", ["seed", "epochs"]) == " (did you mean 'epochs'?)"
    assert errors.did_you_mean("colour", ["seed", "epochs"]) == ""
