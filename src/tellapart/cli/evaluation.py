"""Verbs on a model and data: evaluate it, map the data, explain an answer, watch for drift."""

from __future__ import annotations

from typing import Any

from tellapart.cli.arguments import (
    CSV_SAFE_HELP,
    DEVICE_HELP,
    INDEPENDENT_HELP,
    MODEL_HELP,
    ON_HELP,
    PATTERN_HELP,
    add_source_options,
    new_parser,
    parse,
)
from tellapart.cli.output import check_one_format, scores_csv, scores_table, show, show_csv
from tellapart.core.errors import pluralize


def evaluate_verb(words: list[str]) -> int:
    """``tellapart evaluate MODEL DATA``: every figure with its interval."""
    parser = new_parser(
        "evaluate",
        "Score a model's answers; every figure with its 95 % interval.",
        example="tellapart evaluate runs/photos photos --report report.html",
    )
    parser.add_argument("model", help=MODEL_HELP)
    add_source_options(parser, task=False)
    parser.add_argument("--split", help="train, val, test or all")
    parser.add_argument("--out", help="write the report as JSON")
    parser.add_argument("--alphabet", help="of a reader: the only characters that a text may hold")
    parser.add_argument("--pattern", help=PATTERN_HELP)
    parser.add_argument("--device", default="auto", help=DEVICE_HELP)
    parser.add_argument("--independent", action="store_true", help=INDEPENDENT_HELP)
    parser.add_argument("--tta", action="store_true", help="of a reader: look again, in five other views, where unsure")
    parser.add_argument("--picture", help="a PNG: the confusion; of a reader samples, errors by position, confusions")
    parser.add_argument("--report", help="an HTML page that stands alone: figures in words, curves, mistakes")
    parser.add_argument(
        "--corruptions",
        action="store_true",
        help="also how much of it is right on worse pictures: seven kinds, five severities",
    )
    parser.add_argument("--corruption_sample", type=int, default=200, help="on so many of the images, 36 times each")
    parser.add_argument("--on", help=ON_HELP)
    parser.add_argument("--parts", help="with --on: a folder or URL that all machines see, for the answers")
    parser.add_argument("--fail_below", type=float, help="exit with 1 if a smaller share of answers is right")
    parser.add_argument(
        "--csv", action="store_true", help="print CSV: the report of classes or tags; of a reader the figures"
    )
    parser.add_argument("--csv_safe", action="store_true", help=CSV_SAFE_HELP)
    options, as_json = parse(parser, words, defaults=False)
    from tellapart import evaluate
    from tellapart.core.progress import log
    from tellapart.pipelines.evaluate import right_share

    safe = options.pop("csv_safe", False)
    as_csv = options.pop("csv", False)
    check_one_format(as_json, {"csv": as_csv, "csv_safe": safe})
    least = options.pop("fail_below", 0.0)
    result = evaluate(options.pop("model"), options.pop("data"), **options)
    if as_csv or safe:
        show_csv(scores_csv(result, safe=safe))
    else:
        files = {"json": options.get("out"), "report": options.get("report"), "picture": options.get("picture")}
        show(as_json, result, lambda: scores_table(result), **files)
    name, value = right_share(result)
    if value < least:
        log(f"tellapart: {name} {value:.4f} is below {least:g}")
        return 1
    return 0


def map_verb(words: list[str]) -> int:
    """``tellapart map MODEL DATA``: draw a set as a map."""
    parser = new_parser(
        "map",
        "Draw a set as a map: alike images near each other, as a page, a picture and a file.",
        example="tellapart map runs/photos photos --out map.html",
    )
    parser.add_argument("model", help="a run, a bundle, or a timm backbone such as tf_efficientnet_lite0")
    add_source_options(parser, task=False)
    parser.add_argument("--out", required=True, help="the page, .html; .png and .parquet lie beside it")
    parser.add_argument("--method", default="tsne", help="tsne or umap")
    parser.add_argument("--colour", help="label, group or split; by default the groups where there are any")
    parser.add_argument("--split", help="only train, val or test")
    parser.add_argument("--perplexity", type=float, help="about how many neighbours count")
    parser.add_argument("--on", help="an older map's .parquet: these images are placed on it")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices")
    options, as_json = parse(parser, words)
    from tellapart import map as draw_map

    result = draw_map(options.pop("model"), options.pop("data"), **options)
    files = {"page": result["page"], "picture": result["picture"], "map": result["map"]}
    return show(as_json, result, lambda: pluralize(result["n"], "image"), **files)


def explain_verb(words: list[str]) -> int:
    """``tellapart explain MODEL IMAGE``: what of a picture the answer hangs on."""
    parser = new_parser(
        "explain",
        "Where did it look? What of a picture the answer hangs on, checked by deletion.",
        example="tellapart explain runs/photos photo.jpg --out where.png",
    )
    parser.add_argument("model", help=MODEL_HELP)
    parser.add_argument("image", help="an image file")
    parser.add_argument("--out", help="a PNG: the picture, and beside it what mattered")
    parser.add_argument("--masks", type=int, default=1000, help="how often the picture is shown in parts")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices")
    options, as_json = parse(parser, words)
    from tellapart import explain

    result = explain(options.pop("model"), options.pop("image"), **options)
    verdict = "convincing" if result["convincing"] else "NOT convincing: do not believe the picture"
    prose = (
        f"{result['answer']}  {result['confidence']:.3f}\n"
        f"while what matters is taken away the answer's probability is {result['deletion']:.3f} on the mean, "
        f"by chance {result['by_chance']:.3f}: {verdict}"
    )
    return show(as_json, result, lambda: prose, picture=options["out"])


def drift_verb(words: list[str]) -> int:
    """``tellapart drift MODEL IMAGES``: has the input changed? Status 1: it has."""
    parser = new_parser(
        "drift",
        "Has the input changed since the model was packed? Exit status 1 if it has.",
        example="tellapart drift runs/photos new-photos --report drift.html",
    )
    parser.add_argument("model", help=MODEL_HELP)
    parser.add_argument("window", help="new images: a folder, or any labelled source")
    parser.add_argument("--alpha", type=float, default=0.01, help="false alarms, as a share of unchanged windows")
    parser.add_argument("--report", help="an HTML page to write")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices")
    options, as_json = parse(parser, words)
    from tellapart import drift

    result = drift(options.pop("model"), options.pop("window"), **options)
    show(as_json, result, lambda: _drift_table(result), report=options["report"])
    return 1 if result["drift"] else 0


def _drift_table(result: dict[str, Any]) -> str:
    lines = [f"{result['n']:,} images beside {result['n_reference']:,} of the reference", ""]
    for check in result["checks"]:
        mark = "changed" if check["found"] else ""
        line = f"{check['check']:<12} distance {check['distance']:.3f}   p {check['adjusted']:.4f}  {mark}"
        lines.append(line.rstrip())
    return "\n".join([*lines, "", "changed" if result["drift"] else "no change that could be told from chance"])
