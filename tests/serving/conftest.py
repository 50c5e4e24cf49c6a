"""What the tests of this folder share."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import tellapart


def _png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="session")
def pictures(shape):
    return [_png(np.asarray(shape(each, seed))) for seed, each in enumerate(["disc", "ring", "bar"] * 4)]


@pytest.fixture(scope="session")
def expected(shape_bundle, pictures):
    return [row.to_json() for row in tellapart.load(shape_bundle, threads=1).predict(pictures)]


@pytest.fixture(scope="session")
def shapes_here(tmp_path_factory, shape_bundle, here):
    with here(tmp_path_factory.mktemp("here") / "state", [f"shapes={shape_bundle}"], images=16, request_bytes=200_000,
              image_pixels=1_000_000) as (client, live):  # fmt: skip
        yield client, live
