"""The bundle: a folder that answers the same everywhere. The only thing that predicts; it needs no torch.

    bundle.json   the manifest: task, labels or charset, groups, preprocessing, metrics, data, versions, sha256 of files
    model.onnx    uint8 pixels in, probabilities and features out
    README.md     the model card
    reference.parquet  a sample of unseen images in numbers, for `tellapart drift`
    training_images.parquet  digests of the images that it knows from its training, for `tellapart evaluate`

A renamed folder still works; a changed byte is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tellapart.core.documents import load_json
from tellapart.core.errors import BundleError
from tellapart.core.files import atomic_file, atomic_folder, contents, recover_folder
from tellapart.inference.base_model import BASE, base_reader
from tellapart.inference.charset import Charset
from tellapart.inference.manifest import FORMAT, MANIFEST, BundleManifest, Calibration
from tellapart.inference.model_card import card
from tellapart.inference.preprocess import Preprocess

GRAPH = "model.onnx"
PROBABILITIES, FEATURES = "probabilities", "features"  # the graph's outputs
CARD = "README.md"  # where people and model hubs look for it


@dataclass(frozen=True)
class Bundle:
    """A bundle's folder and its manifest.

    Args:
        path: the folder.
        manifest: what its ``bundle.json`` says.
    """

    path: Path
    manifest: BundleManifest

    @classmethod
    def open(cls, path: str | Path) -> Bundle:
        """Open a bundle, or the bundle of a run folder, and check every byte of it; ``base`` is the shipped reader.

        Raises:
            BundleError: no bundle there, another format, a missing file, a changed byte, or a manifest with a missing
                key or a value of the wrong type.
        """
        folder = base_reader() if isinstance(path, str) and path == BASE else Path(path)
        for each in (folder, folder / "bundle"):
            recover_folder(each)
        if not (folder / MANIFEST).is_file() and (folder / "bundle" / MANIFEST).is_file():
            folder = folder / "bundle"
        if not (folder / MANIFEST).is_file():
            reason = (
                "an unfinished run; run its train command again" if (folder / "config.yaml").is_file() else "no bundle"
            )
            raise BundleError(f"{path}: {reason} (a bundle is a folder with {MANIFEST} and {GRAPH})")
        manifest = _read_manifest(folder)
        for name, digest in manifest.files.items():
            file = folder / name
            if not file.is_file():
                raise BundleError(f"{file}: missing; copy the whole bundle folder or export the run again")
            if file_digest(file) != digest:
                raise BundleError(f"{file}: changed since it was written; export the run again")
        return cls(folder, manifest)

    @classmethod
    def write(cls, folder: Path, manifest: BundleManifest) -> Bundle:
        """Write the manifest of the files that lie in ``folder`` already, and the model card.

        Args:
            folder: the bundle's folder.
            manifest: its ``files`` are replaced by those of the folder.
        """
        with atomic_file(folder / CARD) as temporary:
            temporary.write_text(card(manifest), encoding="utf-8")
        files = {item.name: file_digest(item) for item in contents(folder) if item.is_file() and item.name != MANIFEST}
        manifest = replace(manifest, files=files)
        with atomic_file(folder / MANIFEST) as temporary:
            temporary.write_text(_signed(manifest.to_json()), encoding="utf-8")
        return cls(folder, manifest)

    def with_metrics(self, metrics: Mapping[str, Any]) -> Bundle:
        """The same bundle with an evaluation's headline figures written in; the report stays with the run.

        A new folder with the same files takes the place of the old one.

        Args:
            metrics: what `tellapart.evaluate` returns; the figures with an interval are written.
        """
        with atomic_folder(self.path) as folder:
            shutil.copytree(self.path, folder, dirs_exist_ok=True, copy_function=_link_or_copy, ignore=_temporaries)
            written = Bundle.write(folder, self.manifest.with_metrics(metrics))
        return Bundle(self.path, written.manifest)

    @property
    def task(self) -> str:
        """``classify`` or ``read``."""
        return self.manifest.task

    @property
    def name(self) -> str:
        """The folder's name; of a run's bundle, the run's."""
        folder = self.path.absolute()
        return folder.parent.name if folder.name == "bundle" else folder.name

    @property
    def version(self) -> str:
        """The sha256 of its graph, in hex."""
        return self.manifest.files[GRAPH]

    @property
    def labels(self) -> list[str]:
        """The classes, in the order of the graph's output; empty for a reader."""
        return list(self.manifest.labels or [])

    @property
    def groups(self) -> dict[str, str]:
        """Class → coarse label; empty where there are none."""
        return dict(self.manifest.groups or {})

    @property
    def calibration(self) -> Calibration | None:
        """Temperature (in the graph already), threshold and level to abstain below; chosen on validation images."""
        return self.manifest.calibration

    @property
    def length(self) -> int | None:
        """How many characters a reader expects unless a pattern is given; None where its training texts differ."""
        return self.manifest.length

    @property
    def charset(self) -> Charset:
        """The characters that a reader knows.

        Raises:
            BundleError: the bundle is a classifier.
        """
        if self.manifest.charset is None:
            raise BundleError(f"{self.path}: a classifier, which has no charset")
        return self.manifest.charset

    @property
    def preprocess(self) -> Preprocess:
        """The preprocessing spec."""
        return self.manifest.preprocess


def file_digest(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _link_or_copy(source: str, target: str) -> None:
    """A second name of the same file, or a copy where there can be none: files of a bundle never change."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _temporaries(folder: str, names: list[str]) -> set[str]:
    """The names in a folder that are other writers'."""
    return set(names) - {item.name for item in contents(Path(folder))}


def _read_manifest(folder: Path) -> BundleManifest:
    file = folder / MANIFEST
    try:
        text = file.read_text(encoding="utf-8")
        document = load_json(text)
        digest = document.pop("sha256")
        stored = document["format"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{file}: not readable as a bundle's description: {error!r}") from error
    if stored != FORMAT:
        raise BundleError(f"{folder}: format {stored}; this version reads {FORMAT}: export it again")
    if text != _signed(document) or digest != _digest(document):
        raise BundleError(f"{file}: changed since it was written; export the run again")
    try:
        manifest = BundleManifest.from_json(document)
    except BundleError as error:
        raise BundleError(f"{file}: {error}; export the run again") from error
    if GRAPH not in manifest.files:
        raise BundleError(f"{file}: files.{GRAPH}: missing; export the run again")
    return manifest


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _signed(document: Mapping[str, Any]) -> str:
    """The text of the file: the document with the digest of itself."""
    return json.dumps({**document, "sha256": _digest(document)}, indent=2, ensure_ascii=False) + "\n"
