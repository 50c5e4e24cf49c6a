"""Verbs on drawn CAPTCHAs: generate them, measure how strong they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tellapart.cli.arguments import ON_HELP, add_label_options, new_parser, parse
from tellapart.cli.output import show
from tellapart.core.errors import ConfigError, pluralize
from tellapart.data.source_options import LABEL_OPTIONS

if TYPE_CHECKING:
    from tellapart.pipelines.strength import StrengthResult


def generate_verb(words: list[str]) -> int:
    """``tellapart generate``: draw CAPTCHAs for training."""
    parser = new_parser(
        "generate",
        "Draw CAPTCHAs: the same image for the same seed on any machine.",
        example="tellapart generate --scheme digits --n 20 --out drawn --grid samples.png",
    )
    parser.add_argument("--scheme", help="random, characters, classic, plain, digits, or a YAML file")
    parser.add_argument("--like", help="instead: labelled CAPTCHAs of yours; a scheme that looks like them is searched")
    add_label_options(parser)
    parser.add_argument("--n", type=int, required=True, help="how many")
    parser.add_argument("--out", required=True, help="a folder, or FILE.parquet")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices")
    parser.add_argument("--grid", help="also a PNG with samples and their texts")
    parser.add_argument("--workers", type=int, help="processes; by default one a core, at most four")
    parser.add_argument("--on", help=ON_HELP)
    options, as_json = parse(parser, words)
    options = _without_defaults(options)
    from tellapart import generate

    result = generate(options.pop("scheme"), n := options.pop("n"), options.pop("out"), **options, progress=True)
    prose = f"{pluralize(n, 'image')} of {result['scheme']} in {result['out']} ({result['images_per_second']} a second)"
    return show(as_json, result, lambda: prose, samples=options["grid"])


def strength_verb(words: list[str]) -> int:
    """``tellapart strength DATA|SCHEME``: how strong a CAPTCHA is."""
    parser = new_parser(
        "strength",
        "What an attacker with so many labels reads of a CAPTCHA that you own or may test. A stopped one goes on with "
        "the same command. A scheme is drawn: so many labels, and 1,000 images that judge.",
        example="tellapart strength digits --out strength --labels 0,50 --no-changes --report strength.html",
    )
    parser.add_argument("target", help="labelled images, a named scheme, or a scheme's YAML file")
    parser.add_argument("--out", required=True, help="a folder for what is drawn and trained")
    parser.add_argument(
        "--labels",
        default="0,50,100,200,500,1000",
        help="how many the attacker has, with commas between: 0, or 8 and more",
    )
    parser.add_argument(
        "--no_changes", action="store_true", help="of a scheme, do not attack changes of it too, each with 200 labels"
    )
    parser.add_argument(
        "--no_self_taught", action="store_true", help="without labels, the shipped reader as it is alone: takes seconds"
    )
    parser.add_argument("--report", help="an HTML page to write")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices")
    add_label_options(parser)
    options, as_json = parse(parser, words)
    from tellapart import strength

    labels, changes = _label_counts(options.pop("labels")), not options.pop("no_changes")
    options["self_taught"] = not options.pop("no_self_taught")
    options = _without_defaults(options)
    result = strength(options.pop("target"), labels=labels, changes=changes, **options)
    return show(as_json, result, lambda: _curve_table(result), folder=options["out"], report=options["report"])


def _without_defaults(options: dict[str, Any]) -> dict[str, Any]:
    """The options without those on labels that were not given: a scheme's pictures have no use for them.

    >>> _without_defaults({"seed": 0, "label_from": "auto", "label_column": "text", "group_by": None})
    {'seed': 0, 'label_column': 'text'}
    """
    return {name: value for name, value in options.items() if name not in LABEL_OPTIONS or value not in (None, "auto")}


def _label_counts(text: str) -> list[int]:
    """The numbers of ``--labels``.

    >>> _label_counts("0,50, 200")
    [0, 50, 200]

    Raises:
        ConfigError: something else than whole numbers stands there.
    """
    try:
        return [int(number) for number in text.split(",") if number.strip()]
    except ValueError as error:
        raise ConfigError(f"labels {text!r}: give whole numbers with commas between, such as 0,50,200") from error


def _curve_table(result: StrengthResult) -> str:
    from tellapart.pipelines.strength.page import budget

    rows = [("labels", "texts read", "95 % interval", "training")]
    for step in result["curve"]:
        share, (low, high) = step["exact_match"]["value"], step["exact_match"]["ci95"]
        rows.append((budget(step), f"{share:.4f}", f"{low:.4f} to {high:.4f}", f"{step['seconds']:.0f} s"))
    rows += [(change["change"], f"{change['exact_match']['value']:.4f}", "", "") for change in result["changes"]]
    width = max(len(row[0]) for row in rows)
    table = [f"{a:<{width}}  {b:>10}  {c:>18}  {d:>8}".rstrip() for a, b, c, d in rows]
    judged = (
        f"Judged on {pluralize(result['n'], 'text')} that taught nothing; one is read when each of its characters is "
        "right, upper and lower case told apart."
    )
    advice = [f"- {sentence}" for sentence in result["advice"]]
    return "\n".join([result["verdict"], *advice, "", *table, "", judged])
