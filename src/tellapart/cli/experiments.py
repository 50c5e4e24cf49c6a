"""Verbs on several runs: train those of a plan, list them, and compare them on the same images."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from tellapart.cli.arguments import new_parser, parse
from tellapart.cli.output import class_name, show
from tellapart.core.errors import pluralize
from tellapart.core.terminal import printable

if TYPE_CHECKING:
    from tellapart.pipelines.experiment import ExperimentResult

# What a list of runs shows.
SCORES = ("accuracy", "subset_accuracy", "macro_f1", "mean_average_precision", "exact_match", "cer")


def experiment_verb(words: list[str]) -> int:
    """``tellapart experiment PLAN``: train the runs of a plan and compare them. Status 1: one failed."""
    parser = new_parser(
        "experiment",
        "Train the runs of a plan and compare them on the same test images. What is done is not trained again. "
        "Exit status 1 if a run failed.",
        example="tellapart experiment plan.yaml --out runs/plan",
    )
    parser.add_argument("plan", help="a YAML file: data, options of all runs, seeds, and runs: name to options")
    parser.add_argument("--out", help="a folder for the runs; the same command goes on where it stopped")
    options, as_json = parse(parser, words)
    from tellapart import experiment

    result = experiment(options.pop("plan"), **options)
    show(as_json, result, lambda: experiment_table(result), report=result["page"])
    return 1 if any(run["state"] == "failed" for run in result["runs"]) else 0


def runs_verb(words: list[str]) -> int:
    """``tellapart runs [FOLDER]``: list runs with data, options that differ, figures and time."""
    parser = new_parser(
        "runs",
        "List the runs in a folder: data, options that differ, figures with intervals, time.",
        example="tellapart runs experiments",
    )
    parser.add_argument("folder", nargs="?", default="runs", help="where to look, at any depth")
    options, as_json = parse(parser, words)
    from tellapart import runs

    result = runs(options["folder"])
    return show(as_json, result, lambda: runs_table(result))


def compare_verb(words: list[str]) -> int:
    """``tellapart compare MODEL MODEL ...``: paired differences on the same images."""
    parser = new_parser(
        "compare",
        "Compare models with the first one, on the same images: paired differences with their intervals.",
        example="tellapart compare runs/plain runs/augmented --report compare.html",
    )
    parser.add_argument("models", nargs="+", help="runs or bundles; the others stand beside the first")
    parser.add_argument("--data", help="labelled images; by default the test part of the first run")
    parser.add_argument("--split", help="train, val, test or all")
    parser.add_argument("--out", help="write the result as JSON")
    parser.add_argument("--report", help="an HTML page to write")
    options, as_json = parse(parser, words)
    from tellapart import compare

    result = compare(options.pop("models"), **options)
    return show(as_json, result, lambda: comparison_table(result), json=options["out"], report=options["report"])


def runs_table(result: dict[str, Any]) -> str:
    """A few lines a run: its state and time, its data, the options that differ, its figures."""
    lines: list[str] = []
    for run in result["runs"]:
        seconds = "" if run["seconds"] is None else f", {run['seconds']:g} s"
        lines.append(f"{printable(run['name'])}  {run['task']}, {run['state']}{seconds}, {run['changed']} UTC")
        data = run["data"]
        source = PurePath(data["source"]).name or data["source"]
        lines.append(f"  data      {printable(source)}, {pluralize(data['n'], 'image')} ({data['fingerprint'][:8]})")
        if run["options"]:
            lines.append(f"  options   {', '.join(f'{key} {value}' for key, value in run['options'].items())}")
        for name in SCORES:
            if name in run["figures"]:
                figure = run["figures"][name]
                low, high = figure["ci95"]
                shown = f"{figure['value']:.4f}   95 % interval {low:.4f} to {high:.4f}   ({run['split']} part)"
                lines.append(f"  {name.replace('_', ' '):<12} {shown}")
        lines.append("")
    return "\n".join(lines).rstrip()


def experiment_table(result: ExperimentResult) -> str:
    """How each run ended, the mean score over the seeds, and the comparison of the finished runs."""
    width = max(len(class_name(run["name"])) for run in result["runs"])
    lines = []
    for run in result["runs"]:
        ended = f"failed: {run['error']}" if run["error"] is not None else f"finished, {run['seconds']:g} s"
        twin = "" if run["same_as"] is None else f", the same model as {run['same_as']}"
        lines.append(f"{class_name(run['name']):<{width}}  {printable(ended + twin)}")
    comparison = result["comparison"]
    if comparison is None:
        return "\n".join(lines)
    if result["seeds"]:
        score = "exact match" if comparison["task"] == "read" else "accuracy"
        lines += [
            "",
            *(
                f"{class_name(each['group']):<{width}}  mean {score} {each['mean']:.4f} of "
                f"{pluralize(each['n'], 'seed')}   {each['lowest']:.4f} to {each['highest']:.4f}"
                for each in result["seeds"]
            ),
        ]
    return "\n".join([*lines, "", comparison_table(comparison)])


def comparison_table(result: dict[str, Any]) -> str:
    """The score of each model, and of each pair the difference, in all and a class."""
    from tellapart.evaluation.comparison_page import verdict

    score = "exact_match" if result["task"] == "read" else "accuracy"
    width = max(len(class_name(model["name"])) for model in result["models"])
    lines = [f"{pluralize(result['n'], 'image')} of {result['data']} (split: {result['split']})", ""]
    for model in result["models"]:
        low, high = model[score]["ci95"]
        value = f"{score.replace('_', ' ')} {model[score]['value']:.4f}   95 % interval {low:.4f} to {high:.4f}"
        lines.append(f"{class_name(model['name']):<{width}}  {value}")
    for pair in result["pairs"]:
        lines += ["", printable(verdict(pair))]
        for name in ("difference", "macro_f1_difference"):
            if name in pair:
                shown = "macro f1" if name.startswith("macro") else score.replace("_", " ")
                lines.append(f"  {shown:<12} {_change(pair[name])}")
        lines.append(
            f"  right alone  {pair['only_first']} and {pair['only_second']}   McNemar p {pair['p_value']:.4f}, "
            f"of all {pair['p_adjusted']:.4f}"
        )
        kind, parts = ("length", pair["per_length"]) if "per_length" in pair else ("class", pair["per_class"])
        lines.append(f"  {kind:<20} {'images':>6}  first  second  difference, 95 % interval, p")
        lines += [
            f"  {class_name(key):<20} {one['n']:>6}  {one['first']:.3f}   {one['second']:.3f}  "
            f"{_change(one['difference'])}   p {one['p_value']:.4f}"
            for key, one in parts.items()
        ]
    return "\n".join(lines)


def _change(figure: dict[str, Any]) -> str:
    low, high = figure["ci95"]
    return f"{figure['value']:+.4f}   {low:+.4f} to {high:+.4f}"
