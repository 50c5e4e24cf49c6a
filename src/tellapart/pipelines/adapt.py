"""A reader that teaches itself: pictures without labels, of which it learns what it is sure to read.

Self-training (Scudder 1965; Lee 2013, "Pseudo-label"): read all pictures in several views, take for labels what these
agree on, train on them from the same beginning, and read again; each round is sure of more. What it is surely wrong
about it learns too, so a reader that is sure of little is refused, and how good the result is only labels of a person
can tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from tellapart.core.errors import CatalogError, ConfigError, pluralize
from tellapart.core.folder_lock import hold_folder
from tellapart.core.progress import log, track
from tellapart.data.catalog import Catalog
from tellapart.data.opening import check_source, open_with_defaults
from tellapart.data.split import split
from tellapart.inference.base_model import BASE, BASE_SMALL
from tellapart.inference.folder_reading import choose_reader
from tellapart.inference.predictor import Predictor
from tellapart.inference.reader_ensemble import ReaderEnsemble
from tellapart.pipelines.preconditions import check_beginning, check_training
from tellapart.pipelines.train import train
from tellapart.training.config import make_config
from tellapart.training.options import ReaderOptions
from tellapart.training.run_folder import MODEL

ROUNDS = 3
SURE = 0.5  # a reading whose mean probability over all views is at least this is taken for a label
MIN_SHARE = 0.1  # of all pictures that must be read so surely before a reader can teach itself
MIN_SURE = 20  # pictures, likewise
SAME_LENGTH = 0.95  # share of the sure readings of one length from which on the others count as misread
VAL = 0.15  # share of the sure readings that choose instead of teaching


class AdaptResult(TypedDict):
    """What `adapt` answers: the last round's folders, seconds of training, pictures, and the sure ones a round."""

    run: str
    bundle: str
    seconds: float
    n: int
    sure: list[int]


def adapt(
    data: str | Path | Catalog,
    *,
    out: str | Path,
    model: str | Path = BASE,
    rounds: int = ROUNDS,
    alphabet: str | None = None,
    pattern: str | None = None,
    seed: int = 0,
    **options: Unpack[ReaderOptions],
) -> AdaptResult:
    """Teach a reader its own sure readings of pictures that nobody has labelled.

    Args:
        data: pictures of one kind: a folder of them, or a catalog; what labels they have is not looked at.
        out: a folder for the runs, one a round. The same call again goes on where a stopped one left off.
        model: the reader whose readings teach first, and with whose weights each training begins: a run, or a bundle
            with weights; where ``base`` reads, trainings begin with ``small``.
        rounds: how often to read and train.
        alphabet: the only characters that a text may hold, see `tellapart.inference.constraints.TextConstraint`.
        pattern: a regular expression that a text matches, likewise.
        seed: of the split and of each training.
        options: of the training, see `tellapart.training.config.TrainConfig`.

    Returns:
        ``run`` and ``bundle`` (folders of the last round), ``seconds`` of training, ``n`` pictures, and ``sure``: of
        how many of them the reader was sure, a number a round.

    Raises:
        ConfigError: no round, or another command works in ``out``.
        CatalogError: the reader is sure of too few pictures to learn from.

    Example:
        tellapart.adapt("pictures", out="runs/adapted", pattern="[0-9]{5}")
    """
    if rounds < 1:
        raise ConfigError(f"rounds {rounds}: give 1 or more")
    check_source(data)
    check_beginning("model", model)
    finished = (Path(out) / f"round-{rounds}" / MODEL).is_file()
    check_training(make_config(options={**options, "seed": seed}), finished=finished)
    sure: list[int] = []
    seconds = 0.0
    reader: str | Path = model
    begin = BASE_SMALL if model == BASE else str(model)
    with hold_folder(out):
        # Any file name is as good as a label that is not looked at.
        catalog = (
            data
            if isinstance(data, Catalog)
            else open_with_defaults(data, {"label_from": "text"}, task="read", progress=True)
        )
        for number in range(1, rounds + 1):
            read = _read_by(reader, catalog, alphabet, pattern).with_meta(read_by=str(model))
            sure.append(len(read.rows()))
            log(f"round {number} of {rounds}: sure of {sure[-1]:,} of {pluralize(len(catalog.rows()), 'picture')}")
            part = split(read, seed=seed, fractions=(1 - VAL, VAL, 0))
            folder = Path(out) / f"round-{number}"
            result = train(part, out=folder, task="read", init_from=begin, seed=seed, **options)
            reader, seconds = result["bundle"], seconds + result["seconds"]
    return {
        "run": result["run"],
        "bundle": result["bundle"],
        "seconds": round(seconds, 1),
        "n": len(catalog.rows()),
        "sure": sure,
    }


def _read_by(reader: str | Path, catalog: Catalog, alphabet: str | None, pattern: str | None) -> Catalog:
    """The catalog with the reader's sure readings as labels; other rows are kept out of it.

    Raises:
        CatalogError: the reader is sure of too few.
    """
    predictor = Predictor(reader, alphabet=alphabet, pattern=pattern, tta=True)  # which only a reader can be
    rows = catalog.rows()

    def items(indices: Sequence[int]) -> Iterator[tuple[str, bytes]]:
        return ((str(row), data) for row, data in catalog.read([rows[index] for index in indices]))

    chosen = choose_reader(predictor, items, len(rows))
    if isinstance(chosen, Predictor):
        chosen = ReaderEnsemble(chosen.tta_members())
    answers = chosen.agree(items(range(len(rows))))
    predictions = {int(each.file): each for each in track(answers, "reading", len(rows))}
    sure = {row for row, each in predictions.items() if each.answer and each.confidence >= SURE}
    if len(sure) < max(MIN_SURE, MIN_SHARE * len(rows)):
        unsaid = [name for name, given in (("--alphabet", alphabet), ("--pattern", pattern)) if given is None]
        more = f"say what is known of the texts ({', '.join(unsaid)}), or " if unsaid else ""
        raise CatalogError(
            f"{catalog.source}: {reader} is sure of {len(sure):,} of {pluralize(len(rows), 'picture')} only, too few "
            f"to teach itself; {more}label 50 pictures and train"
        )
    [(length, count)] = Counter(len(predictions[row].answer) for row in sure).most_common(1)
    if count >= SAME_LENGTH * len(sure):
        sure = {row for row in sure if len(predictions[row].answer) == length}
    labels, keep, why = list(catalog.column("label")), list(catalog.column("keep")), list(catalog.column("why"))
    for row in rows:
        keep[row] = row in sure
        if keep[row]:
            labels[row] = predictions[row].answer
        else:
            why[row] = f"not surely read: {predictions[row].answer!r} ({predictions[row].confidence:.2f})"
    labelled = catalog.with_column("label", labels).with_column("keep", keep).with_column("why", why)
    # A letter that the texts are known to hold is not lost because it was never surely read.
    characters = "".join(letter for letter in predictor.bundle.charset.characters if letter in (alphabet or ""))
    return labelled.with_column("split", [None] * len(labelled)).with_meta(characters=characters)
