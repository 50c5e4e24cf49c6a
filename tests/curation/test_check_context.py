"""What several checks derive from an audit's data: exact groups, near groups, and which copy to keep first."""

from __future__ import annotations

import pytest
from PIL import Image

from tellapart.curation.check_context import CheckContext
from tellapart.curation.image_index import build_index
from tellapart.data.duplicates.registration import Limits
from tellapart.data.opening import open_catalog


@pytest.fixture
def context(tmp_path, drawing):
    """Two exact copies, a smaller copy of the same picture, and two pictures of their own."""
    root = tmp_path / "set"
    for label in ("box", "disc"):
        (root / label).mkdir(parents=True)
    one = drawing(1)
    one.save(root / "disc" / "a.png")
    one.save(root / "disc" / "b.png")
    one.resize((150, 112), Image.Resampling.LANCZOS).save(root / "disc" / "c.png")
    drawing(2, "box").save(root / "box" / "d.png")
    drawing(3, "box").save(root / "box" / "e.png")
    index = build_index(lambda look: open_catalog(root, task="classify", look=look), tmp_path / "index", None)
    return CheckContext(index, Limits())


def _names(context, groups):
    return [{context.files[row][-5:] for row in group} for group in groups]


def test_exact_and_near_copies_are_grouped(context):
    assert _names(context, context.exact) == [{"a.png", "b.png"}]
    assert _names(context, context.near) == [{"a.png", "b.png", "c.png"}]
    assert _names(context, context.copies) == [{"a.png", "b.png", "c.png"}]


def test_the_largest_copy_is_kept_first(context):
    (group,) = context.copies
    order = [context.files[row][-5:] for row in context.best(group[::-1])]
    assert order == ["a.png", "b.png", "c.png"]


def test_a_measure_has_a_value_for_each_row(context):
    assert context.measures.shape[0] == len(context.rows) == len(context.measure("brightness"))
