"""The errors that tellapart raises, as one tree, and words for messages.

    TellapartError
    ├── InputError            the input cannot be used: the command line exits with 2
    │   ├── ImageError        one image: empty, truncated, not an image, too large
    │   ├── CatalogError      a data set: missing files, unknown columns, empty labels
    │   ├── TextError         a text a reader cannot hold: unknown character, too long for the width
    │   ├── ConfigError       an option, a recipe or a run folder
    │   ├── BundleError       a bundle: a changed byte, a missing file, a foreign format
    │   ├── ServerError       a server: out of reach, or it refuses
    │   └── StorageError      object storage: no such bucket, no permission
    └── GateError             the work was done and failed its gate: the command line exits with 1
        └── ParityError       the exported graph does not answer like the trained model

A message says what, which file or value, and what to do next.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

from tellapart.core.terminal import excerpt, printable, quoted

_NO_RIGHT = "get the right to it, or name another place"
_REMEDIES = {
    errno.EACCES: _NO_RIGHT, errno.EPERM: _NO_RIGHT, errno.EROFS: "name another place",
    errno.ENOSPC: "make room, or name another place", errno.EDQUOT: "make room, or name another place",
    errno.ENAMETOOLONG: "give a shorter name", errno.ENOTDIR: "a part of this path is a file; name another place",
    errno.ELOOP: "links lead in a circle there; name another place",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}  # fmt: skip


class TellapartError(Exception):
    """Base of every foreseen failure.

    >>> issubclass(ImageError, TellapartError)
    True
    """

    exit_status = 2


class InputError(TellapartError):
    """The input cannot be used."""


class ImageError(InputError):
    """One image cannot be used; ``file`` names it and ``reason`` says why.

    >>> str(ImageError("a.png", "the file is empty"))
    'a.png: the file is empty'
    """

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason

    def __reduce__(self) -> tuple[type[ImageError], tuple[str, str]]:
        return type(self), (self.file, self.reason)  # from one process to another


class CatalogError(InputError):
    """A data set cannot be used."""


class TextError(InputError):
    """A text that the reader cannot emit."""


class ConfigError(InputError):
    """An option, a recipe or a run folder cannot be used."""


class BundleError(InputError):
    """A bundle cannot be used."""


class ServerError(InputError):
    """A server cannot be reached, or it refuses."""


class StorageError(InputError):
    """A place in object storage cannot be used."""


class GateError(TellapartError):
    """The work was done, and its result is not good enough to be kept."""

    exit_status = 1


class ParityError(GateError):
    """The exported graph does not answer like the trained model; nothing was written."""


def join_some(values: Iterable[object], most: int = 3) -> str:
    """The first few values for a message, printable and cut where they are long, and how many more there are.

    >>> join_some(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    names = [excerpt(value) for value in values]
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def pluralize(number: int, noun: str, several: str | None = None) -> str:
    """A number with its noun.

    >>> pluralize(1, "image"), pluralize(1200, "image"), pluralize(2, "class", "classes")
    ('1 image', '1,200 images', '2 classes')
    """
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a mistyped name: " (did you mean 'x'?)", or nothing.

    >>> did_you_mean("epoch", ["epochs", "seed"]), did_you_mean("SEED", ["epochs", "seed"])
    (" (did you mean 'epochs'?)", " (did you mean 'seed'?)")
    """
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1)
    if not near:
        folded = {name.casefold().strip(): name for name in names}
        near = [folded[each] for each in difflib.get_close_matches(word.casefold().strip(), folded, n=1)]
    return f" (did you mean {quoted(near[0])}?)" if near else ""


def describe_os_error(error: OSError) -> str:
    """What the system refused: the file if it is known, why, and what to do next.

    >>> describe_os_error(OSError(errno.ENAMETOOLONG, "File name too long", "x"))
    'x: File name too long; give a shorter name'
    """
    where = f"{printable(str(error.filename))}: " if error.filename else ""
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{where}{error.strerror or error}" + (f"; {remedy}" if remedy else "")
