"""How strong is a CAPTCHA? What an attacker reads of it with so many labels, and which of its hardships hold out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tellapart.core.errors import CatalogError, ConfigError, TextError
from tellapart.core.parallel import processor

if TYPE_CHECKING:
    from tellapart.data.catalog import Catalog
    from tellapart.synthesis import Scheme

LABELS = (0, 50, 100, 200, 500, 1000)
TESTED = 1000  # drawn images that judge
BROKEN = 0.01  # of all texts read right
BROKEN_BY = "Bursztein, Martin and Mitchell: Text-based CAPTCHA strengths and weaknesses (CCS 2011)"
CHANGED = 200  # labels of the attacks on changed schemes
READING = ("label_from", "file_column", "label_column", "group_by")  # how labelled images are read
LIMITS = (
    "The attacker is this package's reader; one with more patience, people to label, or another model reads at least "
    "as much. A high figure therefore proves weakness; a low one proves no strength.",
    "Images that are read are not all that guards a form: limits on attempts, expiry and traffic analysis count too, "
    "and people must still be able to read what is drawn.",
)


def strength(
    target: str | Path | Scheme,
    *,
    out: str | Path,
    labels: Sequence[int] = LABELS,
    changes: bool = True,
    report: str | Path | None = None,
    seed: int = 0,
    **options: Any,
) -> dict[str, Any]:
    """Measure what an attacker reads of a CAPTCHA that you own or may test.

    Of labelled images, some teach and others judge; a scheme is drawn, as many as are needed. For each number of labels
    a reader is trained, which begins with the shipped one; without labels that one is told the alphabet and the lengths
    only, and then teaches itself on pictures without labels (`tellapart.adapt`). Of a scheme, each hardship is also
    taken away and others are added, and each change is attacked anew. The same call again goes on where a stopped one
    left off.

    Args:
        target: labelled images (see `tellapart.data.opening.open_catalog`), a named scheme, or a scheme's YAML file.
        out: a folder for what is drawn and trained.
        labels: how many the attacker has; those that the data has not, or that are too few to train on, are left out,
            and that is said.
        changes: of a scheme, whether to attack changes of it too.
        report: an HTML page to write.
        options: of the training, such as ``effort``, and how to read labelled images, such as ``label_column``.

    Returns:
        ``target``, ``n`` (images that judge), ``curve`` (a step a number of labels; one that taught itself says of how
        many ``pictures``), ``left_out`` (numbers that were, and why), ``machine`` (that took the steps' seconds),
        ``broken_with`` (the fewest labels with which at least 1 % is surely read, or None), ``broken_by`` (whose line
        that is), ``characters`` (hardest first), ``changes``, ``limits``.

    Raises:
        ConfigError: numbers of labels that are none, or a place where nothing can be written.
        CatalogError: data without texts.
    """
    from tellapart.core.files import atomic_file, check_target, check_writable, write_json
    from tellapart.core.progress import log
    from tellapart.pipelines.strength.attack import PICTURES, attack, attack_self_taught, attack_untrained, ladder
    from tellapart.pipelines.strength.page import page

    wanted = sorted(set(labels))
    if not wanted or wanted[0] < 0:
        raise ConfigError(f"labels {list(labels)}: give numbers from 0, such as 0,50,200")
    if report is not None:
        check_target(report, ".html", ".htm")
    out = Path(out)
    if out.is_file():
        raise ConfigError(f"{out}: a file; --out is a folder for what is drawn and trained")
    check_writable(out / "strength.json")
    scheme = _scheme(target)
    reading = {name: options.pop(name) for name in READING if name in options}
    if scheme and reading:
        raise ConfigError(f"{', '.join(sorted(reading))}: for labelled images; a scheme's images are drawn")
    most = max(*wanted, PICTURES) if 0 in wanted else max(wanted)
    catalog = _drawn(scheme, most, out / "data", seed) if scheme else _given(target, seed, reading)
    steps, left_out = ladder(wanted, catalog)
    if not steps and 0 not in wanted:
        raise ConfigError(f"nothing to attack with; {'; '.join(left_out)}")
    for note in left_out:
        log(f"note: {note}")
    name = scheme.name if scheme else str(target)
    result: dict[str, Any] = {"target": name, "left_out": left_out, "curve": [], "changes": []}

    def keep() -> None:  # what is measured stands, whatever becomes of the next step
        result.update(_summary(result["curve"]))
        write_json(out / "strength.json", result)

    if 0 in wanted:
        if first := attack_untrained(catalog):
            result["curve"].append(first)
            keep()
            try:
                result["curve"].append(attack_self_taught(catalog, out / "pictures", seed=seed, **options))
                keep()
            except (CatalogError, TextError) as error:
                left_out.append(f"left out: pictures without labels, of which it could teach itself: {error}")
                log(f"note: {left_out[-1]}")
        else:
            left_out.append("left out: without labels, as the shipped reader does not know all characters")
    for number in steps:
        result["curve"].append(attack(catalog, number, out / f"labels-{number}", seed=seed, **options))
        keep()
    if scheme and changes:
        result["changes"] = _changes(scheme, out, seed, options)
    keep()
    if report is not None:
        with atomic_file(Path(report)) as temporary:
            temporary.write_text(page(result), encoding="utf-8")
    return result


def _summary(curve: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "n": curve[-1]["n"] if curve else 0,
        "machine": processor(),
        "broken_with": next((step["labels"] for step in curve if step["exact_match"]["ci95"][0] > BROKEN), None),
        "broken_by": BROKEN_BY,
        "characters": _characters(curve[-1]) if curve else [],
        "limits": list(LIMITS),
    }


def _scheme(target: str | Path | Scheme) -> Scheme | None:
    from tellapart.synthesis import SCHEMES, RandomScheme, Scheme
    from tellapart.synthesis import scheme as find

    if isinstance(target, Scheme):
        return target
    if str(target) not in SCHEMES and Path(target).suffix.lower() not in (".yaml", ".yml"):
        return None
    found = find(str(target))
    if isinstance(found, RandomScheme):
        raise ConfigError(f"{target}: another scheme each picture, whose strength is no one's; name a scheme")
    return found


def _drawn(scheme: Scheme, most: int, folder: Path, seed: int, tested: int = TESTED) -> Catalog:
    """A scheme's images: as many as the attacker has labels, and those that judge."""
    from tellapart.core.files import write_json
    from tellapart.data.opening import open_catalog
    from tellapart.synthesis.generate import generate

    told = folder.parent / "drawn.json"
    wanted = {"scheme": str(scheme), "seed": seed, "tested": tested}
    if folder.is_dir():
        stands = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {}
        if wanted != {name: stands.get(name) for name in wanted} or stands["n"] < most + tested:
            raise ConfigError(
                f"{folder}: drawn for another scheme, another seed or fewer labels; give a new --out, or delete it"
            )
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_json(told, {**wanted, "n": most + tested})
        generate(scheme, most + tested, folder, seed=seed)
    catalog = open_catalog(folder, task="read", progress=True)
    # No two drawn images are copies, so the first judge and the others teach.
    return catalog.with_column("split", ["test" if row < tested else "train" for row in range(len(catalog))])


def _given(target: str | Path | Any, seed: int, reading: dict[str, Any]) -> Catalog:
    from tellapart.data.opening import open_catalog
    from tellapart.data.split import split

    return split(open_catalog(target, task="read", progress=True, **reading), seed=seed)


def _characters(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Characters by how often they were misread, the worst first; of those that were at all."""
    missed: dict[str, int] = {}
    for pair in report["confused"]:
        if pair["truth"]:
            missed[pair["truth"]] = missed.get(pair["truth"], 0) + pair["n"]
    return [
        {"character": name, "missed": n} for name, n in sorted(missed.items(), key=lambda item: (-item[1], item[0]))
    ]


def _changes(scheme: Scheme, out: Path, seed: int, options: dict[str, Any]) -> list[dict[str, Any]]:
    from tellapart.pipelines.strength.ablation import with_hardships, without_hardships
    from tellapart.pipelines.strength.attack import attack

    rows = []
    tried = {"as it is": scheme, **without_hardships(scheme), **with_hardships(scheme)}
    for number, (name, changed) in enumerate(tried.items()):
        folder = out / "changes" / f"{number:02d}"
        catalog = _drawn(changed, CHANGED, folder / "data", seed, TESTED // 2)
        step = attack(catalog, CHANGED, folder / "run", seed=seed, **options)
        rows.append({"change": name, **{key: step[key] for key in ("labels", "seconds", "n", "exact_match", "cer")}})
    return rows
