"""Text for people: without signs that a terminal would obey, and no longer than a person reads."""

from __future__ import annotations

import json
import sys
from typing import Any

MAX_EXCERPT = 200  # characters of a value that a message quotes


def printable(text: str) -> str:
    r"""The text on one line, without signs that a terminal would obey.

    >>> printable("cat\x1b[31m\n")
    'cat\\x1b[31m\\n'
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def printable_lines(text: str) -> str:
    r"""The text with its line ends, without other signs that a terminal would obey.

    >>> printable_lines("a\nb\x1b[2J")
    'a\nb\\x1b[2J'
    """
    return "\n".join(map(printable, text.split("\n")))


def excerpt(value: object, most: int = MAX_EXCERPT) -> str:
    """A value for a message: printable, and with its middle left out where it is long; of bytes only their number.

    >>> excerpt("n" * 1000, 9), excerpt(b"PNG")
    ('nnnn…nnnn', '3 bytes')
    """
    text = f"{len(value):,} bytes" if isinstance(value, bytes | bytearray) else str(value)
    if len(text) <= most:
        return printable(text)
    return f"{printable(text[: most // 2])}…{printable(text[-(most // 2) :])}"


def quoted(value: object) -> str:
    """A value for a message as Python writes it, see `excerpt`.

    >>> quoted("a"), quoted(b"PNG"), len(quoted("n" * 1000)) < 210
    ("'a'", '3 bytes', True)
    """
    if isinstance(value, str):
        return repr(value if len(value) <= MAX_EXCERPT else excerpt(value))
    return excerpt(value if isinstance(value, bytes | bytearray) else repr(value))


def to_json(value: Any) -> str:
    r"""A value as one line of JSON, where signs that a terminal would obey are escaped.

    >>> to_json({"label": "猫\x9b\x1b"})
    '{"label": "猫\\u009b\\u001b"}'
    """
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)


def write_out(text: str) -> None:
    """Write text to stdout; a character that its encoding has not is escaped."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
