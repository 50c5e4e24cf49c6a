"""What lies in the place of an image or a table, by its first bytes: a pointer, a web page, another kind of file."""

from __future__ import annotations

import re

HEAD = 1024  # bytes that tell

_WEB_PAGE = re.compile(rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_DRAWING = re.compile(
    rb"\s*(?:<\?xml.{0,200}?\?>\s*|<!--.{0,500}?-->\s*|<!doctype svg[^>]*>\s*)*<svg\b", re.I | re.DOTALL
)
_XML = re.compile(rb"\s*<(?:\?xml\b|Error>)")
_JSON = re.compile(rb"\s*[{\[]\s*[\"{\[]")
_BASE64 = re.compile(rb"\s*(?:data:image/|/9j/[A-Za-z0-9+/]{8}|iVBORw0KGgo|R0lGOD(?:lh|dh)|UklGR[A-Za-z0-9+/]{8})")
_FILMS = (b"ftypmp4", b"ftypisom", b"ftypiso", b"ftypM4V", b"ftypqt", b"ftypavc1", b"ftyp3gp", b"ftypMSNV", b"moov")
_KINDS = (  # where they stand, the bytes, what it is
    (4, (b"ftypavif", b"ftypavis"), "an AVIF"),
    (4, (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1"), "a HEIC"),
    (0, (b"\xff\x0a", b"\0\0\0\x0cJXL "), "a JPEG XL"),
    (0, (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "), "a JPEG 2000"),
    (0, (b"8BPS",), "a Photoshop"),
    (0, (b"v/1\x01",), "an OpenEXR"),
    (0, (b"%PDF-",), "a PDF"),
    (0, (b"%!PS",), "a PostScript"),
    (128, (b"DICM",), "a DICOM"),
    (0, (b"SIMPLE  =",), "a FITS"),
    (0, (b"gimp xcf",), "a GIMP"),
    (0, (b"DDS ",), "a DDS"),
    (4, _FILMS, "a film"),
    (0, (b"\x1aE\xdf\xa3", b"FLV\x01"), "a film"),
)  # fmt: skip
_PACKED = (
    (b"PK\3\4", "a ZIP archive"), (b"\x1f\x8b\x08", "a gzip archive"), (b"7z\xbc\xaf'\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"), (b"BZh", "a bzip2 archive"), (b"\xfd7zXZ\0", "an xz archive"),
)  # fmt: skip


def stand_in(data: bytes, what: str) -> str | None:
    """What lies in the place of a file that was never fetched or unpacked, in words; None for anything else.

    Args:
        data: its first bytes, `HEAD` of them or more.
        what: what should lie there, such as ``image``.

    >>> stand_in(b"<html><body>404", "image")
    'a web page and not the image, as a failed download leaves it; fetch the image again'
    """
    head = data[:HEAD]
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return f"a Git LFS pointer and not the {what}; fetch the {what}s with git lfs pull"
    if _WEB_PAGE.match(head):
        return f"a web page and not the {what}, as a failed download leaves it; fetch the {what} again"
    packed = next((name for magic, name in _PACKED if head.startswith(magic)), None)
    return f"{packed} and not the {what}; unpack it" if packed else None


def message(data: bytes) -> str | None:
    """What a server answered in the place of an image, or an image as text, in words; None for anything else.

    Args:
        data: its first bytes, `HEAD` of them or more.

    >>> message(b'{"error": "not found"}')
    'a JSON text and not the image, as a failed download leaves it; fetch the image again'
    """
    head = data[:HEAD]
    if _BASE64.match(head):
        return "an image as text (base64) and not as bytes; decode it into a file"
    for kind, expression in (("an XML", _XML), ("a JSON", _JSON)):
        if expression.match(head):
            return f"{kind} text and not the image, as a failed download leaves it; fetch the image again"
    return None


def other_kind(data: bytes) -> str | None:
    """What kind of picture, document or film it is that is not read, such as ``a HEIC``; None where it is none.

    Args:
        data: its first bytes, `HEAD` of them or more.

    >>> other_kind(b"%PDF-1.7"), other_kind(b"<svg xmlns=''>"), other_kind(b"a,b")
    ('a PDF', 'an SVG', None)
    """
    if _DRAWING.match(data[:HEAD]):
        return "an SVG"
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return "a film"
    return next((name for start, magic, name in _KINDS if data[start : start + 16].startswith(magic)), None)
