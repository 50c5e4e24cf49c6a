"""One decoding gives facts, measures, a thumbnail and a picture for a network; a damaged image gives none."""

from __future__ import annotations

import numpy as np

from tellapart.curation.image_analysis import analyse_image, analyse_images
from tellapart.data.duplicates.hashing import SIDE
from tellapart.data.image_facts import FACTS
from tellapart.data.image_statistics import NAMES
from tellapart.data.opening import open_catalog


def test_an_image_has_all_four(draw, encode):
    facts, measures, thumb, small = analyse_image((encode(draw(1)), "a.png"), 32)
    assert (facts[FACTS.index("width")], facts[FACTS.index("height")]) == (64, 48)
    assert measures.shape == (len(NAMES),)
    assert np.isfinite(measures).all()
    assert thumb.shape == (SIDE, SIDE, 3)
    assert small is not None
    assert small.shape == (32, 32, 3)


def test_without_a_network_there_is_no_picture_for_one(draw, encode):
    assert analyse_image((encode(draw(1)), "a.png"), None)[3] is None


def test_what_cannot_be_read_has_no_numbers():
    facts, measures, thumb, small = analyse_image((b"no image", "a.png"), 32)
    assert facts[FACTS.index("why")].startswith("unreadable: ")
    assert np.isnan(measures).all()
    assert not thumb.any()
    assert small is None


def test_results_come_in_the_order_of_the_rows(class_folders):
    catalog = open_catalog(class_folders)
    rows = catalog.rows()[::-1]
    results = list(analyse_images(catalog, rows, None))
    expected = [catalog.column("pixels")[row] for row in rows]
    assert [facts[FACTS.index("pixels")] for facts, *_ in results] == expected
    assert len(set(expected)) == len(rows)
