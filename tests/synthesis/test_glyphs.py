"""Glyphs leave ink where their letters are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tellapart.synthesis import Scheme, render
from tellapart.synthesis.scheme import STYLES

BARE = Scheme("bare", width=120, height=48, alphabet="AB3", min_length=3, max_length=3, font_size=(30, 30))


@pytest.mark.parametrize("style", STYLES)
def test_each_style_leaves_ink_where_the_letters_are(style):
    solid, text = render(BARE, 0, 0)
    drawn, same = render(dataclasses.replace(BARE, styles=(style,)), 0, 0)
    assert text == same
    inked = (solid < 128).any(axis=2)
    changed = (drawn != drawn[0, 0]).any(axis=2)
    assert changed[inked].mean() > (0.2 if style in ("hollow", "contour", "striped", "dotted") else 0.9)
    far = np.ones_like(inked)
    rows, columns = np.nonzero(inked)
    far[max(rows.min() - 4, 0) : rows.max() + 5, max(columns.min() - 4, 0) : columns.max() + 5] = False
    assert not changed[far].any()
    assert (style == "solid") == np.array_equal(solid, drawn)
