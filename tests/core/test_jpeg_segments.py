"""Segments and scans of a JPEG, as encoders write them and as phones go on after them."""

from __future__ import annotations

import pytest

from tellapart.core.image_io import decode
from tellapart.core.jpeg_segments import END, SCAN, marks, split_segments


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}])
def test_segments_and_scans_make_up_the_file(encode, draw, options):
    whole = encode(draw(0), "JPEG", **options)
    head, rest = split_segments(whole)
    assert b"".join([whole[:2], *(content for _, content in head), rest]) == whole
    assert all(content[1] == mark for mark, content in head)
    found = list(marks(whole))
    assert found[0] == SCAN
    assert found[-1] == END
    assert found.count(SCAN) == whole.count(b"\xff\xda")
    assert (found.count(SCAN) > 1) == ("progressive" in options)


def test_what_follows_the_end_is_not_looked_at(encode, draw):
    whole = encode(draw(0), "JPEG", progressive=True)
    appended = b"\xff\xda\0\2" * 5_000 + b"\xff\xd9\xff\xda"
    assert list(marks(whole + appended)) == list(marks(whole))
    assert decode(whole + appended, max_pixels=64 * 48).shape == (48, 64, 3)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\xff\xff", b"\xff\xd8ab\0\0"])
def test_what_is_cut_off_has_no_scan(data):
    assert split_segments(data) is None
    assert list(marks(data)) == []


def test_a_file_that_ends_anywhere_is_gone_through(encode, draw):
    whole = encode(draw(0), "JPEG", progressive=True)
    for cut in range(2, len(whole), 37):
        found = list(marks(whole[:-cut]))
        assert END not in found
