"""Sets of labels as one text and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tellapart.core.tag_sets import join_tags, split_tags

names = st.text(st.characters(codec="utf-8", exclude_characters="|"), min_size=1).map(str.strip).filter(bool)


@given(st.sets(names))
def test_a_set_comes_back_as_it_was(tags):
    assert set(split_tags(join_tags(tags))) == tags


@given(st.lists(names))
def test_order_and_repeats_do_not_count(tags):
    assert join_tags(tags) == join_tags([*reversed(tags), *tags])
    assert join_tags(tags)  # a catalog has no empty label


def test_a_person_may_write_blanks_and_another_order():
    assert split_tags(" dog|cat | dog|") == ("cat", "dog")
