"""Images are known by their names, and where these have no ending by what they hold."""

from __future__ import annotations

import errno
import os

import pytest

from tellapart.core.image_files import image_files, is_image_file
from tellapart.core.image_io import decode


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("name", ["x", "1", "cat.0", "x.jpg (1)", "x.jpg~", "고양이", "x.jpg_large", "x."])
def test_a_name_without_an_ending_is_opened(tmp_path, draw, encode, kind, name):
    (tmp_path / name).write_bytes(encode(draw(0), kind))
    assert is_image_file(tmp_path / name)
    (tmp_path / name).write_bytes(b"BM, a text of some length")
    assert not is_image_file(tmp_path / name)


@pytest.mark.parametrize("name", ["x.jfif", "x.JPE", "x.jif", "x.pjpeg", "x.dib"])
def test_other_endings_of_jpeg_and_bmp_are_images(tmp_path, draw, encode, name):
    (tmp_path / name).write_bytes(encode(draw(0), "BMP" if name == "x.dib" else "JPEG"))
    assert is_image_file(tmp_path / name)
    assert decode((tmp_path / name).read_bytes()).shape == (48, 64, 3)


@pytest.mark.parametrize("name", ["x.cr2", "x.txt", "x.heic", "x.part", "._x", ".hidden", "Thumbs.db"])
def test_an_ending_of_another_kind_and_a_hidden_name_are_believed(tmp_path, draw, encode, name):
    (tmp_path / name).write_bytes(encode(draw(0), "TIFF"))
    assert not is_image_file(tmp_path / name)


def test_what_cannot_be_opened_is_no_image(tmp_path):
    assert not is_image_file(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    assert not is_image_file(tmp_path / "pipe")


def test_a_folder_without_what_systems_leave(tmp_path, fill):
    fill(tmp_path, ["b/2.png", "a/1.png", "3.png", "a/@eaDir/1.png/thumb.jpg", "__MACOSX/a/1.png", ".git/x.png"])
    (tmp_path / "a" / "._1.png").write_bytes(b"fork")
    (tmp_path / "a.png").mkdir()
    os.link(tmp_path / "a" / "1.png", tmp_path / "a" / "endless")
    names = [path.relative_to(tmp_path).as_posix() for path in image_files(tmp_path)]
    assert names == ["3.png", "a/1.png", "a/endless", "b/2.png"]


@pytest.mark.parametrize("closed", ["", "a"])
def test_a_folder_that_cannot_be_read_is_not_passed_over(tmp_path, fill, monkeypatch, closed):
    fill(tmp_path, ["a/1.png", "b/2.png"])
    scandir = os.scandir

    def refusing(folder):
        if os.fspath(folder) == os.fspath(tmp_path / closed):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError):
        image_files(tmp_path)
