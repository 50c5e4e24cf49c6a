"""The pages ``/`` and ``/docs``: what is served, and how it is asked, from the OpenAPI document. They load nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tellapart.serving.model_manager import LoadedModel
from tellapart.viz.html import Html, join, package_text, tag

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


def start_page(models: Iterable[LoadedModel]) -> str:
    """The models that answer, and where the rest is said."""
    cards = []
    for model in models:
        if model.bundle.task == "read":
            known = f"reads text of {len(model.bundle.charset.characters)} characters"
        elif model.bundle.task == "tag":
            known = f"says which of {len(model.bundle.labels)} tags a picture has: {_some(model.bundle.labels)}"
        else:
            known = f"tells {len(model.bundle.labels)} classes apart: {_some(model.bundle.labels)}"
        address = f"/v1/models/{model.name}/predict"
        cards.append(
            tag("section", [
                tag("h2", model.name), tag("p", [known, "; version ", tag("code", model.version)]),
                tag("form", [
                    tag("label", ["Pictures ", tag("input", type="file", name="image", multiple=True,
                                                  accept="image/*", required=True)]),
                    " ", tag("button", "Ask"),
                ], action=address, method="post", enctype="multipart/form-data"),
            ])
        )  # fmt: skip
    more = [("/docs", "how it is asked"), ("/openapi.json", "the same for programs"), ("/v1/models", "the models"),
            ("/metrics", "figures for Prometheus")]  # fmt: skip
    links = tag("ul", [tag("li", [tag("a", path, href=path), f": {what}"]) for path, what in more])
    return _page("tellapart", [tag("h1", "tellapart"), *cards, tag("h2", "More"), links])


def docs_page(document: Mapping[str, Any]) -> str:
    """Every address of an OpenAPI document, with its fields, an example and what is answered."""
    url = document["servers"][0]["url"]
    token = "security" in document
    parts: list[Any] = [
        tag("h1", "How the server is asked"), tag("p", document["info"]["description"]),
        tag("p", "Who is refused gets JSON with a code, the reason and what to do next. Each answer has an id in the "
                 "header X-Request-ID, which stands in the server's log too."),
    ]  # fmt: skip
    if token:
        parts.append(tag("p", ["Send the header ", tag("code", "Authorization: Bearer TOKEN"), "."]))
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.append(_operation(url, path, method, operation, token=token))
    parts.append(tag("p", [tag("a", "/openapi.json", href="/openapi.json"), " says all of this to programs."]))
    return _page("tellapart: how the server is asked", parts)


def _operation(url: str, path: str, method: str, operation: Mapping[str, Any], *, token: bool) -> Html:
    names = [each["schema"]["enum"] for each in operation.get("parameters", ()) if "enum" in each["schema"]]
    shown = path.replace("{name}", names[0][0] if names and names[0] else "NAME")
    parts: list[Any] = [
        tag("h2", [tag("span", method.upper(), class_="method"), " ", tag("code", path)]),
        tag("p", operation["summary"]),
    ]
    if names:
        parts.append(tag("p", ["name: ", _some(names[0])]))
    content = operation.get("requestBody", {}).get("content", {})
    rows = [
        tag("tr", [tag("td", tag("code", kind)), tag("td", _fields(body.get("schema", {})))])
        for kind, body in content.items()
    ]
    if rows:
        head = tag("tr", [tag("th", "the body as"), tag("th", "holds")])
        parts.append(tag("div", tag("table", [head, *rows]), class_="wide", tabindex="0", role="region",
                         aria_label=f"bodies of {path}"))  # fmt: skip
    parts += [tag("h3", "Example"), _code(_curl(url + shown, method, content, token=token))]
    for status, answer in operation["responses"].items():
        example = answer.get("content", {}).get("application/json", {}).get("example")
        parts.append(tag("p", [tag("b", status), f" {answer['description']}"]))
        if example is not None:
            parts.append(_code(json.dumps(example, indent=2, ensure_ascii=False)))
    return tag("section", parts)


def _fields(schema: Mapping[str, Any]) -> str:
    needed = schema.get("required", ())
    known = [f"{name} (needed)" if name in needed else name for name in schema.get("properties", {})]
    return ", ".join(known) or "one image"


def _curl(address: str, method: str, content: Mapping[str, Any], *, token: bool) -> str:
    words = ["curl"]
    if token:
        words.append("-H 'Authorization: Bearer TOKEN'")
    if method == "post":
        words.append("-F image=@a.png")
        properties = content.get("multipart/form-data", {}).get("schema", {}).get("properties", {})
        words += ["-F right=ANSWER"] if "right" in properties else []
    return " ".join([*words, address])


def _code(text: str) -> Html:
    return tag("pre", tag("code", text), tabindex="0")


def _some(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _page(title: str, parts: list[Any]) -> str:
    head = [
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", title), tag("style", Html(package_text("tellapart.serving", "docs_page.css"))),
    ]  # fmt: skip
    return "<!doctype html>\n" + join([tag("html", [tag("head", head), tag("body", tag("main", parts))], lang="en")])
