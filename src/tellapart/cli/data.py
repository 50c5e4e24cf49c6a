"""Verbs on data: look at it, clean it, split it."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tellapart.cli.words import data_options, new_parser, parse, show, summary, table_of
from tellapart.core.errors import ConfigError, pluralize
from tellapart.core.progress import log

SHOWN = 40  # classes, of all; --json has the rest
SOURCE = ("task", "coarse_labels", "label_from", "file_column", "label_column", "group_by")  # how DATA is read
WHOLE = ("out", "report", "no_pretrained", "thresholds", "fail_above")  # what only a whole audit heeds
THRESHOLDS = 'check to threshold, e.g. {"near_duplicates": 0.98}'
POLICY_FILE = "a YAML file, check to drop, keep or {drop_above: score}; what it does not name is as by default"


def catalog_verb(words: list[str]) -> int:
    parser = new_parser("catalog", "Look at every image of a data set once and write the catalog.")
    data_options(parser)
    parser.add_argument("--out", required=True, help="the catalog to write, e.g. data.parquet")
    given, as_json = parse(parser, words)
    from tellapart import catalog

    result = catalog(**given)
    held = summary(result)
    return show(as_json, {"out": str(given["out"]), **held}, lambda: table_of(held))


def split_verb(words: list[str]) -> int:
    parser = new_parser("split", "Assign train, val and test; duplicates and near-duplicates never cross.")
    data_options(parser)
    parser.add_argument("--out", required=True, help="the catalog to write, with its split column")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fractions", type=list[float], default=[0.7, 0.15, 0.15], help="train, val, test")
    given, as_json = parse(parser, words)
    from tellapart import split

    result = split(**given)
    held = summary(result)
    return show(as_json, {"out": str(given["out"]), **held}, lambda: table_of(held))


def summary_verb(words: list[str]) -> int:
    """tellapart summary DATA."""
    parser = new_parser("summary", "Count images, classes and bytes, and measure a few; nothing is decoded.")
    data_options(parser)
    given, as_json = parse(parser, words)
    from tellapart import summary as count

    held = count(given.pop("data"), **given)
    return show(as_json, held, lambda: _summary_table(held))


def audit_verb(words: list[str]) -> int:
    """tellapart audit DATA."""
    parser = new_parser("audit", "Look for all that is wrong with a set of images, and say it.")
    data_options(parser)
    parser.add_argument("--out", help="the audit's folder; the same command goes on where it stopped")
    parser.add_argument("--report", help="also write an HTML page, e.g. audit.html")
    parser.add_argument("--no_pretrained", action="store_true", help="let pixels alone decide, no pretrained network")
    parser.add_argument("--thresholds", type=dict[str, float], help=THRESHOLDS)
    parser.add_argument("--fail_above", type=int, help="exit with 1 if more images than this are flagged")
    parser.add_argument("--known", help="an audit's folder: is DATA, an image or a folder of them, in that set?")
    parser.add_argument("--add", action="store_true", help="with --known: remember those that are new")
    given, as_json = parse(parser, words)
    index, add = given.pop("known"), given.pop("add")
    if add and index is None:
        raise ConfigError("--add remembers what is new beside an audited set: name its folder with --known")
    if index is not None:
        if odd := [other for other in WHOLE if given[other]]:
            raise ConfigError(f"--known does not audit; it takes no --{odd[0].replace('_', '-')}")
        from tellapart.curation.lookup import lookup

        found = lookup(index, [given["data"]], add=add)
        show(as_json, found, lambda: _known_table(found))
        return 2 if all("error" in answer for answer in found["images"].values()) else 0
    given["pretrained"] = not given.pop("no_pretrained")
    from tellapart import audit

    limit = given.pop("fail_above")
    result = audit(**given)
    show(as_json, result, lambda: _findings_table(result, given))
    if limit is not None and result["flagged"] > limit:
        log(f"tellapart: {pluralize(result['flagged'], 'image')} flagged, more than {limit}")
        return 1
    return 0


def clean_verb(words: list[str]) -> int:
    """tellapart clean DATA."""
    from tellapart.curation.clean import POLICY

    ours = ", ".join(name for name, rule in POLICY.items() if rule == "drop")
    parser = new_parser("clean", "Decide which images stay; nothing is deleted, and another policy undoes it. "
                        f"By default these go: {ours}. All else stays.")  # fmt: skip
    data_options(parser)
    parser.add_argument("--out", required=True, help="the catalog to write, with keep and why for each image")
    parser.add_argument("--policy", help=POLICY_FILE)
    parser.add_argument("--review", help="also write an HTML page of what goes, to look at and correct")
    parser.add_argument("--corrections", help="a CSV (file,keep,label), e.g. from the review page")
    parser.add_argument("--audit", help="the audit's folder; by default that of the same data")
    parser.add_argument("--no_pretrained", action="store_true", help="let pixels alone decide, no pretrained network")
    parser.add_argument("--thresholds", type=dict[str, float], help=THRESHOLDS)
    given, as_json = parse(parser, words)
    given["pretrained"] = not given.pop("no_pretrained")
    from tellapart import clean

    result = clean(**given)

    def prose() -> str:
        lines = [f"{result['kept']:,} of {pluralize(result['images'], 'image')} stay: {result['out']}"]
        lines += [f"  {count:>6}  {_named(name)}" for name, count in result["dropped"].items() if name != "by hand"]
        lines += [f"  {result[name]:>6}  {name.replace('_', ' ')}" for name in
                  ("kept_by_hand", "dropped_by_hand", "relabelled") if result[name]]  # fmt: skip
        lines += [f"look      {given['review']}"] if given["review"] else ["look      add --review review.html"]
        return "\n".join([*lines, f"next      tellapart train {shlex.quote(result['out'])}"])

    return show(as_json, result, prose)


def balance_verb(words: list[str]) -> int:
    """tellapart balance DATA."""
    parser = new_parser("balance", "Even out the classes of the train part; validation and test stay as they are.")
    data_options(parser)
    parser.add_argument("--out", help="the catalog to write; not needed for weights")
    parser.add_argument("--method", default="over", help="over, under, target or weights")
    parser.add_argument("--count", type=int, help="images a class and epoch; target needs it")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of who is shown once more")
    given, as_json = parse(parser, words)
    from tellapart import balance

    result = balance(**given)

    def prose() -> str:
        classes = [(_named(name), value) for name, value in list(result["classes"].items())[:SHOWN]]
        width = max(5, *(len(name) for name, _ in classes))
        lines = [f"{'class':<{width}}  train  epoch  weight"]
        lines += [f"{name:<{width}}  {value['train']:>5}  {value['epoch']:>5}  {value['weight']:.3f}"
                  for name, value in classes]  # fmt: skip
        return "\n".join([*lines, *_more(result["classes"]), *(f"note: {note}" for note in result["notes"])])

    return show(as_json, result, prose)


def tidy_verb(words: list[str]) -> int:
    """tellapart tidy DATA."""
    parser = new_parser("tidy", "A regular copy by hard links, with clear names, a mapping, and a way back.")
    data_options(parser)
    parser.add_argument("--out", required=True, help="the new folder")
    parser.add_argument("--restore", action="store_true", help="DATA is a tidied folder: give the old names back")
    parser.add_argument("--copy", action="store_true", help="copy the bytes instead of linking")
    given, as_json = parse(parser, words)
    from tellapart import tidy

    result = tidy(given.pop("data"), **given, progress=True)
    prose = (
        f"{pluralize(result['images'], 'image')} in {result['out']} ({result['linked']} linked, "
        f"{result['copied']} copied); names in {result['mapping']}"
    )
    return show(as_json, result, lambda: "\n".join([prose, *(f"note: {note}" for note in result["notes"])]))


def prepare_verb(words: list[str]) -> int:
    """tellapart prepare DATA."""
    parser = new_parser("prepare", "Audit, clean, split and balance in one go, with pages to look at.")
    data_options(parser)
    parser.add_argument("--out", required=True, help="a folder: audit, report.html, review.html, prepared.parquet")
    parser.add_argument("--recipe", help="a packaged recipe that prepares data, e.g. illustrations")
    parser.add_argument("--policy", help=POLICY_FILE)
    parser.add_argument("--corrections", help="a CSV (file,keep,label), e.g. from the review page")
    parser.add_argument("--balance", help="over, under, target; by default the recipe's, or none")
    parser.add_argument("--count", type=int, help="images a class and epoch")
    parser.add_argument("--pretrained", type=bool, help="let a pretrained network help; default: as the recipe says")
    parser.add_argument("--no_pretrained", action="store_true", help="the same as --pretrained false")
    parser.add_argument("--thresholds", type=dict[str, float], help=THRESHOLDS)
    parser.add_argument("--seed", type=int, help="of the split and of who is shown once more")
    given, as_json = parse(parser, words)
    if given.pop("no_pretrained"):
        given["pretrained"] = False
    from tellapart import prepare

    result = prepare(**given)

    def prose() -> str:
        cleaned, parts = result["clean"], result["split"]
        recipe = f" --recipe {given['recipe']}" if given["recipe"] else ""
        notes = "".join(f"note: {note}\n" for note in result["notes"])
        return (
            f"{notes}{cleaned['kept']:,} of {pluralize(cleaned['images'], 'image')} stay; "
            f"train {parts['train']:,}, val {parts['val']:,}, test {parts['test']:,}\n"
            f"look      {result['report']}\nreview    {result['review']}\n"
            f"next      tellapart train {shlex.quote(result['catalog'])}{recipe}"
        )

    return show(as_json, result, prose)


def _findings_table(result: dict[str, Any], given: dict[str, Any]) -> str:
    found = result["findings"]
    width = max(map(len, found))
    lines = [
        f"{pluralize(result['n'], 'image')} of {result['data']} ({result['task']})",
        *(f"note: {_plain(note)}" for note in result["notes"]),
        "",
    ]
    told = [(name, value["sentence"]) for name, value in found.items() if value["count"]]
    lines += [f"  {name:<{width}}  {_plain(sentence)}" for name, sentence in told] or ["  nothing was flagged"]
    rest = [(name, value["sentence"]) for name, value in found.items() if not value["count"]]
    lines += ["", *(f"  {name:<{width}}  {_plain(sentence)}" for name, sentence in rest), ""]
    report = [f"report    {given['report']}"] if given["report"] else ["look      add --report audit.html"]
    return "\n".join([*lines, f"findings  {result['out']}", *report, f"next      tellapart clean {_again(given)}"])


def _again(given: dict[str, Any]) -> str:
    """The words with which `clean` finds this audit again."""
    said = {name: given[name] for name in (*SOURCE, "thresholds") if given[name] not in (None, "auto")}
    said |= {"audit": given["out"]} if given["out"] else {}
    values = {name: json.dumps(value) if name == "thresholds" else str(value) for name, value in said.items()}
    words = [shlex.quote(given["data"])]
    words += [f"--{name.replace('_', '-')} {shlex.quote(value)}" for name, value in values.items()]
    words += [] if given["pretrained"] else ["--no-pretrained"]
    return " ".join([*words, "--out clean.parquet --review review.html"])


def _summary_table(seen: dict[str, Any]) -> str:
    what = f"{pluralize(seen['images'], 'image')}, {pluralize(seen['labels'], 'label')} ({seen['task']})"
    lines = [f"{what}, {pluralize(seen['bytes'], 'byte')}"]
    lines += [f"  {count:>6}  {_named(name)}" for name, count in list(seen["classes"].items())[:SHOWN]]
    lines += [
        *_more(seen["classes"]),
        "first",
        *(f"  {_plain(file)}  {_named(label)}" for file, label in seen["first"]),
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in seen["notes"])])


def _more(classes: dict[str, Any]) -> list[str]:
    return [f"and {pluralize(len(classes) - SHOWN, 'more class', 'more classes')}"] if len(classes) > SHOWN else []


def _plain(text: str) -> str:
    """On one line, and nothing that a terminal would obey."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def _named(name: str) -> str:
    """A class in a table."""
    return _plain(name if len(name) <= 40 else f"{name[:39]}…")


