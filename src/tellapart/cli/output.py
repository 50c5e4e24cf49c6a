"""What a verb prints: one JSON object, or the same for people."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tellapart.core.errors import ConfigError, pluralize
from tellapart.core.progress import log
from tellapart.core.tag_sets import join_tags
from tellapart.core.terminal import printable, printable_lines, to_json, write_out

if TYPE_CHECKING:
    from tellapart.data.catalog import Catalog


def show(as_json: bool, result: Mapping[str, object], prose: Callable[[], str], **written: str | Path | None) -> int:
    """Print the result on stdout, as one JSON object or as prose.

    Args:
        as_json: whether to print JSON.
        result: what the verb answers.
        prose: makes the same for people; called only if it is printed.
        written: what a file that was written is, and its path, for people; None where it was not asked for.

    Returns:
        The exit status 0.

    >>> show(True, {"n": 3}, lambda: "3 images", report="report.html")
    {"n": 3}
    0
    >>> show(False, {"n": 3}, lambda: "3 images", report="report.html", picture=None)
    3 images
    report    report.html
    0
    """
    if as_json:
        write_out(to_json(result) + "\n")
        return 0
    lines = [f"{what:<9} {path}" for what, path in written.items() if path is not None]
    write_out(printable_lines("\n".join([prose(), *lines])) + "\n")
    return 0


def show_csv(text: str) -> None:
    """Print CSV on stdout: as it is into a file or a pipe, without signs that a terminal would obey on a terminal."""
    write_out(printable_lines(text) if sys.stdout.isatty() else text)


def show_error(message: str) -> None:
    """Print why there is no result on stdout, as the one JSON object there.

    >>> show_error("no such file")
    {"error": "no such file"}
    """
    try:
        write_out(to_json({"error": message}) + "\n")
        sys.stdout.flush()
    except OSError:  # a full disk or a closed pipe: stderr says why there is no result
        silence_stdout()


def silence_stdout() -> None:
    """Else Python would try to write at its end what could not be written, and complain in its own words."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def refuse(message: str, *, as_json: bool = False, status: int = 2) -> int:
    """Print on stderr why there is no result, and with JSON on stdout too.

    Args:
        message: what is wrong, and what to do next.
        as_json: whether JSON was asked for.
        status: the exit status.

    Returns:
        The exit status.
    """
    if as_json:
        show_error(message)
    log(f"tellapart: {message}")
    return status


def check_one_format(as_json: bool, csv_options: Mapping[str, bool]) -> None:
    """Refuse CSV beside JSON: stdout holds one of them.

    Args:
        as_json: whether JSON was asked for.
        csv_options: the names of the options that print CSV, and whether they were given.

    Raises:
        ConfigError: both were asked for.
    """
    if as_json and (given := next((name for name, wanted in csv_options.items() if wanted), None)):
        raise ConfigError(f"--{given.replace('_', '-')} prints CSV and --json JSON; give one of them")


def class_name(name: str) -> str:
    """The name of a class as a table shows it: printable, and 40 characters at most.

    >>> len(class_name("n" * 50))
    40
    """
    return printable(name if len(name) <= 40 else f"{name[:39]}…")


def catalog_summary(catalog: Catalog) -> dict[str, Any]:
    """The numbers of a catalog: images, task, labels, rows left out, sizes of the parts, fingerprint and notes."""
    parts = catalog.column("split")
    return {
        "n": len(catalog),
        "task": catalog.task,
        "labels": len(catalog.labels),
        "left_out": len(catalog) - len(catalog.rows()),
        "split": {part: len(catalog.rows(part)) for part in ("train", "val", "test")} if any(parts) else None,
        "fingerprint": catalog.fingerprint,
        "notes": list(catalog.notes),
    }


def catalog_table(summary: dict[str, Any]) -> str:
    """The result of `catalog_summary`, a number a line, then its notes."""
    lines = [f"{name:<12} {value}" for name, value in summary.items() if name not in ("notes", "split")]
    if summary["split"]:
        lines.append(f"{'split':<12} " + ", ".join(f"{part} {n}" for part, n in summary["split"].items()))
    return "\n".join([*lines, *(f"note: {note}" for note in summary["notes"])])


