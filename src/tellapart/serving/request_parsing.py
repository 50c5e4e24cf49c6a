"""What a request asks: the images in its body, whichever way they were sent, and the words beside them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from tellapart.serving.http_errors import HTTPError
from tellapart.serving.settings import Settings

_HOW = 'send multipart files, an image as the body, or JSON: {"images": ["base64", ...]}'
_WORDS = 1000  # bytes of a field that is no image


@dataclass(frozen=True)
class ParsedRequest:
    """Names and bytes of the images, and the other fields."""

    images: list[tuple[str, bytes]]
    words: Mapping[str, str]


async def parse_request(request: Request, settings: Settings) -> ParsedRequest:
    """Read a request's body.

    A name is only repeated in the answer: no file of it is opened and no address fetched.

    Raises:
        HTTPError: it is malformed, or holds no image or too many.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            result = await _multipart(request, settings)
        elif kind == "application/json":
            result = await asyncio.to_thread(_json, await request.body(), settings)
        elif kind.startswith("image/") or kind in ("", "application/octet-stream"):
            body = await request.body()
            result = ParsedRequest([("image", body)] if body else [], dict(request.query_params))
        else:
            raise HTTPError(415, "unknown_kind", f"a body of the kind {kind[:60]!r}", _HOW)
    except ClientDisconnect as error:
        raise HTTPError(400, "cut_off", "the request ended before its body", "send it again") from error
    if not result.images:
        raise HTTPError(400, "no_image", "the request holds no image", _HOW)
    if len(result.images) > settings.images:
        raise _too_many(settings)
    return result


def _too_many(settings: Settings) -> HTTPError:
    return HTTPError(413, "too_many", f"a request may hold {settings.images} images", "send them in several requests")


async def _multipart(request: Request, settings: Settings) -> ParsedRequest:
    malformed = HTTPError(400, "malformed", "the multipart body is not one", _HOW)
    try:
        parser = MultiPartParser(
            request.headers, request.stream(), max_files=settings.images, max_fields=16, max_part_size=_WORDS
        )
        form = await parser.parse()
    except (HTTPError, ClientDisconnect):
        raise
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise _too_many(settings) from error
        raise malformed from error
    except Exception as error:  # a parser of foreign bytes: whatever it trips over, the bytes are to blame
        raise malformed from error
    try:
        images, words = [], {}
        for field, value in form.multi_items():
            if isinstance(value, UploadFile):
                images.append((_name(value.filename), await value.read()))
            else:
                words[field] = value
        return ParsedRequest(images, words)
    finally:
        await form.close()


def _json(body: bytes, settings: Settings) -> ParsedRequest:
    malformed = HTTPError(400, "malformed", "the body is not JSON as described", _HOW)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise malformed from error
    if not isinstance(value, dict):
        raise malformed
    given = value.pop("images", value.pop("image", None))
    if isinstance(given, str | dict):
        given = [given]
    if not isinstance(given, list):
        raise malformed
    if len(given) > settings.images:
        raise _too_many(settings)
    images = [_from_base64(each, place) for place, each in enumerate(given)]
    words = {str(key): str(text).lower() if isinstance(text, bool) else text for key, text in value.items()
             if isinstance(text, str | bool)}  # fmt: skip
    return ParsedRequest(images, words)


def _from_base64(value: Any, place: int) -> tuple[str, bytes]:
    name = f"image {place}"
    if isinstance(value, dict):
        name, value = _name(value.get("name", name)), value.get("data")
    refused = HTTPError(400, "malformed", f"image {place} is not base64 (an address or a path is never followed)", _HOW)
    if not isinstance(value, str):
        raise refused
    if value.startswith("data:"):
        value = value.partition(",")[2]
    try:
        return name, base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise refused from error


def _name(given: Any) -> str:
    """A file's name as far as it can be repeated."""
    text = "".join(letter for letter in str(given or "image") if letter.isprintable())
    return text.encode("utf-8", "replace").decode()[:200] or "image"
