"""Which files are images: by the ending of the name, and where a name has none, by the first bytes."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tellapart.core.image_io import is_image_name
from tellapart.core.regular_files import open_regular
from tellapart.core.system_files import is_system_name

_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,6}")  # what says of a file what it is; ".0" and ".jpg (1)" do not
_HEADS = re.compile(  # of JPEG, PNG, GIF, WebP, BMP and TIFF
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF.{4}WEBP|BM.{4}\0\0\0\0|II\*\0|MM\0\*", re.DOTALL
)
_HEAD = 16  # bytes


def is_image_file(path: str | Path) -> bool:
    """Whether a file is an image: by its name, or by its first bytes where the name has no ending.

    Args:
        path: a file; it is opened only where its name has no ending.

    >>> is_image_file("cat.jpg"), is_image_file("notes.txt"), is_image_file("no such file")
    (True, False, False)
    """
    name = os.path.basename(path)  # noqa: PTH119  (quick: there may be a million)
    if is_image_name(name):
        return True
    if is_system_name(name) or _ENDING.fullmatch(os.path.splitext(name)[1]):  # noqa: PTH122
        return False
    try:
        with open_regular(path) as stream:
            return _HEADS.match(stream.read(_HEAD)) is not None
    except OSError:
        return False


def image_files(folder: Path) -> list[Path]:
    """The images of a folder, at any depth and sorted by path, without what systems leave behind.

    Args:
        folder: where to look; links to folders are not followed.

    Raises:
        OSError: it, or a folder in it, cannot be read: what lies there would be left out unsaid.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("a.png", "b.txt", "._a.png"):
    ...     (folder / name).touch()
    >>> [path.name for path in image_files(folder)]
    ['a.png']
    """
    found: list[Path] = []
    for parent, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not is_system_name(name)]
        found += [path for name in files if is_image_file(path := Path(parent, name)) and path.is_file()]
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error
