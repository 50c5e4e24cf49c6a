"""What every verb shares: parsing its words, and printing its result."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tellapart.core.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser, Namespace


def new_parser(verb: str, what: str) -> ArgumentParser:
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(prog=f"tellapart {verb}", description=what, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    return parser


def data_options(parser: ArgumentParser, *, task: bool = True) -> None:
    """How a source is read: the same options wherever DATA stands."""
    parser.add_argument("data", help="a folder, a table, Parquet shards, or a catalog")
    if task:
        parser.add_argument("--task", help="classify or read; by default as the labels suggest")
    parser.add_argument("--coarse_labels", help="YAML file, group to list of classes")
    parser.add_argument("--label_from", default="auto", help="auto, folder, prefix, text, or an expression")
    parser.add_argument("--file_column", help="the table column that names the image")
    parser.add_argument("--label_column", help="the table column that holds the class or text")
    parser.add_argument("--group_by", help="a table column whose equal values never cross a split")


def parse(parser: ArgumentParser, words: list[str], *, only_given: bool = False) -> tuple[dict[str, Any], bool]:
    """The options as keyword arguments, and whether JSON is wanted. --label-from is --label_from."""
    words = [_underscored(word) for word in words]
    from jsonargparse import ArgumentError

    try:
        namespace: Namespace = parser.parse_args(words, defaults=not only_given)
    except ArgumentError as error:
        from tellapart.training.config import in_plain_words

        text = in_plain_words(error)
        if text.startswith("unrecognized arguments: --"):
            option = text.split()[2].partition("=")[0].removeprefix("--")
            known = [name.removeprefix("--") for name in parser._option_string_actions]
            text = f"no option {option!r}{did_you_mean(option, known)}"
        raise ConfigError(f"{text} (see {parser.prog} --help)") from error
    given = dict(namespace.as_dict())
    as_json = bool(given.pop("json", False))
    return given, as_json


def _underscored(word: str) -> str:
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


# --- printing --------------------------------------------------------------------------------------


def show(as_json: bool, result: dict[str, Any], prose: Callable[[], str]) -> int:
    print(json.dumps(result, ensure_ascii=False) if as_json else prose())
    return 0


def refuse(message: str) -> int:
    print(f"tellapart: {message}", file=sys.stderr)
    return 2


def summary(result: Any) -> dict[str, Any]:
    """What a catalog holds, in numbers."""
    parts = result.column("split")
    return {
        "n": len(result),
        "task": result.task,
        "labels": len(result.labels),
        "left_out": len(result) - len(result.rows()),
        "split": {part: len(result.rows(part)) for part in ("train", "val", "test")} if any(parts) else None,
        "fingerprint": result.fingerprint,
        "notes": list(result.notes),
    }


def table_of(summary: dict[str, Any]) -> str:
    lines = [f"{name:<12} {value}" for name, value in summary.items() if name not in ("notes", "split")]
    if summary["split"]:
        lines.append(f"{'split':<12} " + ", ".join(f"{part} {n}" for part, n in summary["split"].items()))
    return "\n".join([*lines, *(f"note: {note}" for note in summary["notes"])])


def figures(report: dict[str, Any]) -> str:
    """Headline figures with their intervals, and the weakest classes."""
    lines = [f"{report['n']} images of {report['data']} (split: {report['split']})", ""]
    for name, value in report.items():
        if isinstance(value, dict) and "ci95" in value:
            low, high = value["ci95"]
            lines.append(f"{name.replace('_', ' '):<20} {value['value']:.4f}   95 % interval {low:.4f} to {high:.4f}")
    classes = report.get("fine_per_class") or report.get("per_class") or {}
    weakest = sorted(classes.items(), key=lambda item: (item[1]["f1"], item[0]))[:5]
    if weakest and weakest[0][1]["f1"] < 1:
        lines += ["", "weakest classes (f1, support)"]
        lines += [f"  {name:<18} {score['f1']:.3f}  {score['support']}" for name, score in weakest]
    lines += ["", f"images per second    {report['images_per_second']}"]
    return "\n".join(lines)


def answers(rows: list[dict[str, Any]]) -> str:
    width = max(len(Path(row["file"]).name) for row in rows)
    lines = []
    for row in rows:
        answer = f"error: {row['error']}" if "error" in row else row.get("text", row.get("label"))
        tail = (
            "" if "error" in row else f"  {row['confidence']:.3f}" + ("" if row.get("accepted", True) else "  not sure")
        )
        group = f"  ({row['group']})" if "group" in row else ""
        lines.append(f"{Path(row['file']).name:<{width}}  {answer}{group}{tail}")
    return "\n".join(lines)
