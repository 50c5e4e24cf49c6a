"""The command line: each verb parses, calls the public function of its name, and prints.

stdout   the result: prose or, with --json, one JSON object and nothing else
stderr   progress and notes
status   0 done; 1 a gate was not met; 2 unusable input; 130 stopped by Ctrl-C
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tellapart.errors import ConfigError, TellapartError, closest

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser, Namespace

USAGE = """tellapart: from labelled images to a recogniser that can be trusted and used

  tellapart catalog DATA --out data.parquet        look at every image once; one row an image
  tellapart split DATA --out split.parquet         train, val, test; no near-copy crosses
  tellapart train DATA --task classify|read        train, pack, and report on the test part
  tellapart evaluate MODEL DATA                    every figure with its 95 % interval
  tellapart predict MODEL IMAGE|FOLDER|- ...       answers, as a table, CSV or JSON
  tellapart export RUN --out BUNDLE                pack a run again, compared with the trained model
  tellapart generate --scheme NAME --n N --out DIR draw CAPTCHAs for training
  tellapart recipes [NAME]                         ready-made trainings and what they reach
  tellapart demo                                   the whole path on drawn CAPTCHAs, in a few minutes

DATA is a folder, a table (CSV, TSV, JSONL, Parquet), Parquet shards, or a catalog. MODEL is a run or a bundle.
Each verb explains itself: tellapart VERB --help. With --json, stdout is one JSON object.
For data and CAPTCHAs that you own or may test."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; the exit status."""
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()  # while a full disk or a closed pipe can still be answered
        return status
    except TellapartError as error:
        _refuse(str(error))
        return error.exit_status
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _refuse(f"{where}{error.strerror or error}")
    except ModuleNotFoundError as error:
        extra = "generate" if (error.name or "").startswith("font_") else "train"
        return _refuse(f'{error.name} is not installed; this verb needs: pip install "tellapart[{extra}]"')


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if words[0] == "--version":
        from tellapart import __version__

        print(f"tellapart {__version__}")
        return 0
    verb = VERBS.get(words[0])
    if verb is None:
        return _refuse(f"no verb {words[0]!r}{closest(words[0], VERBS)}; there are: {', '.join(VERBS)}")
    return verb(words[1:])


# --- verbs -----------------------------------------------------------------------------------------


def _catalog(words: list[str]) -> int:
    parser = _parser("catalog", "Look at every image of a data set once and write the catalog.")
    _data(parser)
    parser.add_argument("--out", required=True, help="the catalog to write, e.g. data.parquet")
    given, as_json = _parse(parser, words)
    from tellapart import catalog

    result = catalog(**given)
    summary = _summary(result)
    return _print(as_json, {"out": str(given["out"]), **summary}, lambda: _table_of(summary))


def _split(words: list[str]) -> int:
    parser = _parser("split", "Assign train, val and test; duplicates and near-duplicates never cross.")
    _data(parser)
    parser.add_argument("--out", required=True, help="the catalog to write, with its split column")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fractions", type=list[float], default=[0.7, 0.15, 0.15], help="train, val, test")
    given, as_json = _parse(parser, words)
    from tellapart import split

    result = split(**given)
    summary = _summary(result)
    return _print(as_json, {"out": str(given["out"]), **summary}, lambda: _table_of(summary))


def _train(words: list[str]) -> int:
    from tellapart.config import TrainConfig

    parser = _parser("train", "Train a recogniser, pack it as a bundle and report on the test part.")
    parser.add_argument("data", nargs="?", help="a folder, a table, Parquet shards, or a catalog")
    parser.add_argument("--out", help="the run folder; the same command goes on where it stopped")
    parser.add_argument("--recipe", help="a packaged recipe, see `tellapart recipes`")
    parser.add_argument("--config", help="a YAML file of the options below")
    parser.add_class_arguments(TrainConfig)
    given, as_json = _parse(parser, words, only_given=True)
    from tellapart import train

    result = train(given.pop("data", None), **given)

    def prose() -> str:
        return (
            f"{_figures(result['test'])}\n\n"
            f"run     {result['run']} ({result['seconds']} s)\nbundle  {result['bundle']}\n"
            f"next    tellapart predict {result['bundle']} IMAGE ..."
        )

    return _print(as_json, result, prose)


def _evaluate(words: list[str]) -> int:
    parser = _parser("evaluate", "Score a model's answers; every figure with its 95 % interval.")
    parser.add_argument("model", help="a run or a bundle")
    _data(parser, task=False)
    parser.add_argument("--split", help="train, val, test or all")
    parser.add_argument("--out", help="write the report as JSON")
    given, as_json = _parse(parser, words, only_given=True)
    from tellapart import evaluate

    report = evaluate(given.pop("model"), given.pop("data"), **given)
    return _print(as_json, report, lambda: _figures(report))


def _predict(words: list[str]) -> int:
    parser = _parser("predict", "Answer for image files, folders, or standard input (-).")
    parser.add_argument("model", help="a run or a bundle")
    parser.add_argument("inputs", nargs="+", help="image files, folders, or - for standard input")
    parser.add_argument("--csv", action="store_true", help="print CSV")
    given, as_json = _parse(parser, words)
    from tellapart.predict import predict, to_csv

    predictions = predict(given["model"], given["inputs"], progress=True)
    if given["csv"] and not as_json:
        print(to_csv(predictions), end="")
    else:
        rows = [prediction.to_json() for prediction in predictions]
        _print(as_json, {"predictions": rows}, lambda: _answers(rows))
    # One good answer is enough: a folder with a bad file in it is not unusable input.
    return 2 if all(prediction.error for prediction in predictions) else 0


