"""A text looked at in several views: what they say together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.inference.beam_search import decode
from tellapart.inference.charset import Charset
from tellapart.inference.constraints import TextConstraint
from tellapart.inference.ctc import likelihoods
from tellapart.inference.tta import consensus, ensemble_views

AB = Charset(("a", "b"))


def steps(seed, n, letters=2):
    values = np.random.default_rng(seed).random((n, letters + 1)) ** 3
    return values / values.sum(axis=1, keepdims=True)


@given(st.integers(0, 10_000), st.integers(1, 8))
def test_one_view_alone_reads_as_ever(seed, n):
    chances = steps(seed, n)
    (usual,) = decode(chances[None], AB, TextConstraint())
    assert ensemble_views([chances], AB, TextConstraint())[0] == usual[0]


def test_the_surer_views_outvote_the_others():
    def sure(letter, much):
        row = np.full(3, (1 - much) / 2)
        row[letter] = much
        return np.stack([row, np.array([0.98, 0.01, 0.01])])

    views = [sure(1, 0.6), sure(2, 0.9), sure(1, 0.5)]
    first, second = ensemble_views(views, AB, TextConstraint(nbest=2))
    assert (first.text, second.text) == ("b", "a")
    assert first.confidence == pytest.approx(0.9)
    assert ensemble_views([views[0], views[2]], AB, TextConstraint())[0].text == "a"


def test_the_views_keep_to_the_rule():
    views = [steps(seed, 6) for seed in range(4)]
    assert set(ensemble_views(views, AB, TextConstraint(alphabet="b"))[0].text) <= {"b"}
    assert ensemble_views(views, AB, TextConstraint(pattern="a{2}"))[0].text == "aa"
    none = ensemble_views(views, AB, TextConstraint(pattern="c+"))
    assert [(each.text, each.confidence) for each in none] == [("", 0.0)]


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 6)), min_size=1, max_size=4))
def test_views_agree_as_far_as_their_mean_says(views):
    chances = [steps(seed, n) for seed, n in views]
    text, share, _ = consensus(chances, AB, TextConstraint())
    best = ensemble_views(chances, AB, TextConstraint())[0]
    assert text == best.text
    each = [likelihoods([view], [tuple(AB.encode(text))])[0, 0] for view in chances]
    assert share == pytest.approx(np.mean(each))
    assert consensus(chances, AB, TextConstraint(pattern="c+"))[:2] == ("", 0.0)
