"""A comparison of models as one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tellapart.core.errors import pluralize
from tellapart.viz.html import Content, Html, document, join, name, table, tag

LEVEL = 0.05  # of McNemar's test


def page(result: Mapping[str, Any]) -> str:
    """Return the page's HTML.

    Args:
        result: what `tellapart.compare` returns.
    """
    score = "exact_match" if result["task"] == "read" else "accuracy"
    what = score.replace("_", " ")
    heads = ["model", what, "95 % interval", *(["macro-F1", "95 % interval"] if score == "accuracy" else [])]
    models = [
        [name(model["name"]), *_figure(model[score]), *(_figure(model["macro_f1"]) if "macro_f1" in model else [])]
        for model in result["models"]
    ]
    body = tag(
        "div",
        tag("main", tag("h1", "Models on the same images"), *(tag("p", verdict(pair)) for pair in result["pairs"]),
            tag("p", f"{pluralize(result['n'], 'image')} of {result['data']} (split: {result['split']})."),
            *(tag("p", note, class_="note") for note in result["notes"]),
            table(heads, models),
            *(tag("section", tag("h2", name(pair["second"]), " beside ", name(pair["first"])), _pair(pair, what))
              for pair in result["pairs"]),
            tag("section", tag("h2", "How it is told"), *(tag("p", line) for line in _methods())),
            id="content"),
        class_="whole",
    )  # fmt: skip
    return document("Models on the same images", body)


def verdict(pair: Mapping[str, Any]) -> str:
    """What a pair's difference says, in a sentence.

    >>> figure = {"value": 0.1, "ci95": [0.02, 0.18], "n": 100}
    >>> pair = {"first": "a", "second": "b", "difference": figure, "p_adjusted": 0.01}
    >>> verdict(pair)
    'b is right more often than a.'
    >>> verdict(pair | {"p_adjusted": 0.3, "difference": {"value": 0.1, "ci95": [-0.02, 0.18], "n": 100}})
    'Whether b or a is right more often cannot be told from chance.'
    """
    first, second = pair["first"], pair["second"]
    if pair["p_adjusted"] >= LEVEL:
        said = f"Whether {second} or {first} is right more often cannot be told from chance."
    else:
        said = f"{second} is right {'more' if pair['difference']['value'] > 0 else 'less'} often than {first}."
    low, high = pair["difference"]["ci95"]
    if (pair["p_adjusted"] < LEVEL) == (low > 0 or high < 0):
        return said
    return (
        f"{said} That is McNemar's exact test; the interval of the difference, by the bootstrap, is another measure "
        "and says otherwise."
    )


def _figure(figure: Mapping[str, Any]) -> list[str]:
    low, high = figure["ci95"]
    return [f"{figure['value']:.4f}", f"{low:.4f} to {high:.4f}"]


def _change(figure: Mapping[str, Any]) -> list[str]:
    low, high = figure["ci95"]
    return [f"{figure['value']:+.4f}", f"{low:+.4f} to {high:+.4f}"]


def _pair(pair: Mapping[str, Any], what: str) -> Html:
    rows: list[list[Content]] = [
        [what, *_change(pair["difference"]), f"{pair['p_value']:.4f}", f"{pair['p_adjusted']:.4f}"]
    ]
    if "macro_f1_difference" in pair:
        rows.append(["macro-F1", *_change(pair["macro_f1_difference"]), "", ""])
    counts = (
        f"{pair['only_first']:,} that only {pair['first']} has right, {pair['only_second']:,} that only "
        f"{pair['second']} has right."
    )
    kind, parts = ("length", pair["per_length"]) if "per_length" in pair else ("class", pair["per_class"])
    each: list[list[Content]] = [
        [name(key), f"{one['n']:,}", f"{one['first']:.3f}", f"{one['second']:.3f}", *_change(one["difference"]),
         f"{one['p_value']:.4f}", f"{one['p_adjusted']:.4f}"]
        for key, one in parts.items()
    ]  # fmt: skip
    marked = [number for number, one in enumerate(parts.values()) if one["p_adjusted"] < LEVEL]
    heads = [kind, "images", pair["first"], pair["second"], "difference", "95 % interval", "p", "p of all"]
    return join([
        table(["", "difference", "95 % interval", "p", "p of all"], rows), tag("p", counts), table(heads, each, marked),
    ])  # fmt: skip


def _methods() -> list[str]:
    return [
        "All models answer the same images, none of which any of them has met in its training.",
        "Intervals of differences: the paired bootstrap over images, bias-corrected and accelerated (Efron 1987).",
        "p: McNemar's exact test of the images that one model alone has right; p of all is raised for the number of "
        "models, or of classes (Holm 1979).",
        "A difference that cannot be told from chance need not be none: the interval says how large it may be.",
    ]
