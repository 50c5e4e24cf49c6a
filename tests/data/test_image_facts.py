"""Facts of one image: digests of bytes and pixels, sizes, and the reason where it is unreadable."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

from tellapart.core.errors import ImageError
from tellapart.data.duplicates.hashing import picture_hash, thumbnail
from tellapart.data.image_facts import FACTS, image_facts


def test_the_facts_of_a_picture(draw, encode):
    data = encode(draw(0, 64, 48))
    facts, picture, thumb = image_facts(data, "a.png")
    values = dict(zip(FACTS, facts, strict=True))
    assert values["sha256"] == hashlib.sha256(data).hexdigest()
    assert (values["width"], values["height"]) == picture.size == (64, 48)
    assert values["hash"] == picture_hash(thumb)
    assert (values["keep"], values["why"]) == (True, None)
    np.testing.assert_array_equal(np.asarray(picture), draw(0, 64, 48))
    np.testing.assert_array_equal(thumb, thumbnail(draw(0, 64, 48)))


def test_the_digest_of_pixels_sees_the_picture_and_not_its_encoding(draw, encode):
    same = FACTS.index("pixels")
    digests = [image_facts(data, "a")[0][same] for data in (encode(draw(0)), encode(draw(0), "BMP"), encode(draw(1)))]
    assert digests[0] == digests[1] != digests[2]
    black = [image_facts(encode(Image.new("RGB", size)), "a")[0][same] for size in ((2, 8), (8, 2), (4, 4))]
    assert len(set(black)) == 3, "as many bytes, all zero, in other shapes"


def test_an_unreadable_image_has_a_reason():
    facts, picture, thumb = image_facts(b"", "a.png")
    assert facts == (hashlib.sha256(b"").hexdigest(), None, None, None, None, False, "unreadable: the file is empty")
    assert picture is thumb is None


def test_a_file_that_has_gone_has_no_digest():
    facts, _, _ = image_facts(ImageError("a.png", "there is no such file"), "a.png")
    assert facts == (None, None, None, None, None, False, "unreadable: there is no such file")


def test_what_was_guessed_is_said_of_an_image_that_stays(encode):
    deep = image_facts(encode(np.array([[0, 4095]], np.uint16)), "a")[0]
    assert deep[FACTS.index("keep")]
    assert deep[FACTS.index("why")] == "read: 12 of 16 bits in use: 4,095 is white"
