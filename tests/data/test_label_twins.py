"""Labels that look alike are named, each kind once."""

from __future__ import annotations

import pytest

from tellapart.data.label_twins import twin_notes


@pytest.mark.parametrize(
    ("labels", "what", "shown"),
    [
        (["cat ", "cat"], "the blanks around them", "cat/'cat '"),
        (["Cat", "cat"], "case", "Cat/cat"),
        (["cat", "cat\u200b"], "signs that look the same, or that nobody sees", r"cat/'cat\u200b'"),
        (["red cat", "red\xa0cat"], "signs that look the same, or that nobody sees", r"red cat/'red\xa0cat'"),
        (["Ａ", "A"], "signs that look the same, or that nobody sees", "A/Ａ"),
        (["cat", "cat (1)"], "the mark of a copy", "cat/cat (1)"),
        (["cat", "cat - Copy"], "the mark of a copy", "cat/cat - Copy"),
        (["1", "01"], "noughts before the number", "01/1"),
        (["hot dog", "hot_dog", "Hot-Dog"], "what parts their words", "Hot-Dog/hot dog/hot_dog"),
    ],
)
def test_twins(labels, what, shown):
    assert twin_notes([*labels, "other"]) == [f"1 label differs from another only in {what}: {shown}"]


def test_labels_that_differ():
    assert twin_notes(["cat", "dog", "1", "10", "a1", "a01", "👩‍🚀", "é", "e"]) == []
