"""What systems and programs leave among people's files: thumbnails, indices, resource forks. None of it is data."""

from __future__ import annotations

import re

_FOLDERS = re.compile(
    r"__MACOSX|@eaDir|@Recycle|@Recently-Snapshot|#recycle|#snapshot|\$RECYCLE\.BIN|RECYCLER|"
    r"System Volume Information|lost\+found|__pycache__",
    re.IGNORECASE,
)
_FILES = re.compile(r"(?:eh)?thumbs(?:_vista)?\.db|desktop\.ini|Icon\r|ZbThumbnail\.info|Picasa\.ini", re.IGNORECASE)


def is_system_name(name: str) -> bool:
    r"""Whether a file or folder of this name is a system's own, or hidden as its first dot says.

    Such are macOS's ``__MACOSX``, ``._x`` and ``.DS_Store``, Windows' ``Thumbs.db``, the ``@eaDir`` of a network disk,
    and ``.ipynb_checkpoints``.

    Args:
        name: the last part of a path.

    >>> [name for name in (".git", "@eaDir", "Thumbs.db", "cat", "cat.jpg") if is_system_name(name)]
    ['.git', '@eaDir', 'Thumbs.db']
    """
    return name.startswith(".") or _FOLDERS.fullmatch(name) is not None or _FILES.fullmatch(name) is not None


def system_kind(name: str) -> str:
    """The kind of a system's own file or folder, to count by.

    >>> system_kind("._cat.jpg"), system_kind("@eaDir"), system_kind(".cat.jpg")
    ('._ (AppleDouble)', '@eaDir', '.cat.jpg')
    """
    return "._ (AppleDouble)" if name.startswith("._") else name