def _export(words: list[str]) -> int:
    parser = _parser("export", "Pack a finished run as a bundle, after comparing it with the trained model.")
    parser.add_argument("run", help="a run folder")
    parser.add_argument("--out", help="the bundle's folder; by default RUN/bundle")
    given, as_json = _parse(parser, words)
    from tellapart import export

    bundle = export(given["run"], out=given["out"])
    parity = bundle.about["parity"]
    prose = (
        f"{bundle.path}: {parity['compared']} comparisons on {parity['images']} images, 0 different answers, largest "
        f"difference of a probability {parity['largest_difference']:.1e}"
    )
    return _print(as_json, {"bundle": str(bundle.path), "parity": parity}, lambda: prose)


def _generate(words: list[str]) -> int:
    parser = _parser("generate", "Draw CAPTCHAs: the same image for the same seed on any machine.")
    parser.add_argument("--scheme", required=True, help="characters, classic, plain or digits")
    parser.add_argument("--n", type=int, required=True, help="how many")
    parser.add_argument("--out", required=True, help="a folder, or FILE.parquet")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--grid", help="also a PNG with samples and their texts")
    parser.add_argument("--workers", type=int, help="processes; by default one a core, at most four")
    given, as_json = _parse(parser, words)
    from tellapart import generate

    result = generate(given.pop("scheme"), given.pop("n"), given.pop("out"), **given, progress=True)
    prose = f"{result['n']} images of {result['scheme']} in {result['out']} ({result['images_per_second']} a second)"
    return _print(as_json, result, lambda: prose)


def _recipes(words: list[str]) -> int:
    parser = _parser("recipes", "The packaged recipes: command, data, time and score of each.")
    parser.add_argument("name", nargs="?", help="print the whole of one")
    given, as_json = _parse(parser, words)
    from tellapart import recipes

    found = recipes(given["name"])
    prose = "\n\n".join(text if given["name"] else f"{name}\n{text}" for name, text in found.items())
    return _print(as_json, {"recipes": found}, lambda: prose.rstrip())


def _demo(words: list[str]) -> int:
    parser = _parser("demo", "The whole path on drawn CAPTCHAs: draw, train, evaluate, pack, read fresh ones.")
    parser.add_argument("--out", default="demo", help="where everything is put")
    given, as_json = _parse(parser, words)
    from tellapart import demo

    result = demo(out=given["out"])
    return _print(as_json, result, lambda: str(result["summary"]))


VERBS: dict[str, Callable[[list[str]], int]] = {
    "catalog": _catalog,
    "split": _split,
    "train": _train,
    "evaluate": _evaluate,
    "predict": _predict,
    "export": _export,
    "generate": _generate,
    "recipes": _recipes,
    "demo": _demo,
}


# --- parsing ---------------------------------------------------------------------------------------


def _parser(verb: str, what: str) -> ArgumentParser:
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(prog=f"tellapart {verb}", description=what, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    return parser


def _data(parser: ArgumentParser, *, task: bool = True) -> None:
    """How a source is read: the same options wherever DATA stands."""
    parser.add_argument("data", help="a folder, a table, Parquet shards, or a catalog")
    if task:
        parser.add_argument("--task", help="classify or read; by default as the labels suggest")
    parser.add_argument("--groups", help="YAML file, group to list of classes")
    parser.add_argument("--label_from", default="auto", help="auto, folder, prefix, text, or an expression")
    parser.add_argument("--file_column", help="the table column that names the image")
    parser.add_argument("--label_column", help="the table column that holds the class or text")
    parser.add_argument("--together", help="a table column whose equal values never cross a split")


def _parse(parser: ArgumentParser, words: list[str], *, only_given: bool = False) -> tuple[dict[str, Any], bool]:
    """The options as keyword arguments, and whether JSON is wanted. --label-from is --label_from."""
    words = [_underscored(word) for word in words]
    from jsonargparse import ArgumentError

    try:
        namespace: Namespace = parser.parse_args(words, defaults=not only_given)
    except ArgumentError as error:
        from tellapart.config import in_plain_words

        text = in_plain_words(error)
        if text.startswith("unrecognized arguments: --"):
            option = text.split()[2].partition("=")[0].removeprefix("--")
            known = [name.removeprefix("--") for name in parser._option_string_actions]
            text = f"no option {option!r}{closest(option, known)}"
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


def _print(as_json: bool, result: dict[str, Any], prose: Callable[[], str]) -> int:
    print(json.dumps(result, ensure_ascii=False) if as_json else prose())
    return 0


def _refuse(message: str) -> int:
    print(f"tellapart: {message}", file=sys.stderr)
    return 2


def _summary(result: Any) -> dict[str, Any]:
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


def _table_of(summary: dict[str, Any]) -> str:
    lines = [f"{name:<12} {value}" for name, value in summary.items() if name not in ("notes", "split")]
    if summary["split"]:
        lines.append(f"{'split':<12} " + ", ".join(f"{part} {n}" for part, n in summary["split"].items()))
    return "\n".join([*lines, *(f"note: {note}" for note in summary["notes"])])


def _figures(report: dict[str, Any]) -> str:
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


def _answers(rows: list[dict[str, Any]]) -> str:
    width = max(len(Path(row["file"]).name) for row in rows)
    lines = []
    for row in rows:
        answer = f"error: {row['error']}" if "error" in row else row.get("text", row.get("label"))
        tail = "" if "error" in row else f"  {row['confidence']:.3f}"
        group = f"  ({row['group']})" if "group" in row else ""
        lines.append(f"{Path(row['file']).name:<{width}}  {answer}{group}{tail}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
