"""The server's interface as an OpenAPI 3.1 document, with examples of the models that it serves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tellapart.inference.prediction import ANSWER
from tellapart.serving.model_manager import LoadedModel
from tellapart.serving.settings import Settings

_IMAGE = {"type": "string", "contentMediaType": "application/octet-stream"}
_BASE64 = {"type": "string", "contentEncoding": "base64"}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {"type": "object", "properties": {each: {"type": "string"} for each in ("code", "reason", "next")}}
    },
}


def openapi(models: Iterable[LoadedModel], settings: Settings, url: str) -> dict[str, Any]:
    """The description of every address, as an OpenAPI document.

    Args:
        models: those that are served.
        settings: of the server; its limits stand in the document.
        url: where the server is reached.
    """
    models = list(models)
    name = {
        "name": "name", "in": "path", "required": True,
        "schema": {"type": "string", "enum": [model.name for model in models]},
    }  # fmt: skip
    paths = {
        "/v1/models": {"get": _operation("The models", {"models": [{"name": model.name} for model in models]})},
        "/v1/models/{name}": {"get": _operation("One model", {"name": "..."}, name)},
        "/v1/models/{name}/predict": {
            "post": _operation("Answers for images, in their order", _example(models), name)
            | {"requestBody": _prediction_body(settings)}
        },
        "/v1/models/{name}/correct": {
            "post": _operation("Keep the right answer of an image", {"kept": True, "right": "cat"}, name, "201")
            | {"requestBody": _correction_body()}
        },
    }
    info = {
        "title": "tellapart",
        "version": "1",
        "description": f"At most {settings.images} images and {settings.request_bytes:,} bytes a request.",
    }
    document: dict[str, Any] = {
        "openapi": "3.1.0", "info": info, "servers": [{"url": url.rstrip("/")}], "paths": paths,
        "components": {"schemas": {"Error": _ERROR}},
    }  # fmt: skip
    if settings.token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _prediction_body(settings: Settings) -> dict[str, Any]:
    one = {"anyOf": [_BASE64, {"type": "object", "properties": {"name": {"type": "string"}, "data": _BASE64}}]}
    images = {"type": "array", "maxItems": settings.images, "items": one}
    files = {"type": "array", "maxItems": settings.images, "items": _IMAGE}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "properties": {"image": files}}},
            "application/json": {
                "schema": {"type": "object", "required": ["images"], "properties": {"images": images}},
                "example": {"images": [{"name": "a.png", "data": "iVBORw0KGgo..."}]},
            },
            "image/png": {"schema": _IMAGE},
            "image/jpeg": {"schema": _IMAGE},
        },
    }


def _correction_body() -> dict[str, Any]:
    return {
        "required": True,
        "content": {"multipart/form-data": {"schema": {
            "type": "object",
            "required": ["image", "right"],
            "properties": {
                "image": _IMAGE, "right": {"type": "string"}, "answer": {"type": "string"},
                "new_label": {"type": "boolean", "default": False,
                              "description": "keep a right answer that the model cannot give"},
            },
        }}},
    }  # fmt: skip


def _operation(summary: str, example: Any, name: dict[str, Any] | None = None, status: str = "200") -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "summary": summary,
        "parameters": [name] if name else [],
        "responses": {
            status: {"description": summary, "content": {"application/json": {"example": example}}},
            "4XX": {"description": "what is wrong with the request, and what to do", "content": error},
            "503": {
                "description": "busy; Retry-After says for how many seconds",
                "headers": {"Retry-After": {"schema": {"type": "integer"}}},
                "content": error,
            },
        },
    }


def _example(models: list[LoadedModel]) -> dict[str, Any]:
    model = models[0]
    row: dict[str, Any] = {"file": "a.png", "confidence": 0.98}
    if model.bundle.task == "read":
        row |= {"text": "w3bm", "characters": [{"character": "w", "confidence": 0.99}]}
    else:
        answer = model.bundle.labels[:1] if model.bundle.task == "tag" else model.bundle.labels[0]
        row |= {ANSWER[model.bundle.task]: answer, "probabilities": {model.bundle.labels[0]: 0.98}}
    return {"model": model.name, "version": model.version, "predictions": [row]}
