"""Answers for files, folders and standard input, in JSON, CSV or a table."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, TypedDict, Unpack

from tellapart.core import image_io
from tellapart.core.csv_writing import csv_text
from tellapart.core.errors import ConfigError, ImageError, join_some, pluralize
from tellapart.core.image_conversion import group_notes
from tellapart.core.image_files import image_files
from tellapart.core.progress import log, track
from tellapart.core.text_encoding import UTF8, EncodingError, decode_text
from tellapart.inference.bundle import Bundle
from tellapart.inference.client import Client
from tellapart.inference.folder_reading import predict_all
from tellapart.inference.image_inputs import Given, Read, named_image, several
from tellapart.inference.prediction import ANSWER, Prediction, Predictions
from tellapart.inference.predictor import Predictor
from tellapart.inference.text_lines import has_text_lines
from tellapart.inference.tta import UNSURE

Named = tuple[str, Read]

_PLAIN = {
    "alphabet": None,
    "pattern": None,
    "nbest": 1,
    "tta": False,
    "device": "auto",
}  # as a bundle reads without further words


class ReadingOptions(TypedDict, total=False):
    """How a reader reads, see `tellapart.Predictor`."""

    threads: int | None
    alphabet: str | None
    pattern: str | None
    nbest: int
    tta: bool
    device: str


def predict(
    model: str | Path | Bundle,
    inputs: Given | Iterable[Given],
    *,
    stdin: BinaryIO | None = None,
    progress: bool = False,
    server: str | None = None,
    independent: bool = False,
    **rule: Unpack[ReadingOptions],
) -> Predictions:
    """Answers of a bundle (or a run's) for images, in order; a bad file is a row with its ``error``.

    Args:
        model: a bundle, or the folder of a bundle or of a run; with ``server``, the name of one of its models.
        inputs: image files, folders (their images, at any depth, sorted), or ``-`` for standard input:
            the bytes of one image, or file names, one a line (or with a NUL after each, as ``find -print0`` writes);
            also encoded bytes, open files, RGB arrays and Pillow images. One, or several.
        stdin: what ``-`` reads; by default the standard input.
        progress: show it on standard error.
        server: the address of a server that answers instead.
        independent: for a reader: each picture is read alone. Else many pictures are read in the view that suits
            them, see `tellapart.inference.view_selection`, and the alphabet and the length that the sure
            readings have in common guide the others, see `tellapart.inference.shared_constraint`.
        rule: for a reader: ``alphabet``, ``pattern``, ``nbest``, ``tta``; of any model ``device``; see
            `tellapart.Predictor`.

    Raises:
        BundleError: there is no usable bundle.
        ConfigError: an input does not exist, a folder holds no image, or a rule that is none, or one for a server.
        ServerError: it cannot be reached, or refuses.
    """
    wanted = several(inputs)
    named = [item for place, each in enumerate(wanted) for item in _expand(each, place, stdin or sys.stdin.buffer)]
    with nullcontext(Predictor(model, **rule)) if server is None else _client(server, str(model), rule) as answering:
        guesses: dict[tuple[str, str], None] = {}  # each once, though a picture is looked at again
        if isinstance(answering, Client):
            answers = list(track(answering.stream(named), "predicting", len(named), show=progress))
        else:
            answering.on_note = lambda name, note: guesses.setdefault((name, note))
            answers = predict_all(
                answering, lambda indices: (named[index] for index in indices), len(named),
                task="predicting", independent=independent, progress=progress,
            )  # fmt: skip
            guesses.update(_notes_on_lines(answering, named, answers))
    order = {name: place for place, (name, _) in reversed(list(enumerate(named)))}
    log(*(f"note: {line}" for line in group_notes(sorted(guesses, key=lambda each: (order[each[0]], each[1])))))
    unfit = [each.file for each in answers if not (each.error or each.answer or each.confidence)]
    if unfit and rule.get("pattern") is not None:
        log(
            f"note: no text that fits {rule['pattern']!r} was found in {pluralize(len(unfit), 'picture')}: "
            f"{join_some(unfit)}"
        )
    return Predictions(answers)


def _notes_on_lines(
    reader: Predictor, named: Sequence[Named], answers: Sequence[Prediction]
) -> dict[tuple[str, str], None]:
    """A note for each picture that is not surely read and holds several lines of text."""
    if reader.bundle.task != "read":
        return {}
    unsure = [item for item, each in zip(named, answers, strict=True) if not each.error and each.confidence < UNSURE]
    loaded = (reader.prepare(*item) for item in unsure)
    note = "several lines of text, of which a reader reads one: cut them apart"
    return {
        (name, note): None for name, pixels in loaded if not isinstance(pixels, ImageError) and has_text_lines(pixels)
    }


def _client(server: str, model: str, rule: ReadingOptions) -> Client:
    if any(value != _PLAIN[name] for name, value in rule.items()):
        raise ConfigError(
            f"server {server}: it answers as its bundle does; alphabet, pattern, nbest, tta and device are for a "
            "bundle here"
        )
    return Client(server, model)


def _expand(each: Given, place: int, stdin: BinaryIO) -> Iterator[Named]:
    if not isinstance(each, str | Path):
        yield from named_image(each, f"image {place}")
        return
    path = Path(each)
    if str(each) == "-":
        yield from _from_stdin(stdin)
    elif path.is_dir():
        found = image_files(path)
        if not found:
            raise ConfigError(f"{each}: no image in this folder (looked for {', '.join(image_io.FORMATS)})")
        for item in found:
            yield str(item), item
    else:
        yield str(each), path  # one that is missing becomes a row with its error, like any bad file


def _from_stdin(stdin: BinaryIO) -> Iterator[Named]:
    data = stdin.read()
    if image_io.looks_like_image(data):
        yield "-", data
        return
    names = _names(data)
    if names is None:
        yield "-", data  # no text either: its own error as an image says the rest
        return
    if not names:
        raise ConfigError("-: standard input is empty; pipe in an image, or file names, one a line")
    for name in names:
        yield name, Path(name)


def _names(data: bytes) -> list[str] | None:
    """The file names of a list, one a line, or with a NUL after each; None where the bytes are no text."""
    try:
        text, encoding = decode_text(data)
    except EncodingError:
        return None
    lines = text.split("\0") if "\0" in text else re.split(r"\r\n|\r|\n", text)
    if any(sign < " " and sign != "\t" for line in lines for sign in line):
        return None
    if encoding != UTF8:
        log(f"read as: {encoding} text (standard input)")
    # A name may begin or end in a blank: it is as it stands where there is such a file.
    return [line if os.path.exists(line) else line.strip() for line in lines if line.strip()]  # noqa: PTH110


def to_csv(predictions: Sequence[Prediction], *, safe: bool = False, probabilities: bool = False) -> str:
    """The predictions as CSV: file, label, text or tags (``cat|dog``), confidence, error.

    Of a bundle that abstains also accepted, of one with groups also group and group_confidence.

    Args:
        predictions: the answers.
        probabilities: also a column a class or tag, ``probability: CLASS``.
        safe: make text of cells that a spreadsheet would compute, see `tellapart.core.csv_writing.csv_text`.
    """
    what = ANSWER[predictions[0].task] if predictions else "label"
    if probabilities and what == ANSWER["read"]:
        raise ConfigError("probabilities: a reader has none of whole texts; give --nbest for its next best readings")
    cells: dict[str, Callable[[Prediction], str]] = {
        "file": lambda row: row.file,
        what: lambda row: row.answer,
        "confidence": lambda row: _chance(row, row.confidence),
        "error": lambda row: row.error or "",
    }
    if any(row.accepted is not None for row in predictions):
        cells["accepted"] = lambda row: "" if row.accepted is None else str(row.accepted).lower()
    if any(row.group is not None for row in predictions):
        cells |= {
            "group": lambda row: row.group or "",
            "group_confidence": lambda row: _chance(row, row.group_confidence),
        }
    if probabilities:
        for name in dict.fromkeys(name for row in predictions for name in row.probabilities):
            cells[f"probability: {name}"] = lambda row, name=name: _chance(row, row.probabilities.get(name))  # type: ignore[misc]
    return csv_text(list(cells), ([cell(row) for cell in cells.values()] for row in predictions), safe=safe)


def _chance(row: Prediction, value: float | None) -> str:
    return "" if row.error or value is None else f"{value:.6f}"