def scores_table(report: dict[str, Any]) -> str:
    """The figures of an evaluation, scikit-learn's report of the classes, and what was scored apart."""
    from tellapart.evaluation.selection import MET

    lines = [f"{pluralize(report['n'], 'image')} of {report['data']} (split: {report['split']})", ""]
    lines += _figure_lines(report)
    if threshold := report.get("threshold"):
        aim = f"aim: {threshold['aim']}" if threshold["aim"] else "none was chosen: the likelier class is the answer"
        positive = class_name(threshold["positive"])
        lines.append(f"{'threshold':<20} {threshold['at']:.4f}   positive class: {positive} ({aim})")
    if "per_label" in report:
        lines += ["", *_tag_lines(report["per_label"], report["thresholds"])]
    for title, prefix in (("groups", ""), ("classes", "fine_")) if "fine_per_class" in report else (("classes", ""),):
        if f"{prefix}per_class" in report:
            lines += ["", *_class_lines(title, report[f"{prefix}per_class"], report[f"{prefix}confusion"])]
    if corruptions := report.get("corruptions"):
        lines += ["", *_corruption_lines(corruptions)]
    for part, figures in report["seen"].items():
        apart = pluralize(report["images"][part], "image")
        lines += ["", f"scored apart: {apart} that {MET[part]}", *_figure_lines(figures)]
    lines += ["", f"images per second    {report['images_per_second']}"]
    return "\n".join(lines)


def _class_lines(title: str, per_class: Mapping[str, Any], confusion: Any) -> list[str]:
    """scikit-learn's classification report, and which classes have no image and no answer."""
    from tellapart.core.errors import join_some
    from tellapart.metrics.class_report import occurring, report_text

    there = set(occurring(confusion))
    absent = [class_name(name) for name in per_class if name not in there]
    lines = [title, report_text(per_class, confusion, class_name)]
    return [*lines, "", f"without images or answers here: {join_some(absent, 10)}"] if absent else lines


def _corruption_lines(corruptions: Mapping[str, Any]) -> list[str]:
    """A line a kind of corruption: the share of right answers at each severity, their mean, and that of the clean."""
    clean = corruptions["clean"]["value"]
    low, high = corruptions["clean"]["ci95"]
    lines = [
        f"corruptions: {pluralize(corruptions['n'], 'image')} of these, right as they are "
        f"{clean:.4f}   95 % interval {low:.4f} to {high:.4f}",
        f"{'severity':<12} {'1':>6} {'2':>6} {'3':>6} {'4':>6} {'5':>6}   {'mean':>6}   {'of clean, 95 % interval'}",
    ]
    for kind, scores in corruptions["kinds"].items():
        shares = " ".join(f"{each['value']:>6.3f}" for each in scores["severities"])
        lines.append(f"{kind:<12} {shares}   {_of_clean(scores)}")
    return [*lines, f"{'all':<12} {'':>34}   {_of_clean(corruptions)}"]


def _of_clean(scores: Mapping[str, Any]) -> str:
    low, high = scores["relative"]["ci95"]
    return f"{scores['mean']['value']:>6.3f}   {scores['relative']['value']:.3f}   {low:.3f} to {high:.3f}"


def _tag_lines(per_label: Mapping[str, Any], thresholds: Mapping[str, Any]) -> list[str]:
    """A line a tag: its figures, and from which probability on it is said."""
    names = [class_name(name) for name in per_label]
    width = max(map(len, ["tags", *names]))
    lines = [
        f"{'tags':<{width}} {'precision':>10} {'recall':>10} {'f1':>10} {'ap':>10} {'threshold':>10} {'images':>8}"
    ]
    for shown, (name, scores) in zip(names, per_label.items(), strict=True):
        figures = [scores["precision"], scores["recall"], scores["f1"], scores["average_precision"]]
        cells = ["-" if value is None else f"{value:.4f}" for value in [*figures, thresholds["at"][name]]]
        lines.append(f"{shown:<{width}} " + " ".join(f"{cell:>10}" for cell in cells) + f" {scores['support']:>8}")
    return [*lines, f"thresholds chosen for {thresholds['aim']}" if thresholds["aim"] else "thresholds of a half each"]


