"""What people have as images is taken: paths, folders, bytes, open files, arrays, Pillow images; nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tellapart.core.errors import ConfigError
from tellapart.core.image_io import decode
from tellapart.inference.image_inputs import named_images


def names(items):
    return [name for name, _ in named_images(items)]


def test_images_without_a_name_are_numbered():
    assert names([b"", "x/b.png", b""]) == ["image 0", "x/b.png", "image 2"]
    assert names(bytearray(b"")) == names(memoryview(b"")) == ["image 0"]


def test_a_folder_is_its_images(tmp_path, fill):
    fill(tmp_path, ["b.png", "deep/a.jpg", "c.png"])
    (tmp_path / "notes.txt").touch()
    wanted = [str(tmp_path / name) for name in ("b.png", "c.png", "deep/a.jpg")]
    assert names(tmp_path) == names(str(tmp_path)) == names([tmp_path]) == wanted


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1", "CMYK", "LA", "I;16"])
def test_a_pillow_image_is_decoded_as_its_file_would_be(mode, tmp_path, draw):
    picture = Image.fromarray(draw(1))
    if mode == "I;16":
        picture = Image.fromarray((np.asarray(picture.convert("L")).astype(np.uint16)) * 257)
    picture = picture if mode == "I;16" else picture.convert(mode)
    if mode == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture.save(path)
    ((name, data),) = named_images(picture)
    assert name == "image 0"
    assert np.abs(decode(data).astype(int) - decode(path.read_bytes())).max() <= 1  # CMYK is rounded


def test_a_pillow_image_keeps_its_turn_and_its_name(tmp_path, draw):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(draw(2)).save(tmp_path / "turned.jpg", exif=exif, quality=100)
    with Image.open(tmp_path / "turned.jpg") as picture:
        ((name, data),) = named_images(picture)
    assert name == str(tmp_path / "turned.jpg")
    assert decode(data).shape == (64, 48, 3)


def test_an_open_file_is_read_and_one_open_as_text_is_refused(tmp_path, fill, refuses):
    path = fill(tmp_path, ["a.png"]) / "a.png"
    with path.open("rb") as stream:
        assert list(named_images(stream)) == [(str(path), path.read_bytes())]
    assert names(io.BytesIO(path.read_bytes())) == ["image 0"]
    (tmp_path / "t.txt").write_text("x")
    with (tmp_path / "t.txt").open(encoding="utf-8") as stream:
        text = f"{stream.name}: open it as bytes, as by open({stream.name!r}, 'rb')"
        with refuses(ConfigError, text):
            list(named_images(stream))


@pytest.mark.parametrize("strange", [None, 3, [None], [Path("a.png"), 1.5]])
def test_anything_else_is_refused_in_words(strange, shape_predictor):
    with pytest.raises(ConfigError, match=r"^(NoneType|int|float): no image; give a path, a folder, bytes, a file"):
        shape_predictor.predict(strange)


def test_all_kinds_of_one_picture_have_one_answer(shape_predictor, shape_files):
    path = shape_files[0]
    with Image.open(path) as picture, path.open("rb") as stream:
        kinds = [path, str(path), path.read_bytes(), stream, picture, decode(path.read_bytes())]
        answers = shape_predictor.predict(kinds)
    assert len({answer.answer for answer in answers}) == 1
    assert np.ptp([answer.confidence for answer in answers]) < 1e-5
    (alone,) = shape_predictor.predict(decode(path.read_bytes()))
    assert alone.answer == answers[0].answer
