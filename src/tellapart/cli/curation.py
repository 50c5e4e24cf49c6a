"""Verbs that judge data: audit it, clean it, prepare it for a training."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tellapart.cli.arguments import POLICY_HELP, THRESHOLDS_HELP, add_source_options, new_parser, parse
from tellapart.cli.output import class_name, show
from tellapart.core.errors import ConfigError, pluralize
from tellapart.core.own_commands import own_command
from tellapart.core.progress import log
from tellapart.core.terminal import printable
from tellapart.data.source_options import SOURCE_OPTIONS

AUDIT_ONLY = ("out", "report", "no_pretrained", "thresholds", "fail_above")  # options that --known has no use for
NO_PRETRAINED_HELP = "let pixels alone decide, no pretrained network"
CORRECTIONS_HELP = "a CSV (file,keep,label), e.g. from the review page"


def audit_verb(words: list[str]) -> int:
    """``tellapart audit DATA``: look for all that is wrong with it. Status 1: more is flagged than allowed."""
    parser = new_parser(
        "audit",
        "Look for all that is wrong with a set of images, and say it.",
        example="tellapart audit photos --report audit.html",
    )
    add_source_options(parser)
    parser.add_argument("--out", help="the audit's folder; the same command goes on where it stopped")
    parser.add_argument("--report", help="also write an HTML page, e.g. audit.html")
    parser.add_argument("--no_pretrained", action="store_true", help=NO_PRETRAINED_HELP)
    parser.add_argument("--thresholds", type=dict[str, float], help=THRESHOLDS_HELP)
    parser.add_argument("--fail_above", type=int, help="exit with 1 if more images than this are flagged")
    parser.add_argument("--known", help="an audit's folder: is DATA, an image or a folder of them, in that set?")
    parser.add_argument("--add", action="store_true", help="with --known: remember those that are new")
    options, as_json = parse(parser, words)
    index, add = options.pop("known"), options.pop("add")
    if add and index is None:
        raise ConfigError("--add remembers what is new beside an audited set: name its folder with --known")
    if index is not None:
        return _look_up(index, options, add=add, as_json=as_json)
    options["pretrained"] = not options.pop("no_pretrained")
    from tellapart import audit

    limit = options.pop("fail_above")
    result = audit(**options)
    show(as_json, result, lambda: _findings_table(result, options))
    if limit is not None and result["flagged"] > limit:
        log(f"tellapart: {pluralize(result['flagged'], 'image')} flagged, more than {limit}")
        return 1
    return 0


def clean_verb(words: list[str]) -> int:
    """``tellapart clean DATA``: decide which images stay."""
    from tellapart.curation.policy import POLICY

    dropped = ", ".join(name for name, rule in POLICY.items() if rule == "drop")
    parser = new_parser(
        "clean",
        "Decide which images stay; nothing is deleted, and another policy undoes it. "
        f"By default these go: {dropped}. All else stays.",
        example="tellapart clean photos --out clean.parquet --review review.html",
    )
    add_source_options(parser)
    parser.add_argument("--out", required=True, help="the catalog to write, with keep and why for each image")
    parser.add_argument("--policy", help=POLICY_HELP)
    parser.add_argument("--review", help="also write an HTML page of what goes, to look at and correct")
    parser.add_argument("--corrections", help=CORRECTIONS_HELP)
    parser.add_argument("--audit", help="the audit's folder; by default that of the same data")
    parser.add_argument("--no_pretrained", action="store_true", help=NO_PRETRAINED_HELP)
    parser.add_argument("--thresholds", type=dict[str, float], help=THRESHOLDS_HELP)
    options, as_json = parse(parser, words)
    options["pretrained"] = not options.pop("no_pretrained")
    from tellapart import clean

    result = clean(**options)
    return show(as_json, result, lambda: _decisions_table(result, options["review"]))


def prepare_verb(words: list[str]) -> int:
    """``tellapart prepare DATA``: audit, clean, split and balance in one go."""
    parser = new_parser(
        "prepare",
        "Audit, clean, split and balance in one go, with pages to look at.",
        example="tellapart prepare photos --out prepared --balance over",
    )
    add_source_options(parser)
    parser.add_argument("--out", required=True, help="a folder: audit, report.html, review.html, prepared.parquet")
    parser.add_argument("--recipe", help="a packaged recipe that prepares data, e.g. illustrations")
    parser.add_argument("--policy", help=POLICY_HELP)
    parser.add_argument("--corrections", help=CORRECTIONS_HELP)
    parser.add_argument("--balance", help="over, under, target; by default the recipe's, or none")
    parser.add_argument("--count", type=int, help="images a class and epoch")
    parser.add_argument("--pretrained", type=bool, help="let a pretrained network help; default: as the recipe says")
    parser.add_argument("--no_pretrained", action="store_true", help="the same as --pretrained false")
    parser.add_argument("--thresholds", type=dict[str, float], help=THRESHOLDS_HELP)
    parser.add_argument("--seed", type=int, help="of the split and of who is shown once more")
    options, as_json = parse(parser, words)
    if options.pop("no_pretrained"):
        options["pretrained"] = False
    from tellapart import prepare

    result = prepare(**options)
    return show(as_json, result, lambda: _prepared_table(result, options["recipe"]))


def _look_up(index: str, options: dict[str, Any], *, add: bool, as_json: bool) -> int:
    """Print whether the images of DATA are in an audited set. Status 2: none of them can be read."""
    if unused := [option for option in AUDIT_ONLY if options[option]]:
        raise ConfigError(f"--known does not audit; it takes no --{unused[0].replace('_', '-')}")
    from tellapart.curation.lookup import lookup

    result = lookup(index, [options["data"]], add=add)
    show(as_json, result, lambda: _lookup_table(result))
    return 2 if all("error" in answer for answer in result["images"].values()) else 0


def _lookup_table(result: dict[str, Any]) -> str:
    lines = []
    for file, answer in result["images"].items():
        if "error" in answer:
            lines.append(f"{file}: {answer['error']}")
        elif not answer["known"]:
            lines.append(f"{file}: new")
        lines += [f"{file}: in the set as {like['file']}, {like['how']}" for like in answer.get("like", [])]
    lines = [printable(line) for line in lines]
    return "\n".join(
        [*lines, f"{pluralize(result['index'], 'image')} in the index, {result['added']} of them added now"]
    )


def _findings_table(result: dict[str, Any], options: dict[str, Any]) -> str:
    findings = result["findings"]
    width = max(map(len, findings))
    lines = [
        f"{pluralize(result['n'], 'image')} of {result['data']} ({result['task']})",
        *(f"note: {printable(note)}" for note in result["notes"]),
        "",
    ]
    sentences = [(name, printable(value["sentence"]), value["count"]) for name, value in findings.items()]
    flagged = [f"  {name:<{width}}  {sentence}" for name, sentence, count in sentences if count]
    passed = [f"  {name:<{width}}  {sentence}" for name, sentence, count in sentences if not count]
    lines += [*(flagged or ["  nothing was flagged"]), "", *passed, ""]
    report = [f"report    {options['report']}"] if options["report"] else ["look      add --report audit.html"]
    next_step = f"next      {own_command()} clean {_clean_arguments(options)}"
    return "\n".join([*lines, f"findings  {result['out']}", *report, next_step])


def _clean_arguments(options: dict[str, Any]) -> str:
    """The arguments with which ``tellapart clean`` finds the audit of these options again."""
    used = {name: options[name] for name in (*SOURCE_OPTIONS, "thresholds") if options[name] not in (None, "auto")}
    used |= {"audit": options["out"]} if options["out"] else {}
    values = {name: json.dumps(value) if name == "thresholds" else str(value) for name, value in used.items()}
    words = [shlex.quote(options["data"])]
    words += [f"--{name.replace('_', '-')} {shlex.quote(value)}" for name, value in values.items()]
    words += [] if options["pretrained"] else ["--no-pretrained"]
    return " ".join([*words, "--out clean.parquet --review review.html"])


def _decisions_table(result: dict[str, Any], review: str | None) -> str:
    lines = [f"{result['kept']:,} of {pluralize(result['images'], 'image')} stay: {result['out']}"]
    lines += [f"  {count:>6}  {class_name(name)}" for name, count in result["dropped"].items() if name != "by hand"]
    by_hand = [name for name in ("kept_by_hand", "dropped_by_hand", "relabelled") if result[name]]
    lines += [f"  {result[name]:>6}  {name.replace('_', ' ')}" for name in by_hand]
    lines += [f"look      {review}"] if review else ["look      add --review review.html"]
    return "\n".join([*lines, f"next      {own_command()} train {shlex.quote(result['out'])}"])


def _prepared_table(result: dict[str, Any], recipe: str | None) -> str:
    cleaned, parts = result["clean"], result["split"]
    recipe_option = f" --recipe {recipe}" if recipe else ""
    notes = "".join(f"note: {note}\n" for note in result["notes"])
    return (
        f"{notes}{cleaned['kept']:,} of {pluralize(cleaned['images'], 'image')} stay; "
        f"train {parts['train']:,}, val {parts['val']:,}, test {parts['test']:,}\n"
        f"look      {result['report']}\nreview    {result['review']}\n"
        f"next      {own_command()} train {shlex.quote(result['catalog'])}{recipe_option}"
    )
