"""The audit against known answers, and its speed beside cleanvision and imagededup in one run.

    TELLAPART_DATA=DATA python -m benchmarks audit [--rounds 3] [--no-speed]

DATA/illustrations/messy20 holds class folders of clip art with copies and photos mixed in on purpose, and
DATA/illustrations/messy20.answers.csv (file,kind,of) says which; DATA/photos/animals_objects holds class folders of
Caltech-101; DATA/faces/fer2013 class folders of FER2013. Without them there is nothing to do. Speeds are medians;
a peer that is not installed (the extra ``peers``) is left out.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import loky
import numpy as np

from benchmarks.timing import Spread, ratios, time_in_turn
from tellapart.core.errors import ImageError
from tellapart.core.image_io import decode
from tellapart.core.parallel import map_threads
from tellapart.curation.audit import run_audit
from tellapart.curation.findings import Findings
from tellapart.data.catalog import Catalog, encoded
from tellapart.data.duplicates.hashing import connected_components, picture_hash, thumbnail
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.pipelines.audit import default_embedder


def pairs(groups: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """All pairs of rows of one group."""
    return {(min(a, b), max(a, b)) for group in groups for at, a in enumerate(group) for b in group[at + 1 :]}


def answers(findings: Findings, path: Path) -> dict[str, float]:
    """Copies and photos against the answers; print them."""
    with path.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    row = {file: number for number, file in enumerate(findings.catalog.column("file"))}
    truth = [(line["kind"], row[line["file"]], row[line["of"]]) for line in lines if line["of"]]
    true_pairs = pairs(connected_components((a, b) for _, a, b in truth))
    exact = pairs(findings.checks["exact_duplicates"].groups)
    near = pairs(findings.checks["near_duplicates"].groups) | exact
    wanted = [(min(a, b), max(a, b)) for kind, a, b in truth if kind == "exact"]
    exact_recall = float(np.mean([pair in exact for pair in wanted]))
    print(f"exact copies   recall {exact_recall:.3f} of {len(wanted)}")
    kinds: dict[str, list[bool]] = {}
    for kind, a, b in truth:
        if kind.startswith("near:"):
            kinds.setdefault(kind[5:], []).append((min(a, b), max(a, b)) in near)
    hits = [hit for found in kinds.values() for hit in found]
    extra = sorted(near - true_pairs - exact)
    print(f"near-copies    recall {np.mean(hits):.3f} of {len(hits)}, {len(extra)} pairs that are not in the answers")
    print("               " + ", ".join(f"{kind} {sum(found)}/{len(found)}" for kind, found in sorted(kinds.items())))
    files = findings.catalog.column("file")
    for a, b in extra:
        print(f"               extra: {files[a]}  {files[b]}")
    photos = {row[line["file"]] for line in lines if line["kind"] == "photo"}
    flagged = set(findings.checks["off_domain"].why)
    f1 = 2 * len(photos & flagged) / max(len(photos) + len(flagged), 1)
    print(f"off-domain     F1 {f1:.3f} ({len(photos & flagged)} of {len(photos)} found, {len(flagged - photos)} wrong)")
    return {
        "exact_recall": exact_recall,
        "near_recall": float(np.mean(hits)),
        "near_extra": len(extra),
        "off_domain_f1": f1,
    }


def flips(data: Path, folder: Path, seeds: Sequence[int] = (0, 1, 2)) -> list[float]:
    """A tenth of the labels flipped: how many stand in the first 15 % of the ranking, seed by seed."""
    shares = []
    clean = open_catalog(data)
    for seed in seeds:
        dice = np.random.default_rng(seed)
        labels = list(clean.column("label"))
        wrong = dice.choice(len(labels), len(labels) // 10, replace=False).tolist()
        for at in wrong:
            labels[at] = str(dice.choice([name for name in clean.labels if name != labels[at]]))
        found = run_audit(
            clean.with_column("label", labels), out=folder / f"flips-{seed}", embedder=default_embedder
        ).checks["label_errors"]
        files = clean.column("file")
        first = set(found.facts["ranking"][: int(0.15 * len(labels))])
        hits = float(np.mean([files[at] in first for at in wrong]))
        shares.append(hits)
        right = np.mean([at in set(wrong) for at in found.why]) if found.why else float("nan")
        print(f"flipped labels seed {seed}: {hits:.3f} of {len(wrong)} in the first 15 %; {len(found.why)} flagged, "
              f"{right:.2f} of them flipped")  # fmt: skip
    return shares


def faces(data: Path, folder: Path) -> None:
    """Exact copies with different labels."""
    found = run_audit(data, out=folder / "faces")
    labels = found.catalog.column("label")
    exact = [group for group in found.checks["exact_duplicates"].groups if len({labels[row] for row in group}) > 1]
    near = found.checks["near_duplicates"].groups
    part = split(found.catalog).column("split")
    crossing = [group for group in [*exact, *near] if len({part[row] for row in group}) > 1]
    print(
        f"faces          {len(exact)} exact copies with different labels, {len(near)} groups of near-copies; "
        f"{len(crossing)} of them cross the split"
    )


def hash_all(catalog: Catalog) -> None:
    """Decode and hash every image, as a hashing library does."""

    def hashed(item: tuple[int, bytes | ImageError]) -> bytes:
        return picture_hash(thumbnail(decode(item[1]))) if isinstance(item[1], bytes) else b""

    for _ in map_threads(hashed, encoded(catalog, range(len(catalog)))):
        pass


def speed(data: Path, rounds: int) -> dict[str, Any]:
    """Images a second of the same set, each in turn, and ratios to the peers."""
    catalog = open_catalog(data)
    ours: dict[str, Callable[[], Any]] = {
        "tellapart audit": lambda: _fresh(data, pretrained=True),
        "tellapart audit --no-pretrained": lambda: _fresh(data, pretrained=False),
        "tellapart hashing": lambda: hash_all(catalog),
    }
    runs = ours | _peers(data)
    seconds = time_in_turn(runs, rounds)
    figures: dict[str, Any] = {}
    for name, values in seconds.items():
        rate = Spread.of([len(catalog) / each for each in values])
        print(f"{name:<32} {rate.median:7.0f} images a second")
        figures[f"{name}, images a second"] = rate.to_json()
    for one, other, aim in (
        ("tellapart audit", "cleanvision", 3),
        ("tellapart audit --no-pretrained", "cleanvision", 3),
        ("tellapart hashing", "imagededup PHash", 1),
    ):
        if other in seconds:
            gain = ratios(seconds[other], seconds[one])
            print(f"{one} / {other}: {gain} (aim: {aim})")
            figures[f"{one} / {other}"] = gain.to_json()
    return figures


def _fresh(data: Path, *, pretrained: bool) -> None:
    """As a command does it: into a new folder, and with processes that are started for it."""
    folder = Path(tempfile.mkdtemp())
    try:
        run_audit(data, out=folder / "a", embedder=default_embedder if pretrained else None)
    finally:
        loky.get_reusable_executor().shutdown()
        shutil.rmtree(folder)


def _peers(data: Path) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {}
    try:
        from cleanvision import Imagelab  # type: ignore[import-not-found]

        found["cleanvision"] = lambda: Imagelab(data_path=str(data), verbose=False).find_issues(verbose=False)
    except ImportError:
        print("cleanvision is not installed: left out", file=sys.stderr)
    try:
        from tellapart.training._torchvision import mend_torchvision

        mend_torchvision()
        from imagededup.methods import PHash  # type: ignore[import-not-found]

        found["imagededup PHash"] = lambda: PHash(verbose=False).encode_images(image_dir=str(data), recursive=True)
    except ImportError:
        print("imagededup is not installed: left out", file=sys.stderr)
    return found


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-speed", action="store_true")
    given = parser.parse_args()
    root = Path(os.environ.get("TELLAPART_DATA", "nowhere"))
    messy = root / "illustrations" / "messy20"
    if not messy.is_dir():
        print(f"{messy}: not there; set TELLAPART_DATA to the folder of the sets (nothing was measured)")
        return {}
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for pretrained in (True, False):
            print("with a pretrained network" if pretrained else "without")
            embedder = default_embedder if pretrained else None
            findings = run_audit(messy, out=folder / f"messy-{pretrained}", embedder=embedder)
            figures["pretrained" if pretrained else "no pretrained"] = answers(
                findings, messy.parent / "messy20.answers.csv"
            )
        figures["flipped labels in the first 15 %"] = flips(root / "photos" / "animals_objects", folder)
        faces(root / "faces" / "fer2013", folder)
    if not given.no_speed:
        figures["speed"] = speed(messy, given.rounds)
    return figures