def _known_table(found: dict[str, Any]) -> str:
    lines = []
    for file, answer in found["images"].items():
        if "error" in answer:
            lines.append(f"{file}: {answer['error']}")
        elif not answer["known"]:
            lines.append(f"{file}: new")
        lines += [f"{file}: in the set as {like['file']}, {like['how']}" for like in answer.get("like", [])]
    lines = [_plain(line) for line in lines]
    return "\n".join([*lines, f"{pluralize(found['index'], 'image')} in the index, {found['added']} of them added now"])


def map_verb(words: list[str]) -> int:
    parser = new_parser("map", "Draw a set as a map: alike images near each other, as a page, a picture and a file.")
    parser.add_argument("model", help="a run, a bundle, or a timm backbone such as tf_efficientnet_lite0")
    data_options(parser, task=False)
    parser.add_argument("--out", required=True, help="the page, .html; .png and .parquet lie beside it")
    parser.add_argument("--method", default="tsne", help="tsne or umap")
    parser.add_argument("--colour", help="label, group or split; by default the groups where there are any")
    parser.add_argument("--split", help="only train, val or test")
    parser.add_argument("--perplexity", type=float, help="about how many neighbours count")
    parser.add_argument("--on", help="an older map's .parquet: these images are placed on it")
    parser.add_argument("--seed", type=int, default=0)
    given, as_json = parse(parser, words)
    from tellapart import map as draw

    result = draw(given.pop("model"), given.pop("data"), **given)
    return show(
        as_json, result, lambda: f"{result['n']:,} images\n{result['page']}\n{result['picture']}\n{result['map']}"
    )
