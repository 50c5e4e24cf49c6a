"""The answer as a page and on the command line."""

from __future__ import annotations

import json

import pytest
from PIL import Image

import tellapart
from tellapart.cli import main


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


def test_the_command(bundle, shape, tmp_path, capsys):
    same, dark = (
        window(tmp_path / "same", shape),
        window(tmp_path / "dark", shape, lambda i: i.point(lambda v: v * 0.5)),
    )
    assert main(["drift", bundle, str(same), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["drift"] is False
    assert main(["drift", bundle, str(dark)]) == 1
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "changed"
