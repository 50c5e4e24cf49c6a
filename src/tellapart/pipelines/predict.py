"""The verb `predict`: answers for a list of images, or part by part into storage, on one machine or many."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict, Unpack, overload

from tellapart.core.errors import ConfigError
from tellapart.core.option_errors import check_option_names
from tellapart.core.progress import log
from tellapart.core.storage import as_path, is_url
from tellapart.inference.bundle import Bundle
from tellapart.inference.image_inputs import Given, several
from tellapart.inference.predict import ReadingOptions
from tellapart.inference.predict import predict as answer
from tellapart.inference.prediction import ANSWER, Prediction, Predictions, answer_text
from tellapart.inference.predictor import RULE

if TYPE_CHECKING:
    import pyarrow as pa

    from tellapart.scale.engine import Report

ROWS = 1024  # of a table at a time, so that a large shard never lies in memory
TABLE_ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".txt")  # of files, which no folder of answers is


class PartsResult(TypedDict):
    """What a verb that works part by part answers."""

    out: str
    parts: int  # of the whole
    done_before: int  # of these
    images: int  # of this run
    broken: int  # of these
    tried_again: int  # parts


class PredictOptions(ReadingOptions, total=False):
    """How images are answered for, see `predict`."""

    stdin: BinaryIO | None
    progress: bool
    server: str | None
    independent: bool


@overload
def predict(
    model: str | Path | Bundle,
    inputs: Given | Iterable[Given],
    *,
    out: None = None,
    on: str | None = None,
    **options: Unpack[PredictOptions],
) -> Predictions: ...


@overload
def predict(
    model: str | Path | Bundle,
    inputs: Given | Iterable[Given],
    *,
    out: str | Path,
    on: str | None = None,
    **options: Unpack[PredictOptions],
) -> PartsResult: ...


def predict(
    model: str | Path | Bundle,
    inputs: Given | Iterable[Given],
    *,
    out: str | Path | None = None,
    on: str | None = None,
    **options: Unpack[PredictOptions],
) -> Predictions | PartsResult:
    """Answers of a bundle (or a run's) for images.

    Without ``out``: a list, in order; a bad file is a row with its ``error``. With ``out``: Parquet files, one a part,
    and the same call goes on with what is missing. A part is a Parquet shard, or 1,024 files. Its columns are file,
    label, text or tags, confidence, group, accepted, error, and detail: JSON with the probabilities or characters.

    Args:
        model: a bundle, or the folder or URL of a bundle or of a run; with ``server``, the name of one of its models.
        inputs: one or several image files, folders (their images, at any depth, sorted), or ``-`` for standard input:
            the bytes of one image, or file names, one a line; also encoded bytes, open files, RGB arrays and Pillow
            images. With ``out`` paths alone; and Parquet shards, patterns of them, catalogs, and URLs.
        out: a folder or URL for the answers.
        on: with ``out``, ``ray`` or ``ray://HOST:PORT``: on the machines of a cluster; else on this machine's cores.
        options: ``progress``, ``stdin``, ``server``, ``independent`` and the rules of a reader, see
            `tellapart.inference.predict.predict`. With ``out`` a reader reads each picture alone.

    Raises:
        BundleError: there is no usable bundle.
        ConfigError: an input does not exist, a folder holds no image, a rule that is none, or a cluster out of reach.
        InputError: with ``out``: a part that cannot be used, or none of whose images can; the others are done.
        GateError: with ``out``: a part was lost five times; the others are done.
        ServerError: it cannot be reached, or refuses.

    Example:
        tellapart.predict("runs/photos", ["new.jpg", "more"])
    """
    check_option_names(options, PredictOptions.__annotations__)
    paths = list(several(inputs))
    if out is None:
        _check_plain(paths, on)
        return answer(model, paths, **options)
    if as_path(out).suffix.lower() in TABLE_ENDINGS:
        raise ConfigError(
            f"{out}: --out is a folder of Parquet files; for one table leave it out and print the answers into a file: "
            "--csv > answers.csv or --json > answers.json (in Python: to_pandas() of what predict returns)"
        )
    if strange := next((each for each in paths if not isinstance(each, str | Path)), None):
        raise ConfigError(f"{type(strange).__name__}: with out, name files, folders, shards or URLs")
    if options.get("server") is not None:
        raise ConfigError("server: it answers one list of images; with --out a bundle answers, without --server")
    from tellapart.data.parts import image_parts
    from tellapart.scale.bundles import bundle_options, node_predictor
    from tellapart.scale.engine import Work, run_parts

    sources = [str(each) for each in paths]
    if "-" in sources:
        raise ConfigError("-: standard input is answered without --out")
    bundle, which = bundle_options(model)
    given = {name: options.get(name) for name in RULE}
    rule = {name: value for name, value in given.items() if value not in (None, False, 1, "auto")}
    rule |= {"tta": True} if given["tta"] else {}
    node_predictor(which, rule)  # a rule that is none is refused here
    if bundle.task == "read" and not options.get("independent"):
        log("note: with --out each picture is read alone; what many have in common guides none of them")
    work = Work("predict", f"{__name__}:predict_part", {**which, "rule": rule}, str(out), sources)
    report = run_parts(work, image_parts(sources), on=on)
    report.check()
    return parts_result(report)


def parts_result(report: Report) -> PartsResult:
    """What a verb answers of a report of the engine."""
    return {
        "out": report.out,
        "parts": report.parts,
        "done_before": report.done_before,
        "images": report.rows,
        "broken": report.broken,
        "tried_again": report.again,
    }


def predict_part(inputs: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[pa.Table]:
    """The answers for the images of a part, see `tellapart.data.parts.read_part`."""
    from tellapart.data.parts import read_part
    from tellapart.scale.bundles import node_predictor

    predictor = node_predictor(options, options["rule"])
    rows: list[Prediction] = []
    for prediction in predictor.stream((image.name, image.data) for image in read_part(inputs)):
        rows.append(prediction)
        if len(rows) == ROWS:
            yield answers_table(rows, predictor.bundle.task)
            rows = []
    yield answers_table(rows, predictor.bundle.task)


def answers_table(predictions: Sequence[Prediction], task: str) -> pa.Table:
    """Answers as the rows of a table; every figure with all its digits."""
    import pyarrow as pa

    answer = pa.list_(pa.string()) if task == "tag" else pa.string()
    schema = pa.schema({
        "file": pa.string(), ANSWER[task]: answer, "confidence": pa.float64(), "group": pa.string(),
        "accepted": pa.bool_(), "error": pa.string(), "detail": pa.string(),
    })  # fmt: skip
    rows = [
        {
            "file": each.file,
            ANSWER[task]: None if each.error else each.value,
            "confidence": None if each.error else each.confidence,
            "group": each.group,
            "accepted": each.accepted,
            "error": each.error,
            "detail": json.dumps(
                {"probabilities": each.probabilities}
                if task != "read"
                else {"characters": each.characters, "alternatives": each.alternatives},
                ensure_ascii=False,
            ),
        }
        for each in predictions
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def from_row(row: Mapping[str, Any], task: str) -> Prediction:
    """The prediction of a row of `answers_table`."""
    if row["error"] is not None:
        return Prediction(row["file"], task, error=row["error"])
    detail = json.loads(row["detail"])
    return Prediction(
        row["file"],
        task,
        answer_text(row[ANSWER[task]]),
        row["confidence"],
        detail.get("probabilities", {}),
        [(character, share) for character, share in detail.get("characters", [])],
        row["group"],
        accepted=row["accepted"],
        alternatives=[(text, share) for text, share in detail.get("alternatives", [])],
    )


def _check_plain(inputs: Sequence[Given], on: str | None) -> None:
    if on is not None:
        raise ConfigError("on: a cluster writes its answers; name a folder that all machines share, or a URL (--out)")
    for each in inputs:
        if isinstance(each, str | Path) and is_url(each):
            raise ConfigError(f"{each}: answers for what lies in storage are written part by part; name an --out")