def scores_csv(report: Mapping[str, Any], *, safe: bool = False) -> str:
    """The report of classes as CSV, a row a class and a mean, or a row a tag; of a reader a row a figure with interval.

    Args:
        report: what `tellapart.evaluate` returns.
        safe: see `tellapart.core.csv_writing.csv_text`.
    """
    from tellapart.core.csv_writing import csv_text
    from tellapart.metrics.class_report import report_rows

    if "per_label" in report:
        columns = ["tag", "precision", "recall", "f1", "average_precision", "threshold", "support"]
        at = report["thresholds"]["at"]
        tags = [
            [name, *("" if value is None else f"{value:.6f}" for value in [*map(scores.get, columns[1:5]), at[name]]),
             str(scores["support"])]
            for name, scores in report["per_label"].items()
        ]  # fmt: skip
        return csv_text(columns, tags, safe=safe)
    if "per_class" not in report:
        columns = ["figure", "value", "ci95_low", "ci95_high", "n"]
        figures = [(name, value) for name, value in report.items() if isinstance(value, dict) and "ci95" in value]
        records = [[name, *(f"{part:.6f}" for part in (value["value"], *value["ci95"])), str(value["n"])]
                   for name, value in figures]  # fmt: skip
        return csv_text(columns, records, safe=safe)
    levels = (("group", ""), ("class", "fine_")) if "fine_per_class" in report else (("class", ""),)
    rows = [
        [level, name, *(f"{scores[key]:.6f}" for key in ("precision", "recall", "f1")), str(scores["support"])]
        for level, prefix in levels
        for name, scores in report_rows(report[f"{prefix}per_class"], report[f"{prefix}confusion"])
    ]
    return csv_text(["level", "class", "precision", "recall", "f1", "support"], rows, safe=safe)


def _figure_lines(figures: Mapping[str, Any]) -> list[str]:
    from tellapart.evaluation.figures import figure_name, headline_figures

    shown = {figure_name(name): value for name, value in headline_figures(figures).items()}
    width = max([20, *map(len, shown)])
    lines = []
    for name, value in shown.items():
        low, high = value["ci95"]
        lines.append(f"{name:<{width}} {value['value']:.4f}   95 % interval {low:.4f} to {high:.4f}")
    return lines


def parts_prose(result: Mapping[str, Any]) -> str:
    """What a verb that works part by part has done.

    >>> parts_prose({"out": "a", "parts": 3, "done_before": 1, "images": 9, "broken": 0, "tried_again": 0})
    'a: 3 parts, 1 of them there before; 9 images now'
    """
    before = f", {result['done_before']:,} of them there before" if result["done_before"] else ""
    broken = f", {result['broken']:,} unreadable" if result["broken"] else ""
    again = f"; {pluralize(result['tried_again'], 'part')} tried again" if result["tried_again"] else ""
    parts, images = pluralize(result["parts"], "part"), pluralize(result["images"], "image")
    return f"{result['out']}: {parts}{before}; {images} now{broken}{again}"


def _answer(row: Mapping[str, Any]) -> str:
    """The answer of a row of ``predict --json`` with its group, as text."""
    answer = join_tags(row["tags"]) if "tags" in row else str(row.get("text", row.get("label")))
    return printable(answer) + (f"  ({printable(row['group'])})" if "group" in row else "")


def predictions_table(rows: list[dict[str, Any]]) -> str:
    """A line an image: file, answer, group and confidence, or its error. Names that repeat are whole paths.

    Args:
        rows: predictions as `tellapart.Prediction.to_json` makes them.

    >>> print(predictions_table([{"file": "a.png", "label": "cat", "confidence": 0.5, "accepted": False}]))
    a.png  cat  0.500  not sure
    >>> print(predictions_table([{"file": "a.png", "tags": ["cat", "sofa"], "confidence": 0.5},
    ...                          {"file": "b.png", "tags": ["cat"], "confidence": 0.25}]))
    a.png  cat|sofa  0.500
    b.png  cat       0.250
    """
    times = Counter(Path(row["file"]).name for row in rows)
    short = {row["file"]: Path(row["file"]).name for row in rows}
    names = [printable(short[row["file"]] if times[short[row["file"]]] == 1 else row["file"]) for row in rows]
    width = max(map(len, names))
    answers = ["" if "error" in row else _answer(row) for row in rows]
    answer_width = max(map(len, answers))
    lines = []
    for name, answer, row in zip(names, answers, rows, strict=True):
        if "error" in row:
            lines.append(f"{name:<{width}}  {printable('error: ' + row['error'])}")
            continue
        unsure = "" if row.get("accepted", True) else "  not sure"
        lines.append(f"{name:<{width}}  {answer:<{answer_width}}  {row['confidence']:.3f}{unsure}")
    return "\n".join(lines)
