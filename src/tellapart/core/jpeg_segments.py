"""The structure of a JPEG: segments of a mark, a length and content, and the scans that follow some of them.

Source: ITU T.81, annex B. Nothing is decoded. What a phone appends behind the end mark, such as a video, is not
looked at.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

SCAN, END = 0xDA, 0xD9
_MARK = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # but those that stand inside of a scan


def split_segments(data: bytes) -> tuple[list[tuple[int, bytes]], bytes] | None:
    r"""The segments before the first scan, each with its mark, and the rest; None where there is no scan.

    Args:
        data: an encoded image.

    >>> split_segments(b"\xff\xd8" + b"\xff\xfe\0\3a" + b"\xff\xda\0\2bc")
    ([(254, b'\xff\xfe\x00\x03a')], b'\xff\xda\x00\x02bc')
    """
    head: list[tuple[int, bytes]] = []
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        mark = data[at + 1]
        if mark == 0xFF:  # a fill byte
            at += 1
            continue
        if mark == SCAN:
            return head, data[at:]
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        head.append((mark, data[at:end]))
        at = end
    return None


def marks(data: bytes) -> Iterator[int]:
    r"""The marks of a JPEG from its first scan to its end mark, or as far as they go.

    Args:
        data: an encoded image.

    >>> list(marks(b"\xff\xd8" + b"\xff\xda\0\2a\xff\0b" + b"\xff\xd9 and more")) == [SCAN, END]
    True
    """
    parts = split_segments(data)
    if parts is None:
        return
    scans, at = parts[1], 0
    while True:
        mark = scans[at + 1]
        yield mark
        if mark == END or at + 4 > len(scans):
            return
        following = _MARK.search(scans, at + 2 + struct.unpack_from(">H", scans, at + 2)[0])
        if following is None:
            return
        at = following.start()
