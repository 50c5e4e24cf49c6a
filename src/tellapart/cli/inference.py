"""Verbs that make a model useful: its answers for images, and its bundle."""

from __future__ import annotations

import shlex
from typing import Any

from tellapart.cli.arguments import (
    ALPHABET_HELP,
    CSV_SAFE_HELP,
    DATA_HELP,
    DEVICE_HELP,
    INDEPENDENT_HELP,
    MODEL_HELP,
    ON_HELP,
    PATTERN_HELP,
    add_label_options,
    add_task_option,
    new_parser,
    parse,
)
from tellapart.cli.output import check_one_format, parts_prose, predictions_table, show, show_csv
from tellapart.core.errors import ConfigError, pluralize
from tellapart.core.own_commands import own_command

PLAIN = ("nbest", 1)
CSV_OPTIONS = ("csv", "csv_safe", "probabilities")


def predict_verb(words: list[str]) -> int:
    """``tellapart predict MODEL IMAGE ...``: answers for images. Status 2: none of them can be read."""
    parser = new_parser(
        "predict",
        "Answer for image files, folders, or standard input (-).",
        example="tellapart predict runs/photos new.jpg more --json",
    )
    parser.add_argument("model", help=MODEL_HELP)
    parser.add_argument("inputs", nargs="+", help="image files, folders, or - for standard input")
    parser.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument("--csv_safe", action="store_true", help=CSV_SAFE_HELP)
    parser.add_argument(
        "--probabilities", action="store_true", help="of a classifier: print CSV with the probability of every class"
    )
    parser.add_argument("--alphabet", help=ALPHABET_HELP)
    parser.add_argument("--pattern", help=PATTERN_HELP)
    parser.add_argument(
        "--tta", action="store_true", help="of a reader: look again, in five other views, where unsure; slower"
    )
    parser.add_argument("--device", default="auto", help=DEVICE_HELP)
    parser.add_argument("--independent", action="store_true", help=INDEPENDENT_HELP)
    parser.add_argument("--nbest", type=int, default=1, help="of a reader: so many readings an image, in JSON")
    parser.add_argument(
        "--server", help="ask this address instead, such as http://127.0.0.1:3000; MODEL is a name there"
    )
    parser.add_argument("--out", help="a folder or URL: answers as Parquet, part by part; DATA may be shards and URLs")
    parser.add_argument("--on", help=ON_HELP)
    options, as_json = parse(parser, words)
    check_one_format(as_json, {name: options[name] for name in CSV_OPTIONS})
    from tellapart import predict
    from tellapart.inference.predict import to_csv

    if options["out"] is not None:
        return _predict_parts(options, as_json)
    safe = options.pop("csv_safe")
    probabilities = options.pop("probabilities")
    as_csv = options.pop("csv") or safe or probabilities
    options = {name: value for name, value in options.items() if value not in (None, False) and (name, value) != PLAIN}
    predictions = predict(options.pop("model"), options.pop("inputs"), progress=True, **options)
    if as_csv:
        show_csv(to_csv(predictions, safe=safe, probabilities=probabilities))
    else:
        rows = [prediction.to_json() for prediction in predictions]
        show(as_json, {"predictions": rows}, lambda: predictions_table(rows))
    # One good answer is enough: a folder with a bad file in it is not unusable input.
    return 2 if all(prediction.error for prediction in predictions) else 0


def _predict_parts(options: dict[str, Any], as_json: bool) -> int:
    from tellapart import predict

    if options.pop("csv") | options.pop("csv_safe") | options.pop("probabilities"):
        raise ConfigError("csv: with --out the answers are written as Parquet; leave out --csv")
    result = predict(options.pop("model"), options.pop("inputs"), **options)
    return show(as_json, result, lambda: parts_prose(result))


def embed_verb(words: list[str]) -> int:
    """``tellapart embed MODEL DATA``: the features of every image."""
    parser = new_parser(
        "embed",
        "The features of every image, as a network sees it; the same command goes on where it stopped.",
        example="tellapart embed tf_efficientnet_lite0 photos --out photos.npy --dtype float16",
    )
    parser.add_argument("model", help="a run, a bundle, or a timm backbone such as tf_efficientnet_lite0")
    parser.add_argument("data", help=DATA_HELP)
    add_task_option(parser)
    add_label_options(parser)
    parser.add_argument("--out", required=True, help="FILE.parquet, FILE.npy, or a folder or URL for a file a part")
    parser.add_argument("--dtype", default="float32", help="float32 or float16")
    parser.add_argument("--on", help=ON_HELP)
    options, as_json = parse(parser, words)
    from tellapart import embed

    result = embed(options.pop("model"), options.pop("data"), **options)
    return show(as_json, result, lambda: parts_prose(result))


