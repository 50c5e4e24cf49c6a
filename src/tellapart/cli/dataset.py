"""Verbs on data as it is: count it, catalog it, split it, balance it, give it regular names."""

from __future__ import annotations

from typing import Any

from tellapart.cli.arguments import (
    DATA_HELP,
    ON_HELP,
    add_label_options,
    add_source_options,
    add_task_option,
    new_parser,
    parse,
)
from tellapart.cli.output import catalog_summary, catalog_table, class_name, parts_prose, show
from tellapart.core.errors import pluralize
from tellapart.core.terminal import printable

MAX_CLASSES = 40  # lines of classes in a table; --json has all


def init_verb(words: list[str]) -> int:
    """``tellapart init FOLDER``: a new project folder."""
    parser = new_parser(
        "init",
        "Write a new project: a place for data, the options of a training, its steps for DVC, a Makefile, and "
        "workflows of CI with a gate on the data and one on the model.",
        example="tellapart init photos",
    )
    parser.add_argument("folder", help="that is not there yet, or empty")
    parser.add_argument("--task", default="classify", help="classify or read")
    options, as_json = parse(parser, words)
    from tellapart import init

    folder = options["folder"]
    files = init(folder, task=options["task"])
    prose = "\n".join([*files, f"next: cd {folder}, and what README.md says"])
    return show(as_json, {"folder": folder, "files": files}, lambda: prose)


def summary_verb(words: list[str]) -> int:
    """``tellapart summary DATA``: count images, classes and bytes."""
    parser = new_parser(
        "summary",
        "Count images, classes and bytes, and measure a few; nothing is decoded.",
        example="tellapart summary photos",
    )
    add_source_options(parser)
    options, as_json = parse(parser, words)
    from tellapart import summary

    result = summary(options.pop("data"), **options)
    return show(as_json, result, lambda: _summary_table(result))


def catalog_verb(words: list[str]) -> int:
    """``tellapart catalog DATA``: look at every image and write the catalog."""
    parser = new_parser(
        "catalog",
        "Look at every image of a data set once and write the catalog.",
        example="tellapart catalog photos --out photos.parquet",
    )
    add_source_options(parser)
    parser.add_argument("--out", required=True, help="the catalog to write, e.g. data.parquet")
    parser.add_argument("--on", help=ON_HELP)
    options, as_json = parse(parser, words)
    from tellapart import catalog

    result = catalog_summary(catalog(**options))
    return show(
        as_json, {"out": str(options["out"]), **result}, lambda: catalog_table({**result, "catalog": options["out"]})
    )


def split_verb(words: list[str]) -> int:
    """``tellapart split DATA``: assign train, val and test."""
    parser = new_parser(
        "split",
        "Assign train, val and test; duplicates and near-duplicates never cross.",
        example="tellapart split photos --out split.parquet --fractions '[0.8, 0.1, 0.1]'",
    )
    add_source_options(parser)
    parser.add_argument("--out", required=True, help="the catalog to write, with its split column")
    parser.add_argument("--seed", type=int, default=0, help="of the random choices")
    parser.add_argument("--fractions", type=list[float], default=[0.7, 0.15, 0.15], help="train, val, test")
    options, as_json = parse(parser, words)
    from tellapart import split

    result = catalog_summary(split(**options))
    return show(
        as_json, {"out": str(options["out"]), **result}, lambda: catalog_table({**result, "catalog": options["out"]})
    )


def balance_verb(words: list[str]) -> int:
    """``tellapart balance DATA``: even out the classes of the train part."""
    parser = new_parser(
        "balance",
        "Even out the classes of the train part; validation and test stay as they are.",
        example="tellapart balance photos --method over --out even.parquet",
    )
    add_source_options(parser)
    parser.add_argument("--out", help="the catalog to write; not needed for weights")
    parser.add_argument("--method", default="over", help="over, under, target or weights")
    parser.add_argument("--count", type=int, help="images a class and epoch; target needs it")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of who is shown once more")
    options, as_json = parse(parser, words)
    from tellapart import balance

    result = balance(**options)
    return show(as_json, result, lambda: _balance_table(result), catalog=options["out"])


def tidy_verb(words: list[str]) -> int:
    """``tellapart tidy DATA``: a copy with regular names."""
    parser = new_parser(
        "tidy",
        "A regular copy by hard links, with clear names, a mapping, and a way back.",
        example="tellapart tidy photos --out tidied",
    )
    add_source_options(parser)
    parser.add_argument("--out", required=True, help="the new folder")
    parser.add_argument("--restore", action="store_true", help="DATA is a tidied folder: give the old names back")
    parser.add_argument("--copy", action="store_true", help="copy the bytes instead of linking")
    options, as_json = parse(parser, words)
    from tellapart import tidy

    result = tidy(options.pop("data"), **options, progress=True)
    prose = (
        f"{pluralize(result['images'], 'image')} in {result['out']} ({result['linked']} linked, "
        f"{result['copied']} copied); names in {result['mapping']}"
    )
    return show(as_json, result, lambda: "\n".join([prose, *(f"note: {note}" for note in result["notes"])]))


def shards_verb(words: list[str]) -> int:
    """``tellapart shards DATA``: Parquet shards with the images."""
    parser = new_parser(
        "shards",
        "Write any source as Parquet shards that hold the images; the same command goes on where it stopped.",
        example="tellapart shards photos --out photo-shards --size 256MB",
    )
    parser.add_argument("data", help=DATA_HELP)
    add_task_option(parser)
    add_label_options(parser)
    parser.add_argument("--out", required=True, help="a folder or URL")
    parser.add_argument("--size", default="512MB", help="about how large a shard is")
    parser.add_argument("--on", help=ON_HELP)
    options, as_json = parse(parser, words)
    from tellapart import shards

    result = shards(**options)
    return show(as_json, result, lambda: parts_prose(result))


def _summary_table(result: dict[str, Any]) -> str:
    counts = f"{pluralize(result['images'], 'image')}, {pluralize(result['labels'], 'label')} ({result['task']})"
    lines = [f"{counts}, {pluralize(result['bytes'], 'byte')}"]
    lines += [f"  {count:>6}  {class_name(name)}" for name, count in list(result["classes"].items())[:MAX_CLASSES]]
    lines += [
        *_rest(result["classes"]),
        "first",
        *(f"  {printable(file)}  {class_name(label)}" for file, label in result["first"]),
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in result["notes"])])


def _balance_table(result: dict[str, Any]) -> str:
    classes = [(class_name(name), value) for name, value in list(result["classes"].items())[:MAX_CLASSES]]
    width = max(5, *(len(name) for name, _ in classes))
    lines = [f"{'class':<{width}}  train  epoch  weight"]
    lines += [
        f"{name:<{width}}  {value['train']:>5}  {value['epoch']:>5}  {value['weight']:.3f}" for name, value in classes
    ]
    return "\n".join([*lines, *_rest(result["classes"]), *(f"note: {note}" for note in result["notes"])])


def _rest(classes: dict[str, Any]) -> list[str]:
    """A line that counts the classes that the table leaves out, if there are any."""
    rest = len(classes) - MAX_CLASSES
    return [f"and {pluralize(rest, 'more class', 'more classes')}"] if rest > 0 else []
