"""Which rows are scored, and which apart: by the training's part of each image."""

from __future__ import annotations

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.opening import open_catalog
from tellapart.evaluation.selection import select
from tellapart.inference.bundle import Bundle


@pytest.fixture
def bundle(shape_bundle):
    return Bundle.open(shape_bundle)


def test_the_headline_and_what_is_apart_are_all_rows_once(bundle, shapes):
    catalog = open_catalog(shapes)
    selection = select(catalog, bundle, None)
    assert selection.part == "test"
    assert selection.unseen is True
    assert sorted([*selection.rows, *selection.seen["train"], *selection.seen["val"]]) == catalog.rows()
    assert selection.all_rows == catalog.rows()


@pytest.mark.parametrize(("part", "unseen"), [("train", False), ("val", False), ("test", True)])
def test_a_part_that_is_asked_for(bundle, shapes, part, unseen):
    selection = select(open_catalog(shapes), bundle, part)
    assert selection.rows == selection.all_rows
    assert selection.unseen is unseen
    assert (len(selection.notes) == 1) is not unseen


def test_the_datas_own_split_goes_before_the_trainings(bundle, shapes):
    catalog = open_catalog(shapes)
    parts = ["val" if row % 2 else "train" for row in range(len(catalog))]
    own = catalog.with_column("split", parts)
    met = select(catalog, bundle, None)
    selection = select(own, bundle, "val")
    assert selection.rows == [row for row in met.rows if row % 2]
    assert selection.seen["train"] == [row for row in met.seen["train"] if row % 2]
    with pytest.raises(CatalogError, match="no image in the split 'test'"):
        select(own, bundle, None)


def test_rows_that_are_not_kept_are_never_scored(bundle, shapes):
    catalog = open_catalog(shapes)
    gone = select(catalog, bundle, None).rows[0]
    fewer = catalog.with_column("keep", [row != gone for row in range(len(catalog))])
    assert gone not in select(fewer, bundle, None).all_rows


@pytest.mark.parametrize("name", ["base", "small"])
def test_nothing_is_said_of_the_images_of_a_shipped_reader_that_drawn_ones_taught(texts, name):
    chosen = select(open_catalog(texts, task="read"), Bundle.open(name), None)
    assert (list(chosen.notes), chosen.unseen) == ([], None)
