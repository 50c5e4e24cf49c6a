"""What a bundle keeps of its data, and what is compared with it."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import BundleError
from tellapart.evaluation.drift import REFERENCE
from tellapart.evaluation.drift_reference import MEASURES, Reference


@pytest.fixture(scope="module")
def bundle(draw_shapes, shape_options, tmp_path_factory):
    """A bundle with a reference of some size."""
    folder = tmp_path_factory.mktemp("drift")
    data = draw_shapes(folder / "data", each=120, grouped=False)
    return tellapart.train(data, out=folder / "run", **shape_options)["bundle"]


def window(folder, shape, change=lambda image: image, classes=("bar", "disc", "ring"), n=60):
    folder.mkdir(parents=True)
    for number in range(n):
        image = Image.fromarray(shape(classes[number % len(classes)], 50_000 + number))
        change(image).save(folder / f"{number:02}.png")
    return folder


def test_the_reference_are_images_that_taught_nothing(bundle):
    reference = Reference.open(tellapart.Bundle.open(bundle).path / REFERENCE)
    assert len(reference.sample) == 108  # test and validation part
    assert reference.sample.measures.shape == (108, len(MEASURES))


def test_the_reference_of_an_earlier_version_is_refused(bundle, copied, tmp_path):
    old = copied(tellapart.Bundle.open(bundle).path) / REFERENCE
    table = pq.read_table(old)
    pq.write_table(table.drop_columns([table.column_names[-3]]), old)
    with pytest.raises(BundleError, match="by an earlier version; export the run again"):
        Reference.open(old)


def test_files_that_cannot_be_read_are_counted(bundle, shape, tmp_path):
    folder = window(tmp_path / "window", shape)
    (folder / "bad.png").write_bytes(b"no image")
    assert tellapart.drift(bundle, folder)["unreadable"] == 1