def next_verb(words: list[str]) -> int:
    """``tellapart next MODEL POOL``: which unlabelled images to label next."""
    parser = new_parser(
        "next",
        "Choose the unlabelled images whose labels would teach a model most; write a table to fill in, and a page.",
        example="tellapart next runs/photos unlabelled --n 50",
    )
    parser.add_argument("model", help=MODEL_HELP)
    parser.add_argument(
        "pool", help="a folder of images at any depth, or a source or catalog whose labels are not used"
    )
    parser.add_argument("--n", type=int, default=50, help="how many images")
    parser.add_argument("--out", default="next.csv", help="the table, .csv; a page with the pictures lies beside it")
    parser.add_argument("--alphabet", help=ALPHABET_HELP)
    parser.add_argument("--pattern", help=PATTERN_HELP)
    parser.add_argument("--device", default="auto", help=DEVICE_HELP)
    options, as_json = parse(parser, words)
    from tellapart import next as choose

    model, pool = options.pop("model"), options.pop("pool")
    result = choose(model, pool, **options)
    return show(as_json, result, lambda: _next_prose(result))


def _next_prose(result: dict[str, Any]) -> str:
    """What was chosen, and what to do with it."""
    passed = [
        f"{result[name]:,} {what}"
        for name, what in (
            ("met", "met in the training"),
            ("copies", "copies of others"),
            ("unreadable", "unreadable"),
        )
        if result[name]
    ]
    lines = [f"{result['n']:,} of {pluralize(result['pool'], 'image')}" + (f" ({', '.join(passed)})" if passed else "")]
    lines += [
        f"table     {result['table']}",
        f"page      {result['page']}",
        f"next      fill in the table's labels, then: {own_command()} train DATA {shlex.quote(result['table'])}",
    ]
    return "\n".join(lines)


def export_verb(words: list[str]) -> int:
    """``tellapart export RUN``: pack a run as a bundle."""
    parser = new_parser(
        "export",
        "Pack a finished run as a bundle, after comparing it with the trained model.",
        example="tellapart export runs/photos --out photos-bundle",
    )
    parser.add_argument("run", help="a run folder")
    parser.add_argument("--out", help="the bundle's folder; by default RUN/bundle")
    parser.add_argument("--weights", action="store_true", help="also the weights, so that a training can start from it")
    parser.add_argument("--checkpoint", help="last, best or a file: that network instead; it needs an --out")
    parser.add_argument(
        "--int8",
        action="store_true",
        help="whole numbers of 8 bits, calibrated on training images: a quarter of the size, quicker on a CPU; it "
        "needs an --out",
    )
    parser.add_argument("--fp16", action="store_true", help="floats of 16 bits: half the size; it needs an --out")
    options, as_json = parse(parser, words)
    from tellapart import export

    lower = {"int8": options.pop("int8"), "float16": options.pop("fp16")}
    if all(lower.values()):
        raise ConfigError("int8 and fp16: a graph has one precision; give one of them")
    options["precision"] = next((kind for kind, wanted in lower.items() if wanted), None)
    bundle = export(options.pop("run"), **options)
    document = bundle.manifest.to_json()
    result = {"bundle": str(bundle.path), "parity": document["parity"]}
    next_step = f"next      {own_command()} predict {shlex.quote(str(bundle.path))} IMAGE ..."
    lowered = document.get("precision")
    if lowered is None:
        return show(as_json, result, lambda: f"{_parity_prose(result)}\n{next_step}")
    shares = f"{lowered['after']:.4f} right, in float32 {lowered['before']:.4f}"
    prose = f"{lowered['kind']}: of {lowered['n']:,} validation images {shares}"
    return show(as_json, {**result, "precision": lowered}, lambda: f"{_parity_prose(result)}\n{prose}\n{next_step}")


def ensemble_verb(words: list[str]) -> int:
    """``tellapart ensemble MODEL MODEL ...``: models that exist already as one bundle."""
    parser = new_parser(
        "ensemble",
        "Pack models that exist already as one bundle, which answers by the mean of their probabilities.",
        example="tellapart ensemble runs/a runs/b --out both",
    )
    parser.add_argument("models", nargs="+", help="runs or bundles of the same task, and classes or characters")
    parser.add_argument("--out", required=True, help="the bundle's folder")
    parser.add_argument("--weights", action="store_true", help="also those of the first, so that a training can start")
    options, as_json = parse(parser, words)
    from tellapart import ensemble

    models = options.pop("models")
    bundle = ensemble(models, **options)
    result = {"bundle": str(bundle.path), "parity": bundle.manifest.to_json()["parity"]}
    names = shlex.join([*models, str(bundle.path)])
    return show(
        as_json, result, lambda: f"{_parity_prose(result)}\nnext      {own_command()} compare {names} --data LABELLED"
    )


def _parity_prose(result: dict[str, Any]) -> str:
    """What was compared before a bundle was written."""
    parity = result["parity"]
    return (
        f"bundle    {result['bundle']}\n"
        f"answers as the trained model: {parity['compared']} comparisons on {parity['images']} images, 0 different "
        f"answers, largest difference of a probability {parity['largest_difference']:.1e}"
    )
