"""The verb `strength`: attacks with more and more labels on a CAPTCHA, and on changes of its scheme."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack, cast

from tellapart.core.errors import CatalogError, ConfigError, TextError
from tellapart.core.files import atomic_file, check_target, check_writable, write_json
from tellapart.core.folder_lock import hold_folder
from tellapart.core.parallel import processor
from tellapart.core.progress import log
from tellapart.data.catalog import Catalog
from tellapart.data.opening import log_notes, open_catalog
from tellapart.data.source_options import LABEL_OPTIONS, LabelOptions
from tellapart.data.split import split
from tellapart.pipelines.preconditions import check_training
from tellapart.pipelines.strength.ablation import with_hardships, without_hardships
from tellapart.pipelines.strength.attack import PICTURES, attack, attack_self_taught, attack_untrained, ladder
from tellapart.pipelines.strength.page import page
from tellapart.pipelines.strength.samples import sample_pictures, samples
from tellapart.pipelines.strength.verdict import advice, verdict
from tellapart.synthesis import SCHEMES, RandomScheme, Scheme
from tellapart.synthesis import scheme as open_scheme
from tellapart.synthesis.generate import generate
from tellapart.synthesis.presets import check_pictures
from tellapart.training.config import make_config
from tellapart.training.options import ReaderOptions

LABELS = (0, 50, 100, 200, 500, 1000)
TESTED = 1000  # drawn images that judge
BROKEN = 0.01  # share of the texts that are read exactly
BROKEN_BY = "Bursztein, Martin and Mitchell: Text-based CAPTCHA strengths and weaknesses (CCS 2011)"
CHANGED = 200  # labels of the attacks on changed schemes
LIMITS = (
    "The attacker is this package's reader; one with more patience, people to label, or another model reads at least "
    "as much. A high figure therefore proves weakness; a low one proves no strength.",
    "Images that are read are not all that guards a form: limits on attempts, expiry and traffic analysis count too, "
    "and people must still be able to read what is drawn.",
)


class StrengthOptions(ReaderOptions, LabelOptions, total=False):
    """Options of the training, and how labelled images are read."""


class StrengthResult(TypedDict):
    """What `strength` answers."""

    target: str
    left_out: list[str]
    curve: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    n: int
    machine: str
    broken_with: int | None
    broken_by: str
    broken_from: float
    characters: list[dict[str, Any]]
    limits: list[str]
    drawn: bool
    verdict: str
    advice: list[str]
    samples: list[dict[str, str]]


def strength(
    target: str | Path | Scheme,
    *,
    out: str | Path,
    labels: Sequence[int] = LABELS,
    changes: bool = True,
    self_taught: bool = True,
    report: str | Path | None = None,
    seed: int = 0,
    **options: Unpack[StrengthOptions],
) -> StrengthResult:
    """Measure what an attacker reads of a CAPTCHA that you own or may test.

    Of labelled images, some teach and others judge. Of a scheme, as many images are drawn as are needed. For each
    number of labels a reader is trained that begins with the shipped one. Without labels, the shipped reader knows the
    alphabet and the lengths only; then it teaches itself on pictures without labels (`tellapart.adapt`). Of a scheme,
    each hardship is also taken away and others are added, and each change is attacked anew. The same call again goes
    on where a stopped one left off.

    Args:
        target: labelled images (see `tellapart.data.opening.open_catalog`), a named scheme, or a scheme's YAML file.
        out: a folder for what is drawn and trained.
        labels: how many the attacker has. Numbers that the data has not, or that are too few to train on, are left
            out with a note.
        changes: of a scheme, whether to attack changes of it too.
        self_taught: whether the attacker without labels also teaches itself, which takes minutes.
        report: an HTML page to write.
        seed: of the drawing, the split and the trainings.
        options: of the training, such as ``effort``, and how to read labelled images, such as ``label_column``.

    Returns:
        ``target``, ``n`` (images that judge), ``curve`` (a step a number of labels; the self-taught step has the
        number of its ``pictures``), ``left_out`` (a sentence a number that was), ``machine`` (the processor that took
        the steps' seconds), ``broken_with`` (the fewest labels with which surely more than 1 % is read, or None),
        ``broken_by`` (source of that line, the share ``broken_from``), ``characters`` (hardest first), ``changes``,
        ``limits``, ``drawn`` (a scheme's images), ``verdict`` and ``advice`` in words, and ``samples``: file, text and
        what the strongest attacker read, of some that it read and some that it did not.

    Raises:
        ConfigError: numbers of labels that are none, or a place where nothing can be written or another command works.
        CatalogError: data without texts.

    Example:
        tellapart.strength("digits", out="strength", labels=[0, 50], changes=False, report="strength.html")
    """
    out = Path(out)
    wanted = _check_arguments(labels, out, report)
    scheme = _scheme(target)
    reading: dict[str, Any] = {name: value for name, value in options.items() if name in LABEL_OPTIONS}
    training: dict[str, Any] = {name: value for name, value in options.items() if name not in LABEL_OPTIONS}
    check_training(make_config(options=training))
    if scheme and reading:
        raise ConfigError(f"{', '.join(sorted(reading))}: for labelled images; a scheme's images are drawn")
    with hold_folder(out):
        teaches = 0 in wanted and self_taught
        most = max(*wanted, PICTURES) if teaches else max(wanted)
        catalog = (
            _draw_scheme(scheme, most, out / "data", seed) if scheme else _open_labelled(str(target), seed, reading)
        )
        steps, left_out = ladder(wanted, catalog)
        if not steps and 0 not in wanted:
            raise ConfigError(f"nothing to attack with; {'; '.join(left_out)}")
        for note in left_out:
            log(f"note: {note}")
        record = _Record(out / "strength.json", getattr(scheme, "name", str(target)), left_out, drawn=bool(scheme))
        if 0 in wanted:
            _attack_without_labels(record, catalog, out / "pictures" if teaches else None, seed, training)
        for number in steps:
            record.add(attack(catalog, number, out / f"labels-{number}", seed=seed, **training))
        if scheme and changes:
            record.result["changes"] = _attack_changes(scheme, out / "changes", seed, training)
        _finish(record, catalog, report)
    return cast(StrengthResult, record.result)


class _Record:
    """The figures so far, on disk after each step: they stand, whatever becomes of the next one.

    Args:
        path: the JSON file.
        target: the name of what is attacked.
        left_out: sentences about numbers of labels that are left out.
        drawn: whether the images are drawn by a scheme.
    """

    def __init__(self, path: Path, target: str, left_out: list[str], *, drawn: bool) -> None:
        self.path = path
        self.result: dict[str, Any] = {
            "target": target, "left_out": left_out, "curve": [], "changes": [], "samples": [], "drawn": drawn
        }  # fmt: skip

    def add(self, step: dict[str, Any]) -> None:
        """Put a step at the end of the curve, and write."""
        self.result["curve"].append(step)
        self.write()

    def leave_out(self, sentence: str) -> None:
        """Say why a step is missing."""
        self.result["left_out"].append(f"left out: {sentence}")

    def write(self) -> None:
        """Write the figures with their summary."""
        self.result.update(_summary(self.result["curve"]))
        self.result |= {"verdict": verdict(self.result), "advice": advice(self.result)}
        write_json(self.path, self.result)


def _finish(record: _Record, catalog: Catalog, report: str | Path | None) -> None:
    """Add samples of what was read and what was not, and write the figures and the page."""
    record.result["samples"] = samples(catalog, record.result["curve"])
    record.write()
    if report is not None:
        pictures = sample_pictures(catalog, record.result["samples"])
        with atomic_file(Path(report)) as temporary:
            temporary.write_text(page(record.result, pictures), encoding="utf-8")


def _check_arguments(labels: Sequence[int], out: Path, report: str | Path | None) -> list[int]:
    """The numbers of labels, sorted, each once.

    Raises:
        ConfigError: there are none, one is below 0, or nothing can be written where the result belongs.
    """
    if isinstance(labels, str | int):
        raise ConfigError(f"labels {labels!r}: give a list of numbers, such as [0, 50]")
    wanted = sorted(set(labels))
    if not wanted or wanted[0] < 0:
        raise ConfigError(f"labels {list(labels)}: give numbers from 0, such as 0,50,200")
    if report is not None:
        check_target(report, ".html", ".htm")
    if out.is_file():
        raise ConfigError(f"{out}: a file; --out is a folder for what is drawn and trained")
    check_writable(out / "strength.json")
    return wanted


# --- data --------------------------------------------------------------------------------------------


def _scheme(target: str | Path | Scheme) -> Scheme | None:
    """The scheme of a name or a YAML file; None where the target is data."""
    if isinstance(target, Scheme):
        return target
    if str(target) not in SCHEMES and Path(target).suffix.lower() not in (".yaml", ".yml"):
        check_pictures(str(target))
        return None
    scheme = open_scheme(str(target))
    if isinstance(scheme, RandomScheme):
        raise ConfigError(f"{target}: another scheme each picture, whose strength is no one's; name a scheme")
    return scheme


def _draw_scheme(scheme: Scheme, most: int, folder: Path, seed: int, tested: int | None = None) -> Catalog:
    """A scheme's images: as many as the attacker has labels, and those that judge, `TESTED` by default."""
    tested = TESTED if tested is None else tested
    description = folder.parent / "drawn.json"
    wanted = {"scheme": str(scheme), "seed": seed, "tested": tested}
    if folder.is_dir():
        stored = json.loads(description.read_text(encoding="utf-8")) if description.is_file() else {}
        if wanted != {name: stored.get(name) for name in wanted} or stored["n"] < most + tested:
            raise ConfigError(
                f"{folder}: drawn for another scheme, another seed or fewer labels; give a new --out, or delete it"
            )
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_json(description, {**wanted, "n": most + tested})
        generate(scheme, most + tested, folder, seed=seed)
    catalog = open_catalog(folder, task="read", progress=True)
    # No two drawn images are copies, so the first judge and the others teach.
    return catalog.with_column("split", ["test" if row < tested else "train" for row in range(len(catalog))])


def _open_labelled(target: str, seed: int, reading: dict[str, Any]) -> Catalog:
    catalog = open_catalog(target, task="read", progress=True, **reading)
    log_notes(catalog)
    return split(replace(catalog, notes=()), seed=seed)  # said once, not by every training


# --- attacks -----------------------------------------------------------------------------------------


def _attack_without_labels(
    record: _Record, catalog: Catalog, out: Path | None, seed: int, training: dict[str, Any]
) -> None:
    """The shipped reader as it is, then, with a folder for it, self-taught; a sentence where either is impossible."""
    untrained = attack_untrained(catalog)
    if untrained is None:
        record.leave_out("without labels, as the shipped reader does not know all characters")
        return
    record.add(untrained)
    if out is None:
        return
    try:
        record.add(attack_self_taught(catalog, out, seed=seed, **training))
    except (CatalogError, TextError) as error:
        record.leave_out(f"pictures without labels, of which it could teach itself: {error}")
        log(f"note: {record.result['left_out'][-1]}")


def _attack_changes(scheme: Scheme, out: Path, seed: int, training: dict[str, Any]) -> list[dict[str, Any]]:
    """The scheme as it is, without each hardship and with others, each attacked with `CHANGED` labels."""
    rows = []
    schemes = {"as it is": scheme, **without_hardships(scheme), **with_hardships(scheme)}
    for number, (name, changed) in enumerate(schemes.items()):
        folder = out / f"{number:02d}"
        catalog = _draw_scheme(changed, CHANGED, folder / "data", seed, TESTED // 2)
        step = attack(catalog, CHANGED, folder / "run", seed=seed, **training)
        rows.append({"change": name, **{key: step[key] for key in ("labels", "seconds", "n", "exact_match", "cer")}})
    return rows


# --- summary -----------------------------------------------------------------------------------------


def _summary(curve: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "n": curve[-1]["n"] if curve else 0,
        "machine": processor(),
        "broken_with": next((step["labels"] for step in curve if step["exact_match"]["ci95"][0] > BROKEN), None),
        "broken_by": BROKEN_BY,
        "broken_from": BROKEN,
        "characters": _characters(curve[-1]) if curve else [],
        "limits": list(LIMITS),
    }


def _characters(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Characters by how often they were misread, the worst first; those that never were are left out.

    >>> _characters({"confused": [{"truth": "a", "n": 1}, {"truth": "b", "n": 2}, {"truth": "", "n": 3}]})
    [{'character': 'b', 'missed': 2}, {'character': 'a', 'missed': 1}]
    """
    missed: dict[str, int] = {}
    for pair in report["confused"]:
        if pair["truth"]:
            missed[pair["truth"]] = missed.get(pair["truth"], 0) + pair["n"]
    return [
        {"character": name, "missed": n} for name, n in sorted(missed.items(), key=lambda item: (-item[1], item[0]))
    ]
